"""Python as a language of the sandbox: what it needs in the zygote, and the life of one child."""

from __future__ import annotations

import gc
import os
import resource
import signal
import sys
from collections.abc import Mapping
from typing import NoReturn

from apps.sandbox.sidecar.kernel.policy import Kind
from apps.sandbox.sidecar.zygote import files, frames, preload, python_run, spawn, template_child, user_errors
from apps.sandbox.sidecar.zygote.control import Spawn, Stage
from apps.sandbox.sidecar.zygote.guest import Child, Shown
from apps.sandbox.sidecar.zygote.streams import ChildStream, Console, StreamEnded

# Taken before user code can replace them.
_exit, _write = os._exit, os.write

_OWN_PACKAGE = "apps"

_BROKEN = frames.pack(
    frames.RESULT,
    b'{"ok":false,"error":{"type":"InterpreterBroken","message":"the code changed the interpreter so that no result '
    b'could be made","traceback":null},"cpu_ms":0,"peak_kb":0}',
)

_REHEARSAL = (
    b'{"mode":"function","code":"import json\\ndef main(a, **b):\\n    return {\'a\': [a, 1.5, None, str(b)]}\\n",'
    b'"inputs":{"a":"b"}}'
)
"""Run in each child before its request is there, so that the run meets few pages that it still shares."""

_MISHAP = b'{"mode":"function","code":"def main():\\n    return {\'a\': 1 / 0}\\n","inputs":{}}'
"""Run in the zygote only: what an error needs is imported then, and most runs have none."""


class PythonGuest:
    """Python: the zygote's own interpreter, warmed, forked."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def shown(self) -> Shown:
        """The standard library, what it links to, the time zones and the profile's packages."""
        read = [*files.standard_library(), *files.shared_libraries(), files.ZONES, *self._stage.paths]
        if self._stage.net:
            read += files.certificates()
        return Shown(read=tuple(path for path in read if os.path.exists(path)))

    def prepare(self) -> None:
        """Import what runs are likely to use, and put only the sandbox's own places on sys.path."""
        sys.path[:] = [*files.standard_library_path(), *files.importable(self._stage.paths)]
        sys.path_importer_cache.clear()
        preload.warm_up(self._stage.preload, paths=self._stage.paths)
        template_child.warm_up()
        kind: Kind = "net" if self._stage.net else "python"
        for watched in (False, True):
            spawn.prepare_seal(kind, watched=watched)
        for request in (_REHEARSAL, _MISHAP):
            python_run.answer(request)
        _forget_rehearsals()
        _forget_ourselves()

    def limits(self, order: Spawn, *, baseline: int) -> Mapping[int, int]:
        """The address space: what the zygote has mapped already, and the run's memory on top."""
        return {resource.RLIMIT_AS: baseline + (order.memory_mb << 20)}

    def execute(self, child: Child) -> NoReturn:
        """Close the last gate, rehearse, report readiness, run one request, and end the process."""
        stream = ChildStream()
        console = Console(stream)
        preload.reseed()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        spawn.seal(child, "net" if child.stage.net else "python")
        if child.proxy_port is not None:
            _use_proxy(child.proxy_port)
        python_run.answer(_REHEARSAL)
        if child.stage.profile == template_child.PROFILE:
            template_child.warm_up()
        _forget_rehearsals()
        stream.send(frames.READY)
        try:
            request = stream.read_request()
        except StreamEnded:
            os._exit(0)
        console.install()
        gc.enable()
        _serve(request, stream, console)


def _forget_ourselves() -> None:
    """Leave nothing of the sandbox to import, and no trace of how the interpreter was started."""
    for name in [name for name in sys.modules if name.partition(".")[0] == _OWN_PACKAGE]:
        del sys.modules[name]
    sys.argv[:] = [user_errors.FILE]
    sys.orig_argv[:] = [user_errors.FILE]


def _forget_rehearsals() -> None:
    sys.modules.pop("main", None)


def _serve(request: bytes, stream: ChildStream, console: Console) -> NoReturn:
    try:
        answer = python_run.answer(request)
        console.flush()
        stream.send(frames.RESULT, answer)
    except BaseException:  # noqa: BLE001 - whatever user code has done to the interpreter, the process ends here
        _write(frames.CHILD_FD, _BROKEN)
    _exit(0)


def _use_proxy(port: int) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        os.environ[name] = f"http://127.0.0.1:{port}"
