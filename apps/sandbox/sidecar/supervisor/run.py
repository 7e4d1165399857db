"""One run, from its dispatch to a child until its result: the wall clock, the output caps, and what the end meant."""

from __future__ import annotations

import asyncio
import json
from enum import Enum, auto
from typing import Final

from apps.sandbox.protocol import RunError, RunRequest, RunResult, Status, Usage
from apps.sandbox.sidecar.supervisor import endings
from apps.sandbox.sidecar.supervisor.child import Child
from apps.sandbox.sidecar.supervisor.results import NotStorable, ProtocolViolation, console_text, read_result
from apps.sandbox.sidecar.zygote.control import Reaped
from apps.sandbox.sidecar.zygote.frames import RESULT, STDERR, STDOUT, FrameReader, FrameViolation, pack_request

#: A frame that announces more than this was not written by our runtime.
LARGEST_FRAME: Final = 64 * 1024 * 1024
#: Room for a result's own fields, an error with its traceback, and the frames' headers.
ENVELOPE_BYTES: Final = 128 * 1024
#: How long a child may go on after its result, and how long the news of its end is worth waiting for.
AFTER_RESULT_S: Final = 0.05
NEWS_S: Final = 0.25
LEFT_ALONE_S: Final = 0.5


class _End(Enum):
    RESULT = auto()
    WALL = auto()
    OUTPUT = auto()
    RESULT_SIZE = auto()
    VIOLATION = auto()
    EOF = auto()
    STOPPED = auto()


