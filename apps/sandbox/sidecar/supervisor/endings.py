"""What each way of ending means to the author of the code: a status, a type, a sentence."""

from __future__ import annotations

import signal
from typing import Final

from apps.sandbox.protocol import RunError, RunLimits, Status
from apps.sandbox.sidecar.zygote.control import Reaped

Ending = tuple[Status, RunError]

#: How a runtime ends that aborts. The first process of a pid namespace survives SIGABRT and dies of the next attempt.
_CRASHES: Final = frozenset({signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGSEGV, signal.SIGTRAP})
_MEMORY_ERRORS: Final = frozenset({"MemoryError", "HeapLimit"})


def wall_time(limits: RunLimits) -> Ending:
    """The clock on the wall ran out."""
    return Status.TIMEOUT, RunError(type="WallTimeLimit", message=f"the run took longer than {limits.wall_s:g} s")


def output_too_large(limits: RunLimits) -> Ending:
    """It printed too much."""
    message = f"the run printed more than {limits.output_bytes} bytes"
    return Status.OUTPUT_LIMIT, RunError(type="OutputLimit", message=message)


def result_too_large(limits: RunLimits) -> Ending:
    """It returned too much."""
    message = f"the outputs are larger than {limits.result_bytes} bytes"
    return Status.OUTPUT_LIMIT, RunError(type="ResultLimit", message=message)


def not_json(message: str) -> Ending:
    """It returned what cannot be stored."""
    return Status.ERROR, RunError(type="ResultNotJson", message=message)


def violation(reason: str) -> Ending:
    """It wrote into the stream that belongs to its runtime."""
    return Status.PROTOCOL, RunError(type="ProtocolViolation", message=reason)


def killed_by_request() -> RunError:
    """Somebody asked for its end."""
    return RunError(type="KilledByRequest", message="the run was killed by request")


def sandbox_stopped() -> Ending:
    """The process that ran it is gone."""
    return Status.KILLED, RunError(type="SandboxStopped", message="the sandbox stopped while the code was running")


def told(error: RunError, *, memory_mb: int) -> Ending:
    """The child itself says what went wrong."""
    if error.type not in _MEMORY_ERRORS:
        return Status.ERROR, error
    message = error.message or f"the run needs more memory than {memory_mb} MB"
    return Status.MEMORY, RunError(type=error.type, message=message, traceback=error.traceback)


def died(news: Reaped, *, memory_mb: int, cpu_s: int, mid_frame: bool) -> Ending:
    """The child ended without a result."""
    if news.system_call is not None or news.signal == signal.SIGSYS:
        return _blocked(news.system_call)
    if news.signal == signal.SIGXCPU or (news.signal == signal.SIGKILL and news.cpu_ms >= cpu_s * 750):
        message = f"the run used more than {cpu_s} s of processor time"
        return Status.TIMEOUT, RunError(type="CpuTimeLimit", message=message)
    if _ran_out_of_memory(news, memory_mb=memory_mb):
        message = f"the run needs more memory than {memory_mb} MB"
        return Status.MEMORY, RunError(type="HeapLimit", message=message)
    if news.signal is not None:
        return Status.KILLED, RunError(type="Crashed", message=f"the process was ended by {_name(news.signal)}")
    if mid_frame:
        return violation("the stream ended in the middle of a frame")
    message = f"the code ended its process (exit code {news.code}) before there was a result"
    return Status.ERROR, RunError(type="NoResult", message=message)


def _ran_out_of_memory(news: Reaped, *, memory_mb: int) -> bool:
    """Tell a full heap from other crashes: by what the runtime said, or by how much it used if it could say nothing."""
    if news.signal not in _CRASHES:
        return False
    return news.last_words is not None or news.peak_kb >= memory_mb * 1024


def _blocked(system_call: str | None) -> Ending:
    call = f" {system_call}" if system_call else ""
    message = f"the system call{call} is not allowed in the sandbox"
    return Status.KILLED, RunError(type="BlockedSystemCall", message=message, system_call=system_call)


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
