"""The engine's memory and example ports: earlier turns from the database, examples from whoever registered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from uuid import UUID

from apps.workflows.engine.ports import Example, PromptMessage
from apps.workflows.selectors.messages import recent_turns
from model_runtime.tokens import TOKENS_PER_MESSAGE
from support.database import in_thread


class ConversationMemory:
    """The answered turns of one conversation (none outside of one)."""

    def __init__(self, conversation_id: UUID | None, *, is_new: bool) -> None:
        self._conversation_id = None if is_new else conversation_id

    async def recent(self, *, turns: int) -> Sequence[PromptMessage]:
        """The last turns, oldest first. A new conversation has none, and costs no query."""
        if self._conversation_id is None or turns <= 0:
            return []
        return await in_thread(recent_turns, self._conversation_id, turns=turns)


class RegisteredExamples:
    """Asks the example sources; given as a function because hooks are a neighbour of this layer."""

    def __init__(
        self,
        similar: Callable[[str, int], Awaitable[Sequence[Example]]],
        *,
        count: Callable[[str, Sequence[str]], Awaitable[list[int]]],
    ) -> None:
        """`count(model, texts)` says how many tokens the model takes each text for."""
        self._similar, self._count = similar, count

    async def similar(self, query: str, *, k: int, model: str = "") -> Sequence[Example]:
        """The k best approved examples for the query, best first; counted if a model is named."""
        found = await self._similar(query, k)
        if not model or not found:
            return found
        tokens = await self._count(model, [text for each in found for text in (each.question, each.answer)])
        return [
            replace(each, tokens=tokens[2 * at] + tokens[2 * at + 1] + 2 * TOKENS_PER_MESSAGE)
            for at, each in enumerate(found)
        ]
