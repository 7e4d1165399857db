"""What the reading child runs: limits first, then read, clean and send sections, then say how it ended."""

import errno
import json
import math
import os
import resource
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from apps.datasets.text.errors import Damaged, ExtractionError, OutOfMemory
from apps.datasets.text.frames import Message, pack_error, pack_section, write_message
from apps.datasets.text.limits import MEGABYTE, Limits
from apps.datasets.text.sections import Section, bounded

MAX_DIAGNOSIS_BYTES = MEGABYTE
MAX_OPEN_FILES = 64


def main() -> None:
    """Read one request from standard input; answer on standard output until the end or an error."""
    request = json.load(sys.stdin)
    limits = Limits.from_dict(request["limits"])
    _limit_self(limits)
    stream = _own_output()
    try:
        # The answer is sent after the error's frames, and the memory that they hold, are gone.
        write_message(stream, _answer(stream, request, limits=limits))
    except BrokenPipeError:
        os._exit(1)  # the parent has gone: nobody is left to tell


def _answer(stream: BinaryIO, request: dict[str, Any], *, limits: Limits) -> Message:
    try:
        _read(stream, Path(request["path"]), request, limits=limits)
    except BrokenPipeError:
        raise
    except ExtractionError as exc:
        return pack_error(exc)
    except MemoryError:
        return pack_error(OutOfMemory(megabytes=limits.memory_bytes // MEGABYTE))
    except Exception as exc:  # noqa: BLE001 - a parser may fail in any way on an untrusted file; this is the border
        if isinstance(exc, OSError) and exc.errno == errno.ENOMEM:
            return pack_error(OutOfMemory(megabytes=limits.memory_bytes // MEGABYTE))
        traceback.print_exc()
        return pack_error(Damaged(kind="document", reason="its reader gave up"))
    return {"type": "end"}


def _read(stream: BinaryIO, path: Path, request: dict[str, Any], *, limits: Limits) -> None:
    # Imported after the limits are set, so that they count for the libraries too.
    from apps.datasets.text.clean import CleanSettings, clean_sections
    from apps.datasets.text.extract import check_size, detect_type, extract, extractor_for

    check_size(path, limits=limits)
    kind = detect_type(path, request["filename"], limits=limits)
    total = extractor_for(kind).page_count(path)
    write_message(stream, {"type": "start", "kind": kind, "page_total": total})
    settings = None if request["clean"] is None else CleanSettings(**request["clean"])
    sections = _announced(
        stream, extract(path, kind=kind, limits=limits, tables=settings is not None and settings.tables)
    )
    if settings is not None:
        sections = clean_sections(sections, kind=kind, settings=settings)
    for section in sections:
        for part in bounded(section):
            write_message(stream, pack_section(part))


def _announced(stream: BinaryIO, sections: Iterator[Section]) -> Iterator[Section]:
    """Tell of every section when it is read, for cleaning may hold the first pages back."""
    for section in sections:
        write_message(stream, {"type": "progress", "page": section.page, "chars": len(section.text)})
        yield section


def _limit_self(limits: Limits) -> None:
    seconds = math.ceil(limits.wall_seconds) + 1
    wanted = (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, MAX_DIAGNOSIS_BYTES),
        (resource.RLIMIT_NOFILE, MAX_OPEN_FILES),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, limits.memory_bytes),
    )
    for name, value in wanted:
        try:
            resource.setrlimit(name, (value, value))
        except (ValueError, OSError) as exc:
            # macOS has no RLIMIT_AS; the wall clock and the size limits still hold there.
            print(f"limit {name} is not available: {exc}", file=sys.stderr)  # noqa: T201


def _own_output() -> BinaryIO:
    """Keep the pipe for messages only: what libraries print goes to the diagnosis."""
    pipe = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(pipe, "wb")
