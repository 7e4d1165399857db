"""WebSocket chat: the same frames as SSE, and requests the other way.

A client sends JSON objects: `{"type": "auth", "key"}` (or the key in the `Authorization` header, or a session),
`{"type": "chat", "query", "inputs", "conversation_id", "version"}`, `{"type": "run", "inputs", "version"}`,
`{"type": "follow", "run_id", "last_event_id"}` and `{"type": "stop", "run_id"}`. Every frame of a run has an
`event_id` to follow on from. Leaving does not stop a run.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from typing import Any

import orjson
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError
from django.utils.translation import gettext as _

from apps.workflows import services
from apps.workflows.api.callers import Caller, caller_of_key, caller_of_scope, user_now
from apps.workflows.engine.run_info import RunInfo
from apps.workflows.selectors.runs import open_run, run_info
from apps.workflows.streaming.frames import frames
from apps.workflows.streaming.wire import broken_frame
from support.api import error_body
from support.database import in_thread
from support.errors import Busy, ConsoleError, InvalidInput, NotAuthenticated, NotFound, Unavailable

logger = logging.getLogger(__name__)

MAX_FRAME_BYTES = 1_000_000
MAX_FOLLOWED = 8


class AppSocket(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels has no types
    """One connection to one app. Runs are followed side by side, each by a task of its own."""

    async def connect(self) -> None:
        self._slug: str = self.scope["url_route"]["kwargs"]["slug"]
        self._followers: set[asyncio.Task[None]] = set()
        self._caller: Caller | None = None
        self._key = ""
        await self.accept()
        try:
            self._caller = await self._visit(caller_of_scope, self.scope, self._slug)
        except ConsoleError as exc:
            await self._refuse(exc)

    async def disconnect(self, code: int) -> None:
        """Leave no follower behind; the runs go on."""
        followers = list(self._followers)
        for task in followers:
            task.cancel()
        await asyncio.gather(*followers, return_exceptions=True)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        raw = text_data.encode() if text_data is not None else bytes_data or b""
        try:
            await self._act(_parse(raw))
        except ConsoleError as exc:
            await self._send(_error(exc))
        except Exception:  # border: a fault of ours must not end the connection and the other runs on it
            logger.exception("a frame could not be served")
            await self._send(_error(ConsoleError("Something went wrong on our side.")))

    async def _act(self, request: dict[str, Any]) -> None:
        kind = _text(request, "type") or ("chat" if "query" in request else "")
        if kind == "auth":
            self._key = _text(request, "key")
            self._caller = await self._visit(caller_of_key, self._key, self._slug)
            await self._send({"event": "ready"})
        elif kind == "ping":
            await self._send({"event": "pong"})
        elif kind not in {"chat", "run", "follow", "stop"}:
            raise InvalidInput("type must be one of auth, chat, run, follow, stop, ping.", path="/type")
        elif await self._is_still_welcome():
            await self._serve(kind, request)

    async def _serve(self, kind: str, request: dict[str, Any]) -> None:
        if kind in {"chat", "run"}:
            self._make_room()
            accepted = await self._visit(_accept, self._known_caller(), kind, request)
            await services.launch(accepted)
            self._follow(accepted.info, None, is_new=True)
        elif kind == "follow":
            self._make_room()
            info = await self._visit(self._own_run, _text(request, "run_id"), _text(request, "user"))
            self._follow(info, _text(request, "last_event_id"))
        else:
            await self._visit(self._stop, _text(request, "run_id"), _text(request, "user"))

    async def _is_still_welcome(self) -> bool:
        """Look again who asks: since the last request they may have signed out, or the app may have changed."""
        self._known_caller()
        try:
            self._caller = await self._visit(self._recognise)
            if self._caller is None:
                raise NotAuthenticated(_("You are signed out."))
        except (NotAuthenticated, NotFound) as exc:
            self._caller = None
            await self._refuse(exc)
            return False
        return True

    def _recognise(self) -> Caller | None:
        if self._key:
            return caller_of_key(self._key, self._slug)
        return caller_of_scope({**self.scope, "user": user_now(self.scope)}, self._slug)

    def _make_room(self) -> None:
        self._known_caller()
        if len(self._followers) >= MAX_FOLLOWED:
            raise Busy(f"A connection follows at most {MAX_FOLLOWED} runs at a time.")

    def _follow(self, info: RunInfo, last_event_id: str | None, *, is_new: bool = False) -> None:
        task = asyncio.create_task(self._forward(info, last_event_id, is_new), name=f"follow-{info.run_id}")
        self._followers.add(task)
        task.add_done_callback(self._followers.discard)

    async def _forward(self, info: RunInfo, last_event_id: str | None, is_new: bool) -> None:
        detailed = self._known_caller().detailed
        try:
            source = frames(info, last_event_id=last_event_id, detailed=detailed, is_new=is_new)
            async with aclosing(source) as items:  # type: ignore[type-var]
                async for item in items:
                    await self._send({"event": "ping"} if item is None else {**item[1], "event_id": item[0]})
        except Exception:  # border: the client must hear that it follows no longer, and may follow again
            logger.exception("run %s could not be followed to its end", info.run_id)
            await self._send(broken_frame(info))

    def _known_caller(self) -> Caller:
        if self._caller is None:
            raise NotAuthenticated('Send {"type": "auth", "key": "app-..."} first.')
        return self._caller

    def _own_run(self, run_id: str, user: str) -> RunInfo:
        """A member's or visitor's own run; a key opens all API runs of its app, or those of the user it names."""
        caller = self._known_caller()
        run = open_run(run_id, application=caller.application)
        wanted = caller.end_user or user
        if run.source != caller.source or (wanted and run.end_user != wanted):
            raise NotFound(f"There is no run {run_id}.")
        return run_info(run.id)

    def _stop(self, run_id: str, user: str) -> None:
        info = self._own_run(run_id, user)
        services.stop_run(open_run(info.run_id, application=self._known_caller().application))

    async def _refuse(self, exc: ConsoleError) -> None:
        await self._send(_error(exc))
        await self.close(code={404: 4404, 503: 1013}.get(exc.http_status, 4401))

    async def _visit(self, function: Any, *args: Any) -> Any:
        """Call what needs the database. Raises Unavailable when that is away."""
        try:
            return await in_thread(function, *args)
        except DatabaseError as exc:
            logger.warning("the database did not answer a frame: %s", type(exc).__name__)
            raise Unavailable("The database does not answer. Try again in a moment.") from exc

    async def _send(self, frame: dict[str, Any]) -> None:
        await self.send(text_data=orjson.dumps(frame).decode())


def _accept(caller: Caller, kind: str, request: dict[str, Any]) -> services.Accepted:
    version = caller.version(_text(request, "version"))
    end_user = caller.end_user or _text(request, "user").replace("\x00", "")[:200]
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


def _text(request: dict[str, Any], name: str) -> str:
    """A field that is text, or absent. Raises InvalidInput."""
    value = request.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidInput(f"{name} must be a string.", path=f"/{name}")
    return value


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