class Run:
    """A request on its child."""

    def __init__(self, request: RunRequest, child: Child) -> None:
        self._request, self._child, self._limits = request, child, request.limits
        self._loop = asyncio.get_running_loop()
        self._frames = FrameReader({STDOUT: LARGEST_FRAME, STDERR: LARGEST_FRAME, RESULT: LARGEST_FRAME})
        # Not lists of pieces: a million frames of one byte would be a million objects.
        self._stdout, self._stderr = bytearray(), bytearray()
        self._printed = self._received = 0
        self._result: bytes | None = None
        self._reason = ""
        self._error: RunError | None = None
        self._ended: asyncio.Future[_End] = self._loop.create_future()
        self._began = self._loop.time()

    async def finish(self, request: bytes) -> RunResult:
        """Dispatch and wait. A cancelled run (its client hung up) kills its child."""
        limits, child = self._limits, self._child
        self._began = self._loop.time()
        clock = self._loop.call_later(limits.wall_s, self._end, _End.WALL)
        try:
            child.dispatch(request, self._take)
            end = await self._ended
            elapsed_ms = (self._loop.time() - self._began) * 1000
            if end is _End.RESULT:
                return self._answered(elapsed_ms)
            return await self._broken_off(end, elapsed_ms)
        except asyncio.CancelledError:
            child.kill()
            raise
        finally:
            clock.cancel()
            child.close()
            if not child.reaped.done():
                self._loop.call_later(AFTER_RESULT_S, child.kill)

    def stop(self, error: RunError) -> None:
        """End the run from outside: by request, or because the sandbox stops."""
        self._error = error
        self._end(_End.STOPPED)

    def _end(self, end: _End) -> None:
        if not self._ended.done():
            self._ended.set_result(end)

    def _take(self, data: bytes) -> None:
        """Take bytes of the child's stream; nothing of it is believed before it is checked."""
        if self._ended.done():
            return
        if not data:
            self._end(_End.EOF)
            return
        self._received += len(data)
        try:
            for kind, body in self._frames.feed(data):
                if self._result is not None:
                    raise FrameViolation("something follows the result")
                if kind == RESULT:
                    self._result = body
                elif not self._keep(self._stdout if kind == STDOUT else self._stderr, body):
                    self._end(_End.OUTPUT)
                    return
            if self._result is not None and not self._frames.empty:
                raise FrameViolation("something follows the result")
        except FrameViolation as violation:
            self._reason = str(violation)
            self._end(_End.VIOLATION)
            return
        budget = 6 * self._limits.output_bytes + self._limits.result_bytes + ENVELOPE_BYTES
        if self._result is not None:
            self._end(_End.RESULT)
        elif self._received > budget:
            self._end(_End.RESULT_SIZE)

    def _keep(self, printed: bytearray, body: bytes) -> bool:
        room = self._limits.output_bytes - self._printed
        printed += body[:room]
        self._printed += len(body)
        return len(body) <= room

    def _answered(self, elapsed_ms: float) -> RunResult:
        assert self._result is not None
        try:
            if len(self._result) > self._limits.result_bytes + ENVELOPE_BYTES:
                return self._ended_as(endings.result_too_large(self._limits), elapsed_ms)
            result = read_result(self._result)
        except ProtocolViolation as violation:
            return self._ended_as(endings.violation(str(violation)), elapsed_ms)
        except NotStorable as problem:
            return self._ended_as(endings.not_json(str(problem)), elapsed_ms)
        usage = Usage(wall_ms=round(elapsed_ms, 3), cpu_ms=result.cpu_ms, peak_kb=result.peak_kb)
        if result.error is not None:
            ending = endings.told(result.error, memory_mb=self._child.memory_mb)
            return self._ended_as(ending, elapsed_ms, usage=usage)
        if len(self._result) > self._limits.result_bytes and _size(result.outputs) > self._limits.result_bytes:
            return self._ended_as(endings.result_too_large(self._limits), elapsed_ms, usage=usage)
        return RunResult(status=Status.OK, outputs=result.outputs, stdout=self._out(), stderr=self._err(), usage=usage)

    async def _broken_off(self, end: _End, elapsed_ms: float) -> RunResult:
        """Say why there is no result. The news of the child's end may hold what it used, and which call it was."""
        if end is not _End.EOF:
            self._child.kill()
        news = await self._news(LEFT_ALONE_S if end is _End.EOF else NEWS_S)
        if end is _End.EOF and not self._child.reaped.done():
            self._child.kill()
            await self._news(NEWS_S)
            return self._ended_as(endings.violation("the code closed its stream"), elapsed_ms)
        usage = Usage(wall_ms=round(elapsed_ms, 3))
        if news is not None:
            usage = Usage(wall_ms=usage.wall_ms, cpu_ms=float(news.cpu_ms), peak_kb=news.peak_kb)
        return self._ended_as(self._meaning(end, news), elapsed_ms, usage=usage)

    def _meaning(self, end: _End, news: Reaped | None) -> endings.Ending:
        match end:
            case _End.WALL:
                return endings.wall_time(self._limits)
            case _End.OUTPUT:
                return endings.output_too_large(self._limits)
            case _End.RESULT_SIZE:
                return endings.result_too_large(self._limits)
            case _End.VIOLATION:
                return endings.violation(self._reason)
            case _End.STOPPED if self._error is not None:
                return Status.KILLED, self._error
            case _ if news is None:
                return endings.sandbox_stopped()
            case _:
                memory_mb, cpu_s = self._child.memory_mb, self._child.cpu_s
                return endings.died(news, memory_mb=memory_mb, cpu_s=cpu_s, mid_frame=not self._frames.empty)

    async def _news(self, timeout_s: float) -> Reaped | None:
        await asyncio.wait([self._child.reaped], timeout=timeout_s)
        return self._child.reaped.result() if self._child.reaped.done() else None

    def _ended_as(self, ending: endings.Ending, elapsed_ms: float, *, usage: Usage | None = None) -> RunResult:
        status, error = ending
        usage = usage or Usage(wall_ms=round(elapsed_ms, 3))
        return RunResult(status=status, error=error, stdout=self._out(), stderr=self._err(), usage=usage)

    def _out(self) -> str:
        return console_text(self._stdout)

    def _err(self) -> str:
        return console_text(self._stderr)


def child_request(request: RunRequest) -> bytes:
    """Write the request as the child reads it."""
    fields = {
        "mode": request.mode.value,
        "code": request.code,
        "inputs": request.inputs,
        "timeout_s": request.limits.wall_s,
    }
    return pack_request(json.dumps(fields).encode())


def _size(outputs: object) -> int:
    return len(json.dumps(outputs, ensure_ascii=False, separators=(",", ":")).encode())
