"""A chat model that says what it was told to say: for tests, demonstrations and rehearsing failures."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from model_runtime.errors import ModelError
from model_runtime.tokens import estimate_usage
from model_runtime.types import PLAIN, Chunk, Message, ModelParameters, ToolCall, Usage, Wish


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedReply:
    """One answer. With an `error`, it is raised once `text` has been streamed."""

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    error: ModelError | None = None
    finish_reason: str = "stop"
    usage: Usage | None = None
    delay: float = 0
    """Seconds before the first piece."""
    delay_per_piece: float = 0


class ScriptExhausted(ModelError):
    """More was asked of the scripted model than its script holds."""

    code = "script_exhausted"
    http_status = 500


class ScriptedChatModel:
    """Gives its replies in turn and remembers what it was asked in `seen`."""

    provider = "scripted"

    def __init__(self, *replies: ScriptedReply | str, name: str = "scripted", repeat: bool = False) -> None:
        self.name = name
        self.seen: list[tuple[tuple[Message, ...], ModelParameters]] = []
        self.wishes: list[Wish] = []
        self._repeat = repeat
        self._replies = deque(ScriptedReply(text=reply) if isinstance(reply, str) else reply for reply in replies)

    async def stream(
        self, messages: Sequence[Message], *, parameters: ModelParameters, wish: Wish = PLAIN
    ) -> AsyncGenerator[Chunk, None]:
        """The next reply of the script, word by word."""
        self.seen.append((tuple(messages), parameters))
        self.wishes.append(wish)
        if not self._replies:
            raise ScriptExhausted("The scripted model has no reply left.")
        reply = self._replies.popleft()
        if self._repeat:
            self._replies.append(reply)
        await asyncio.sleep(reply.delay)
        if reply.reasoning:
            yield Chunk(reasoning=reply.reasoning)
        for piece in re.findall(r"\s*\S+\s*?(?=\s|$)|\s+", reply.text):
            yield Chunk(text=piece)
            await asyncio.sleep(reply.delay_per_piece)
        if reply.error is not None:
            raise type(reply.error)(reply.error.message, partial_text=reply.text, **reply.error.details)
        yield Chunk(
            tool_calls=reply.tool_calls,
            finish_reason=reply.finish_reason,
            usage=reply.usage or estimate_usage(messages, reply.text),
        )
