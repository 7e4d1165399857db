"""The engine's model port over the team's providers."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from uuid import UUID

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from apps.workflows.adapters.fair_share import account_places, holding
from apps.workflows.adapters.pacing import Pace
from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.events import Usage
from apps.workflows.engine.file_port import FilePort
from apps.workflows.engine.places import Share
from apps.workflows.engine.ports import ModelDelta, ModelRequest, Picture, PromptMessage, ToolCall
from model_runtime import types as runtime
from model_runtime.errors import ModelError, RateLimited
from model_runtime.price_book import PriceBook
from model_runtime.pricing import buckets_of, cost_of
from model_runtime.protocols import ChatModel
from model_runtime.tokens import TOKEN_SCALE, estimate_usage
from providers.prices import price_book
from providers.services import OpenedChat, open_chat
from support.database import in_thread
from support.errors import ConsoleError

#: What documents write for "whatever this team's first provider offers".
DEFAULT = "default"


class TeamModels:
    """Opens models by name for one team and keeps them for the run."""

    def __init__(self, team_id: UUID, *, files: FilePort | None = None, share: Share = ()) -> None:
        """`files` gives the pictures that prompts show; `share` is the name by which the run asks for places."""
        self._team_id = team_id
        self._files = files
        self._share = share or (team_id,)
        self._opened: dict[str, OpenedChat] = {}
        self._prices: PriceBook | None = None

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelDelta]:
        """The reply piece by piece. Raises NodeFailure with the provider's code and the text so far."""
        said: list[str] = []
        pace: Pace | None = None
        try:
            opened = await self._open(request.model)
            model = opened.model
            messages = [await self._message(message) for message in request.messages]
            parameters = runtime.ModelParameters.from_mapping(request.parameters)
            pace = Pace(opened.limits) if opened.limits is not None else None
            if pace is not None:
                await pace.turn(tokens=estimate_usage(messages, "").input_tokens)
            async with (
                self._place(opened),
                aclosing(model.stream(messages, parameters=parameters, wish=_wish(request))) as chunks,
            ):
                async for chunk in chunks:
                    said.append(chunk.text)
                    if chunk.usage is not None and pace is not None:
                        await pace.used(chunk.usage.input_tokens + chunk.usage.output_tokens)
                    if chunk.usage is not None:
                        _learn(request, messages, chunk.usage, model)
                    yield _delta(chunk, model, self._prices)
        except ModelError as exc:
            if isinstance(exc, RateLimited) and pace is not None:
                await pace.refused(exc.retry_after)
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

    async def tokens_of(self, name: str, texts: Sequence[str]) -> list[int]:
        """How many tokens the model of that name takes each text for. A model that cannot be opened is estimated."""
        try:
            model: object = (await self._open(name)).model
        except (ModelError, ConsoleError):
            model = None
        own = getattr(model, "count_tokens", None)
        known_as = str(getattr(model, "name", name))
        return [int(own(text)) if own else TOKEN_SCALE.count(known_as, text) for text in texts]

    def _place(self, opened: OpenedChat) -> AbstractAsyncContextManager[None]:
        """One of the calls that may be made through the model's account at once; models without one take none."""
        if not opened.account:
            return nullcontext()
        return holding(account_places(opened.account, calls_at_once=opened.calls_at_once), self._share)

    async def _open(self, name: str) -> OpenedChat:
        if name not in self._opened:
            wanted = "" if name == DEFAULT else name
            self._opened[name], self._prices = await in_thread(_opened_with_prices, wanted, self._team_id)
        return self._opened[name]

    async def _message(self, message: PromptMessage) -> runtime.Message:
        return runtime.Message(
            role=message.role,  # type: ignore[arg-type]
            text=message.text,
            images=[await self._image(picture) for picture in message.pictures],
            tool_calls=[
                runtime.ToolCall(id=call.id, name=call.name, arguments=call.arguments) for call in message.tool_calls
            ],
            tool_call_id=message.tool_call_id,
        )

    async def _image(self, picture: Picture) -> runtime.Image:
        """The picture itself, not its address: providers cannot reach our files, and should not fetch others' for us.

        So whoever keeps the file has checked that this team may show it.
        """
        if self._files is None:
            raise NodeFailure("file_unreadable", "Files cannot be read here.")
        found = await self._files.read(picture.file)
        written = base64.b64encode(found.content).decode("ascii")
        return runtime.Image(url=f"data:{found.mime_type};base64,{written}", detail=picture.detail)


def _learn(request: ModelRequest, messages: Sequence[runtime.Message], usage: runtime.Usage, model: ChatModel) -> None:
    """What the provider counted for a prompt of plain text tells how the model counts."""
    if usage.estimated or request.tools or request.shape or any(message.images for message in messages):
        return
    estimated = estimate_usage(messages, "").input_tokens
    TOKEN_SCALE.learn(model.name, estimated=estimated, reported=usage.input_tokens)


def _wish(request: ModelRequest) -> runtime.Wish:
    shape = request.shape
    return runtime.Wish(
        tools=[
            runtime.Tool(name=offer.name, description=offer.description, parameters=offer.parameters)
            for offer in request.tools
        ],
        tool_choice=request.tool_choice,
        format=None if shape is None else runtime.Format(name=shape.name, schema=shape.schema, strict=shape.strict),
    )


def _opened_with_prices(name: str, team_id: UUID) -> tuple[OpenedChat, PriceBook]:
    return open_chat(name, team_id=team_id), price_book(team_id)


def _delta(chunk: runtime.Chunk, model: ChatModel, prices: PriceBook | None) -> ModelDelta:
    return ModelDelta(
        text=chunk.text,
        reasoning=chunk.reasoning,
        tool_calls=[ToolCall(id=call.id, name=call.name, arguments=call.arguments) for call in chunk.tool_calls],
        finish_reason=chunk.finish_reason,
        usage=_usage(chunk.usage, model, prices),
        model=model.name if chunk.finish_reason else None,
        provider=model.provider if chunk.finish_reason else None,
    )


def _usage(usage: runtime.Usage | None, model: ChatModel, prices: PriceBook | None) -> Usage | None:
    if usage is None:
        return None
    return Usage(
        **_costs(usage, model, prices),
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cached_input_tokens=usage.cached_input_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )


def _costs(usage: runtime.Usage, model: ChatModel, prices: PriceBook | None) -> dict[str, str]:
    """What the call costs today; nothing where nobody knows."""
    price = prices.find(model.name, provider=model.provider, on=timezone.now().date()) if prices is not None else None
    if price is None:
        return {}
    tokens = buckets_of(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read=usage.cached_input_tokens,
        cache_write=usage.cache_write_tokens,
        reasoning=usage.reasoning_tokens,
    )
    cost = cost_of(tokens, price)
    amounts = {"input_cost": cost.input, "output_cost": cost.output}
    return {**{name: f"{amount.normalize():f}" for name, amount in amounts.items()}, "currency": cost.currency}
