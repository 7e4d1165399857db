"""The engine's code port over the sandbox."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from itertools import count
from typing import Any, Final
from uuid import UUID

from django.db import DatabaseError

from apps.sandbox.client import SandboxClient, shared_client
from apps.sandbox.errors import SandboxError
from apps.sandbox.protocol import (
    TEMPLATE_PROFILE,
    Language,
    Mode,
    RunError,
    RunLimits,
    RunRequest,
    RunResult,
    Status,
)
from apps.sandbox.services.refusals import record_refusal
from apps.workflows.adapters.fair_share import holding, unshared
from apps.workflows.engine.places import FairPlaces, Share
from apps.workflows.engine.ports import CodeFailed, CodeReport, CodeRequest, CodeResult
from apps.workflows.engine.run_info import RunInfo
from support.database import in_thread

logger = logging.getLogger(__name__)

#: Types of errors that are about what the code gave, not about what went wrong in it.
_ABOUT_THE_RESULT: Final = frozenset({"ResultType", "ResultNotJson", "NoResult"})
_CODES: Final[Mapping[Status, str]] = {
    Status.ERROR: "code_error",
    Status.TIMEOUT: "code_timeout",
    Status.MEMORY: "code_memory",
    Status.OUTPUT_LIMIT: "code_output_limit",
    Status.PROTOCOL: "code_protocol",
}
_KILLED: Final[Mapping[str, str]] = {
    "BlockedSystemCall": "code_blocked",
    "KilledByRequest": "code_killed",
    "SandboxStopped": "sandbox_lost",
}
#: Whose exceptions say their type before their message, as the languages themselves do.
_SHOWS_TYPE: Final = frozenset({"code_error"})
#: Python lists the innermost call last, JavaScript first.
_PYTHON_LINE = re.compile(r'File "main\.py", line (\d+)')
_JAVASCRIPT_LINE = re.compile(r"\bmain\.js:(\d+)")
_TEMPLATE_LINE = re.compile(r"line (\d+): ")
_MISSING_MODULE = re.compile(r"No module named '([^']+)'|Cannot find module '([^']+)'")
_NO_NETWORK = re.compile(r"EAI_AGAIN|ENOTFOUND|Temporary failure in name resolution|Name or service not known")
_MOST_OF_A_MESSAGE: Final = 2_000


class SandboxedCode:
    """Runs the code of one workflow run; the ids it gives the sandbox begin with the run's.

    `tell(request, result, node_id)` hears of every run that did not end well; `places` are those of all runs,
    and `share` the name by which this one asks for them.
    """

    def __init__(
        self,
        run_id: UUID,
        *,
        tell: Callable[[RunRequest, RunResult, str], Awaitable[None]] | None = None,
        places: FairPlaces | None = None,
        share: Share = (),
        connect: Callable[[], Awaitable[SandboxClient]] = shared_client,
    ) -> None:
        self._places, self._share = unshared(run_id) if places is None else (places, share)
        self._run_id = run_id
        self._tell = tell
        self._connect = connect
        self._numbers = count(1)

    async def run(self, request: CodeRequest) -> CodeResult:
        """Call `main` with the inputs. Raises CodeFailed."""
        limits = RunLimits(memory_mb=request.memory_mb)
        if request.wall_s is not None:
            limits = replace(limits, wall_s=request.wall_s)
        return await self._send(
            RunRequest(
                code=request.code,
                language=Language(request.language),
                inputs=request.inputs,
                profile=request.profile,
                limits=limits,
                run_id=self._next_id(),
            ),
            node_id=request.node_id,
            hide=request.hide,
        )

    async def render(
        self, *, template: str, inputs: Mapping[str, Any], node_id: str = "", hide: Callable[[str], str] = str
    ) -> CodeResult:
        """Fill a Jinja2 template in. Raises CodeFailed."""
        return await self._send(
            RunRequest(
                code=template, inputs=inputs, profile=TEMPLATE_PROFILE, mode=Mode.TEMPLATE, run_id=self._next_id()
            ),
            node_id=node_id,
            hide=hide,
        )

    def _next_id(self) -> str:
        return f"{self._run_id}:{next(self._numbers)}"

    async def _send(self, request: RunRequest, *, node_id: str, hide: Callable[[str], str]) -> CodeResult:
        try:
            client = await self._connect()
            async with holding(self._places, self._share):
                result = await client.run(request)
        except SandboxError as exc:
            raise CodeFailed(exc.code, exc.message, retryable=exc.retryable, details=exc.details) from exc
        report = _report_of(result)
        if result.status is Status.OK and result.outputs is not None:
            return CodeResult(outputs=result.outputs, report=report)
        if self._tell is not None:
            # The words may be the code's own, and it may have been given secrets.
            if (error := result.error) is not None:
                told = replace(error, type=hide(error.type), message=hide(error.message), traceback=None)
                await self._tell(request, replace(result, error=told), node_id)
            else:
                await self._tell(request, result, node_id)
        raise _failure_of(result, report)


class Refusals:
    """Keeps what the sandbox refused to one run, for operators. A run does not fail because that fails."""

    def __init__(self, info: RunInfo) -> None:
        self._info = info

    async def tell(self, request: RunRequest, result: RunResult, node_id: str) -> None:
        """Take a run in that did not end well."""
        info = self._info
        try:
            await in_thread(
                record_refusal,
                result,
                request=request,
                team_id=info.team_id,
                app_slug=info.application_slug,
                run_id=info.run_id,
                node_id=node_id,
            )
        except DatabaseError as exc:
            logger.warning("a refusal of run %s could not be kept: %s", info.run_id, type(exc).__name__)


def _report_of(result: RunResult) -> CodeReport:
    return CodeReport(
        stdout=result.stdout,
        stderr=result.stderr,
        traceback=(result.error.traceback or "") if result.error else "",
        wall_ms=result.usage.wall_ms,
        cpu_ms=result.usage.cpu_ms,
        peak_kb=result.usage.peak_kb,
    )


def _failure_of(result: RunResult, report: CodeReport) -> CodeFailed:
    """What a run that did not end well means to the node's author."""
    error = result.error or RunError(type="Unknown", message=f"The code ended as {result.status.value}.")
    code = _code_of(result.status, error)
    line = _line_of(error)
    details = {"type": error.type, "line": line, "system_call": error.system_call}
    message = error.message[:_MOST_OF_A_MESSAGE]
    if code in _SHOWS_TYPE and not message.startswith(error.type):
        message = f"{error.type}: {message}" if message else error.type
    if line is not None and f"line {line}" not in message:
        message = f"{message} (line {line})"
    return CodeFailed(
        code,
        message + _hint(error, code),
        retryable=code == "sandbox_lost",
        details={name: value for name, value in details.items() if value is not None},
        report=report,
    )


def _hint(error: RunError, code: str) -> str:
    """What to do about faults that come from where the code runs rather than from how it is written."""
    if code == "code_timeout":
        return " Give it more with limits.wall_s, or do less at once."
    if code != "code_error":
        return ""
    if missing := _MISSING_MODULE.search(error.message):
        name = (missing[1] or missing[2]).partition(".")[0]
        known = name in ("numpy", "pandas")
        return f" Set profile: data to have {name}." if known else " The sandbox has the standard library only."
    return " The sandbox has no network: use an http-request node." if _NO_NETWORK.search(error.message) else ""


def _line_of(error: RunError) -> int | None:
    """The author's line in which the error came up."""
    traceback = error.traceback or ""
    if lines := _PYTHON_LINE.findall(traceback):
        return int(lines[-1][:9])
    found = _JAVASCRIPT_LINE.search(traceback) or _TEMPLATE_LINE.match(error.message)
    return int(found[1][:9]) if found else None


def _code_of(status: Status, error: RunError) -> str:
    if status is Status.KILLED:
        return _KILLED.get(error.type, "code_error")
    if status is Status.ERROR and error.type in _ABOUT_THE_RESULT:
        return "code_result"
    return _CODES.get(status, "code_error")
