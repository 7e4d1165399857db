"""Which of the machine's files one installation of Node.js needs: the program, its loader, the libraries it maps."""

from __future__ import annotations

import json
import os
import signal
import struct
from dataclasses import dataclass

OLDEST = 18
"""The first major version whose options the runner's command line can use."""

OPTIONS = ("--v8-pool-size=1",)
"""Three threads and their stacks fewer; a run has about one core anyway."""

_ASK = (
    "JSON.stringify({version: process.versions.node, program: process.execPath, "
    "libraries: process.report.getReport().sharedObjects, "
    "data: require('fs').readFileSync('/proc/self/status', 'utf8').match(/^VmData:\\s*(\\d+) kB/m)[1]})"
)
_LONGEST_ANSWER = 1 << 20
_PT_INTERP = 3


class NodeUnusable(Exception):
    """There is no Node.js at that path, or none that the sandbox can use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFiles:
    """One installation, as it was found by asking it."""

    version: str
    program: str
    loader: str | None
    """None when the program is linked statically."""
    libraries: tuple[str, ...]
    data_bytes: int
    """Writable memory that it maps before it runs anything: 24 MiB, or half a GiB since V8 maps its code at once."""


def find(node: str) -> NodeFiles:
    """Run that Node.js once, outside the sandbox, and have it say what it consists of."""
    if not os.access(node, os.X_OK):
        raise NodeUnusable(f"there is no program at {node}")
    try:
        answer = json.loads(_run([node, *OPTIONS, "-p", _ASK]))
        version, program, libraries = answer["version"], answer["program"], answer["libraries"]
        major = int(version.partition(".")[0])
        data_bytes = int(answer["data"]) * 1024
        loader = _loader(program)
    except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
        raise NodeUnusable(f"{node} did not answer as Node.js does: {error}") from error
    if major < OLDEST:
        raise NodeUnusable(f"{node} is Node.js {version}; {OLDEST} is the oldest that can be used")
    return NodeFiles(
        version=version,
        program=program,
        loader=loader,
        libraries=tuple(path for path in libraries if path.startswith("/")),
        data_bytes=data_bytes,
    )


def _run(command: list[str]) -> bytes:
    """What the command prints. Not subprocess, which a zygote would carry about for ever after."""
    readable, writable = os.pipe2(os.O_CLOEXEC)
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    actions = [(os.POSIX_SPAWN_DUP2, source, target) for source, target in ((null, 0), (writable, 1), (null, 2))]
    try:
        pid = os.posix_spawn(command[0], command, {}, file_actions=actions, setsigdef=[signal.SIGINT])
    except OSError:
        os.close(readable)
        raise
    finally:
        os.close(writable)
        os.close(null)
    with open(readable, "rb") as output:
        printed = output.read(_LONGEST_ANSWER)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code != 0:
        raise OSError(f"it ended with {code}")
    return printed


def _loader(program: str) -> str | None:
    """The interpreter that an ELF program names; the kernel starts it, so that it has to be executable too."""
    with open(program, "rb") as elf:
        header = elf.read(64)
        if header[:5] != b"\x7fELF\x02":
            raise ValueError("not a 64-bit ELF program")
        (table,) = struct.unpack_from("<Q", header, 32)
        size, count = struct.unpack_from("<HH", header, 54)
        elf.seek(table)
        entries = elf.read(size * count)
        for start in range(0, size * count, size):
            (kind,) = struct.unpack_from("<I", entries, start)
            (offset,) = struct.unpack_from("<Q", entries, start + 8)
            (length,) = struct.unpack_from("<Q", entries, start + 32)
            if kind == _PT_INTERP:
                elf.seek(offset)
                return os.fsdecode(elf.read(length).rstrip(b"\0"))
    return None
