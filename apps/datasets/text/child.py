"""Owns reading a document in a process of its own, so that a hostile or huge file cannot hurt the worker.

The child has limits on memory, processor time and open files, none of our environment (so no secrets), and
no Django. It is a plain subprocess, because a Celery worker's processes may not have multiprocessing
children. Sections arrive already cleaned, page by page; the pipe's size is what may wait unread.
"""

import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

from apps.datasets.text.clean import CleanSettings
from apps.datasets.text.errors import Cancelled, Damaged, ExtractionError, ExtractionTimeout, OutOfMemory
from apps.datasets.text.frames import FrameBuffer, FrameError, Message, unpack_error, unpack_section, whole_number
from apps.datasets.text.limits import MEGABYTE, Limits
from apps.datasets.text.sections import Section

POLL_SECONDS = 0.2
READ_BYTES = 64 << 10
DIAGNOSIS_BYTES = 4 << 10
EXIT_SECONDS = 5.0
_logger = logging.getLogger(__name__)
_ROOT = Path(__file__).resolve().parents[3]
_START = "import sys; sys.path.insert(0, sys.argv[1]); from apps.datasets.text.child_main import main; main()"
# What the C library raises when its memory runs out, and what the kernel sends when the machine's does.
_MEMORY_SIGNALS = {signal.SIGABRT, signal.SIGTRAP, signal.SIGILL, signal.SIGKILL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the reading of one document has come."""

    kind: str
    page_total: int | None
    pages: int = 0
    chars: int = 0


def extract_in_child(
    path: Path,
    filename: str,
    *,
    limits: Limits | None = None,
    clean: CleanSettings | None = CleanSettings(),  # noqa: B008  frozen
    on_progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Iterator[Section]:
    """Yield a document's sections as a child reads them; raises the `ExtractionError` that stopped it.

    Sections are cleaned unless `clean` is None. Leaving the iterator early ends the child.
    """
    chosen = limits or Limits()
    request = {
        "path": str(path.resolve(strict=True)),
        "filename": filename,
        "limits": chosen.as_dict(),
        "clean": None if clean is None else asdict(clean),
    }
    with tempfile.TemporaryFile() as diagnosis:
        process = _start(request, diagnosis)
        try:
            messages = _messages(process, limits=chosen, cancelled=cancelled or (lambda: False))
            yield from _sections(messages, on_progress=on_progress)
        except FrameError as exc:
            raise Damaged(kind="document", reason="its reader sent nonsense") from exc
        except Damaged:
            _log_diagnosis(filename, diagnosis)
            raise
        finally:
            _end(process)


def _start(request: dict[str, Any], diagnosis: IO[bytes]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(  # noqa: S603  our own interpreter and our own module; the path goes by the pipe
        [sys.executable, "-I", "-c", _START, str(_ROOT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=diagnosis,
        env={"PATH": os.defpath, "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1"},
        cwd="/",
        start_new_session=True,
    )
    assert process.stdin is not None
    try:
        with process.stdin as pipe:
            pipe.write(json.dumps(request).encode())
    except BrokenPipeError:
        pass  # it died at once: reading its output tells why
    return process


def _sections(messages: Iterator[Message], *, on_progress: Callable[[Progress], None] | None) -> Iterator[Section]:
    progress = Progress(kind="", page_total=None)
    for message in messages:
        match message.get("type"):
            case "section":
                yield unpack_section(message)
            case "start":
                total = whole_number(message, "page_total")
                progress = Progress(kind=str(message.get("kind")), page_total=total)
            case "progress":
                pages = whole_number(message, "page") or progress.pages
                chars = progress.chars + (whole_number(message, "chars") or 0)
                progress = replace(progress, pages=pages, chars=chars)
            case "error":
                raise unpack_error(message)
        if on_progress is not None and message.get("type") in ("start", "progress"):
            on_progress(progress)


def _messages(process: subprocess.Popen[bytes], *, limits: Limits, cancelled: Callable[[], bool]) -> Iterator[Message]:
    """The child's messages up to its last; raises when it is silent for too long, cancelled, or dies."""
    buffer = FrameBuffer()
    for data in _output(process, limits=limits, cancelled=cancelled):
        buffer.feed(data)
        while message := buffer.next():
            if message.get("type") == "end":
                return
            yield message
    raise _death(process, limits=limits)


def _output(process: subprocess.Popen[bytes], *, limits: Limits, cancelled: Callable[[], bool]) -> Iterator[bytes]:
    """What the child writes, until it closes its end; only the time spent waiting here is counted."""
    assert process.stdout is not None
    left = limits.wall_seconds
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if cancelled():
                raise Cancelled
            began = time.monotonic()
            ready = selector.select(min(POLL_SECONDS, max(left, 0.0)))
            data = os.read(process.stdout.fileno(), READ_BYTES) if ready else None
            left -= time.monotonic() - began
            if data:
                yield data
            elif data is not None:
                return
            elif left <= 0:
                raise ExtractionTimeout(seconds=limits.wall_seconds)


def _death(process: subprocess.Popen[bytes], *, limits: Limits) -> ExtractionError:
    """What it means that the child closed its pipe without a last word."""
    try:
        status = process.wait(EXIT_SECONDS)
    except subprocess.TimeoutExpired:
        return Damaged(kind="document", reason="its reader fell silent")
    if -status == signal.SIGXCPU:
        return ExtractionTimeout(seconds=limits.wall_seconds)
    if -status in _MEMORY_SIGNALS:
        return OutOfMemory(megabytes=limits.memory_bytes // MEGABYTE)
    return Damaged(kind="document", reason="its reader crashed")


def _log_diagnosis(filename: str, diagnosis: IO[bytes]) -> None:
    """Keep what the child wrote to its standard error: a defect of ours must not pass for a broken file unseen."""
    size = diagnosis.seek(0, os.SEEK_END)
    diagnosis.seek(max(0, size - DIAGNOSIS_BYTES))
    if text := diagnosis.read().decode(errors="replace").strip():
        _logger.warning("reading %r: %s", filename, text)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Make sure that the child is gone and its pipe is closed."""
    if process.stdout is not None:
        process.stdout.close()
    if process.poll() is None:
        process.kill()
    process.wait()
