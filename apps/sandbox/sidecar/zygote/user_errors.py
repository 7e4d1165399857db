"""Errors of user code as the user wants to read them: own frames only, with the lines as written."""

from __future__ import annotations

import io
import linecache
import traceback
from typing import Any

FILE = "main.py"
"""The file name that user code is compiled under."""

LONGEST_MESSAGE = 8_192
LONGEST_TRACEBACK = 32_768


def remember_source(code: str) -> None:
    """Let tracebacks, warnings and `inspect` find the lines of the user's code."""
    lines = io.StringIO(code, newline=None).readlines()  # the line ends that the compiler sees, and no others
    linecache.cache[FILE] = (len(code), None, lines, FILE)


def describe(error: BaseException) -> dict[str, Any]:
    """Type, message and traceback of an exception; never fails, whatever the exception does when it is asked."""
    return {"type": _name(error), "message": _message(error), "traceback": _traceback(error)}


def _name(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "MemoryError"
    name = type.__dict__["__name__"].__get__(type(error))
    return str(name)[:200]


def _message(error: BaseException) -> str:
    if isinstance(error, MemoryError) and not error.args:
        return "the memory limit is reached"
    if isinstance(error, SyntaxError) and isinstance(error.msg, str):
        line = f" (line {error.lineno})" if error.filename == FILE and error.lineno else ""
        return (error.msg + line)[:LONGEST_MESSAGE]
    try:
        return str(error)[:LONGEST_MESSAGE]
    except BaseException:  # noqa: BLE001 - the exception is the user's, and its __str__ may raise anything
        return "<the exception could not be turned into text>"


def _traceback(error: BaseException) -> str | None:
    try:
        told = traceback.TracebackException.from_exception(error, compact=True)
        _keep_user_frames(told, set())
        text = "".join(told.format())
    except BaseException:  # noqa: BLE001 - formatting runs code of the user's exception
        return None
    if len(text) > LONGEST_TRACEBACK:
        text = f"{text[: LONGEST_TRACEBACK // 2]}\n[...]\n{text[-LONGEST_TRACEBACK // 2 :]}"
    return text


def _keep_user_frames(told: traceback.TracebackException, seen: set[int]) -> None:
    """Drop the sandbox's frames and those of libraries, here and in causes, contexts and groups."""
    if id(told) in seen:
        return
    seen.add(id(told))
    told.stack = traceback.StackSummary.from_list([frame for frame in told.stack if frame.filename == FILE])
    for other in (told.__cause__, told.__context__, *(getattr(told, "exceptions", None) or ())):
        if other is not None:
            _keep_user_frames(other, seen)
