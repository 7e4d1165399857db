"""What judging may reach, made real for one team: its models, its embeddings, and the sandbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from uuid import UUID

from apps.annotations.evaluation.case import CannotJudge, CodeSaid, Embedded, Said, Spent
from apps.workflows.adapters.code import SandboxedCode
from apps.workflows.adapters.fair_share import code_places
from apps.workflows.adapters.models import TeamModels
from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.events import Usage
from apps.workflows.engine.ports import CodeFailed, CodeRequest, ModelRequest, PromptMessage
from model_runtime.errors import ModelError
from model_runtime.tokens import estimate_tokens
from providers.services import open_embedding_model
from support.database import in_thread
from support.errors import ConsoleError
from support.ids import uuid7

#: Built in, without a provider: nothing is spent.
_FREE: Final = frozenset({"hashing", "local"})
#: A judge that were asked twice should say the same twice.
_PARAMETERS: Final[Mapping[str, Any]] = {"temperature": 0}


class TeamReach:
    """The models and the sandbox of a team, for judging."""

    def __init__(self, team_id: UUID) -> None:
        self._team_id = team_id
        self._models = TeamModels(team_id, share=(team_id, "judges"))

    async def ask(self, *, model: str, instructions: str, text: str) -> Said:
        """One reply of a chat model. Raises CannotJudge."""
        messages = [PromptMessage(role="system", text=instructions), PromptMessage(role="user", text=text)]
        request = ModelRequest(model=model, messages=messages, parameters=_PARAMETERS)
        said: list[str] = []
        usage = Usage()
        try:
            async with aclosing(self._models.stream(request)) as pieces:  # type: ignore[type-var]
                async for piece in pieces:
                    said.append(piece.text)
                    usage = piece.usage or usage
        except NodeFailure as exc:
            raise CannotJudge(exc.code, exc.message, spent=Spent(calls=1, unpriced=1)) from exc
        return Said(text="".join(said), spent=spent_on(usage, calls=1))

    async def embed(self, texts: Sequence[str], *, model: str) -> Embedded:
        """The vectors of texts. Raises CannotJudge."""
        try:
            opened = await in_thread(open_embedding_model, model, team_id=self._team_id)
            vectors = await opened.embed(texts)
        except (ModelError, ConsoleError) as exc:
            raise CannotJudge(exc.code, exc.message) from exc
        if model in _FREE:
            return Embedded(vectors=vectors)
        tokens = sum(map(estimate_tokens, texts))
        return Embedded(vectors=vectors, spent=Spent(calls=1, tokens=tokens, unpriced=1))

    async def run(self, code: str, *, language: str, inputs: Mapping[str, Any], seconds: float) -> CodeSaid:
        """What `main` gives back in the sandbox. Raises CannotJudge."""
        sandbox = SandboxedCode(uuid7(), places=code_places(), share=(self._team_id, "judges"))
        request = CodeRequest(language=language, code=code, inputs=inputs, wall_s=seconds)
        try:
            result = await sandbox.run(request)
        except CodeFailed as exc:
            raise CannotJudge(exc.code, exc.message) from exc
        return CodeSaid(value=dict(result.outputs), printed=result.report.stdout)


def spent_on(usage: Usage, *, calls: int) -> Spent:
    """What a usage means for a budget; without a known price the calls are counted as such."""
    cost = _decimal(usage.total_cost)
    return Spent(
        calls=calls,
        tokens=usage.total_tokens,
        cost=cost,
        currency=usage.currency if cost is not None else "",
        unpriced=calls if cost is None else 0,
    )


def _decimal(digits: str) -> Decimal | None:
    try:
        return Decimal(digits) if digits else None
    except InvalidOperation:
        return None
