"""WebSocket chat: the same frames as SSE, and requests the other way.

A client sends JSON objects: `{"type": "auth", "key"}` (or the key in the `Authorization` header, or a session),
`{"type": "chat", "query", "inputs", "conversation_id", "version"}`, `{"type": "run", "inputs", "version"}`,
`{"type": "follow", "run_id", "last_event_id"}` and `{"type": "stop", "run_id"}`. Every frame of a run has an
`event_id` to follow on from. Leaving does not stop a run.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import orjson
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer

from apps.workflows import services
from apps.workflows.api.callers import Caller, caller_of_key, caller_of_scope
from apps.workflows.engine.run_info import RunInfo
from apps.workflows.selectors.runs import open_run, run_info
from apps.workflows.streaming.frames import frames
from support.api import error_body
from support.database import in_thread
from support.errors import ConsoleError, InvalidInput, NotAuthenticated, NotFound

logger = logging.getLogger(__name__)

MAX_FRAME_BYTES = 1_000_000
MAX_FOLLOWED = 8


class AppSocket(AsyncWebsocketConsumer):
    """One connection to one app. Runs are followed side by side, each by a task of its own."""

    async def connect(self) -> None:
        self._slug: str = self.scope["url_route"]["kwargs"]["slug"]
        self._followers: set[asyncio.Task[None]] = set()
        self._caller: Caller | None = None
        await self.accept()
        try:
            self._caller = await in_thread(caller_of_scope, self.scope, self._slug)
        except ConsoleError as exc:
            await self._send(_error(exc))
            await self.close(code=4404 if exc.http_status == 404 else 4401)

    async def disconnect(self, code: int) -> None:
        for task in self._followers:
            task.cancel()
        raise StopConsumer

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        raw = text_data.encode() if text_data is not None else bytes_data or b""
        try:
            await self._act(_parse(raw))
        except ConsoleError as exc:
            await self._send(_error(exc))

    async def _act(self, request: dict[str, Any]) -> None:
        kind = request.get("type") or ("chat" if "query" in request else None)
        if kind == "auth":
            self._caller = await in_thread(caller_of_key, str(request.get("key", "")), self._slug)
            await self._send({"event": "ready"})
        elif kind == "ping":
            await self._send({"event": "pong"})
        elif kind in {"chat", "run"}:
            await self._start(kind, request)
        elif kind == "follow":
            run_id, last = request.get("run_id"), request.get("last_event_id")
            info = await in_thread(self._own_run, str(run_id))
            self._follow(info, None if last is None else str(last))
        elif kind == "stop":
            await in_thread(self._stop, str(request.get("run_id")))
        else:
            raise InvalidInput("type must be one of auth, chat, run, follow, stop, ping.", path="/type")

    async def _start(self, kind: str, request: dict[str, Any]) -> None:
        caller = self._known_caller()
        if len(self._followers) >= MAX_FOLLOWED:
            raise InvalidInput(f"A connection follows at most {MAX_FOLLOWED} runs at a time.")
        accepted = await in_thread(_accept, caller, kind, request)
        await services.launch(accepted)
        self._follow(accepted.info, None)

    def _follow(self, info: RunInfo, last_event_id: str | None) -> None:
        task = asyncio.create_task(self._forward(info, last_event_id), name=f"follow-{info.run_id}")
        self._followers.add(task)
        task.add_done_callback(self._followers.discard)

    async def _forward(self, info: RunInfo, last_event_id: str | None) -> None:
        detailed = self._known_caller().detailed
        async for item in frames(info, last_event_id=last_event_id, detailed=detailed):
            if item is None:
                await self._send({"event": "ping"})
            else:
                position, frame = item
                await self._send({**frame, "event_id": position})

    def _known_caller(self) -> Caller:
        if self._caller is None:
            raise NotAuthenticated('Send {"type": "auth", "key": "app-..."} first.')
        return self._caller

    def _own_run(self, run_id: str) -> RunInfo:
        caller = self._known_caller()
        run = open_run(run_id, application=caller.application)
        if (run.source, run.end_user) != (caller.source, caller.end_user):
            raise NotFound(f"There is no run {run_id}.")
        return run_info(run.id)

    def _stop(self, run_id: str) -> None:
        info = self._own_run(run_id)
        services.stop_run(open_run(info.run_id, application=self._known_caller().application))

    async def _send(self, frame: dict[str, Any]) -> None:
        await self.send(text_data=orjson.dumps(frame).decode())


def _accept(caller: Caller, kind: str, request: dict[str, Any]) -> services.Accepted:
    version = caller.version(str(request.get("version") or ""))
    end_user = caller.end_user or str(request.get("user") or "")[:200]
    if kind == "run":
        return services.accept_workflow(
            application=caller.application,
            version=version,
            inputs=request.get("inputs", {}),
            source=caller.source,
            end_user=end_user,
        )
    return services.accept_chat(
        application=caller.application,
        version=version,
        query=request.get("query"),
        inputs=request.get("inputs", {}),
        source=caller.source,
        end_user=end_user,
        conversation_id=request.get("conversation_id") or None,
    )


def _parse(raw: bytes) -> dict[str, Any]:
    if len(raw) > MAX_FRAME_BYTES:
        raise InvalidInput(f"A frame may have at most {MAX_FRAME_BYTES:,} bytes.")
    try:
        request = orjson.loads(raw)
    except orjson.JSONDecodeError as exc:
        raise InvalidInput(f"The frame is not valid JSON: {exc}.") from exc
    if not isinstance(request, dict):
        raise InvalidInput("A frame must be a JSON object.")
    return request


def _error(exc: ConsoleError) -> dict[str, Any]:
    return {"event": "error", **error_body(exc.code, exc.message, exc.http_status, **exc.details)}
