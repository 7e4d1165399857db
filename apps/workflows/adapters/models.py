"""The engine's model port over the team's providers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from uuid import UUID

from django.db import InterfaceError, OperationalError

from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.events import Usage
from apps.workflows.engine.ports import ModelDelta, ModelRequest
from model_runtime import types as runtime
from model_runtime.errors import ModelError
from model_runtime.protocols import ChatModel
from providers.services import open_chat_model
from support.database import in_thread
from support.errors import ConsoleError

#: What documents write for "whatever this team's first provider offers".
DEFAULT = "default"


class TeamModels:
    """Opens models by name for one team and keeps them for the run."""

    def __init__(self, team_id: UUID) -> None:
        self._team_id = team_id
        self._opened: dict[str, ChatModel] = {}

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelDelta]:
        """The reply piece by piece. Raises NodeFailure with the provider's code and the text so far."""
        said: list[str] = []
        try:
            model = await self._open(request.model)
            messages = [runtime.Message(role=message.role, text=message.text) for message in request.messages]  # type: ignore[arg-type]
            parameters = runtime.ModelParameters.from_mapping(request.parameters)
            async with aclosing(model.stream(messages, parameters=parameters)) as chunks:
                async for chunk in chunks:
                    said.append(chunk.text)
                    yield ModelDelta(
                        text=chunk.text,
                        finish_reason=chunk.finish_reason,
                        usage=_usage(chunk.usage),
                        model=model.name if chunk.finish_reason else None,
                    )
        except ModelError as exc:
            raise NodeFailure(
                exc.code,
                exc.message,
                retryable=exc.retryable,
                partial_text=exc.partial_text or "".join(said),
                details=exc.details,
            ) from exc
        except ConsoleError as exc:
            raise NodeFailure(exc.code, exc.message, details=exc.details) from exc
        except (OperationalError, InterfaceError) as exc:
            raise NodeFailure("unavailable", "The database does not answer.", retryable=True) from exc

    async def _open(self, name: str) -> ChatModel:
        if name not in self._opened:
            wanted = "" if name == DEFAULT else name
            self._opened[name] = await in_thread(open_chat_model, wanted, team_id=self._team_id)
        return self._opened[name]


def _usage(usage: runtime.Usage | None) -> Usage | None:
    if usage is None:
        return None
    return Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cached_input_tokens=usage.cached_input_tokens,
        reasoning_tokens=usage.reasoning_tokens,
    )
