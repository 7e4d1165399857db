"""JavaScript as a language of the sandbox: a child that becomes Node.js behind its filter, with limits V8 respects."""

from __future__ import annotations

import os
import resource
from collections.abc import Mapping
from typing import NoReturn

from apps.sandbox.sidecar.kernel import policy
from apps.sandbox.sidecar.kernel.numbers import host_arch
from apps.sandbox.sidecar.kernel.secret_exec import SecretExec
from apps.sandbox.sidecar.zygote import files, node_files, spawn
from apps.sandbox.sidecar.zygote import layers as names
from apps.sandbox.sidecar.zygote.control import Spawn, Stage
from apps.sandbox.sidecar.zygote.guest import Child, Shown
from apps.sandbox.sidecar.zygote.preload import PreloadFailed

RUNNER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "javascript", "runner.js")

OWN_MEMORY_MB = 40
"""What Node.js takes for itself beside a run's memory: stacks of more threads, the new generation, compiled code."""

HEAP_SHARE = 0.75
"""Of a run's memory, what the heap of old objects may take. V8 reports its own limit in words, while an allocation
that the kernel refuses it may end in a plain crash: so its limit has to come first."""


class NodeGuest:
    """JavaScript: Node.js, started anew in each child."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._program = ""
        self._data_bytes = 0

    def shown(self) -> Shown:
        """Ask the installation itself; and the runner's own files."""
        if self._stage.node is None:
            raise PreloadFailed("no Node.js was named")
        try:
            found = node_files.find(self._stage.node)
        except node_files.NodeUnusable as error:
            raise PreloadFailed(str(error)) from error
        self._program, self._data_bytes = found.program, found.data_bytes
        started = (found.program, found.loader) if found.loader else (found.program,)
        read = (*found.libraries, *files.LOADER_FILES, os.path.dirname(RUNNER))
        return Shown(read=tuple(path for path in read if os.path.exists(path)), execute=started)

    def prepare(self) -> None:
        """Assemble the filters ahead: a child only fills its secret in."""
        watched = names.SYSTEM_CALL_WATCH not in self._stage.without
        for alone in (True, False):
            own = None if alone else 2
            policy.child_filter(
                host_arch(), "javascript", watched=watched, execve_pointer=1, pid_one=alone, own_pid=own
            )

    def limits(self, order: Spawn, *, baseline: int) -> Mapping[int, int]:
        """Written memory rather than address space: V8 reserves far more of that than it ever uses."""
        return {resource.RLIMIT_DATA: self._data_bytes + ((order.memory_mb + OWN_MEMORY_MB) << 20)}

    def execute(self, child: Child) -> NoReturn:
        """Become Node.js; the runner says READY when it is warm."""
        started = SecretExec(
            self._program,
            arguments=arguments(node=self._program, runner=RUNNER, memory_mb=child.order.memory_mb),
            environment=environment(),
        )
        os.chdir("/")  # where there is no root of our own, the working directory says where the sidecar was started
        spawn.seal(child, "javascript", execve_pointer=started.pointer)
        started.run()
        raise OSError("execve returned")


def arguments(*, node: str, runner: str, memory_mb: int) -> list[str]:
    """The command line of a runner that may use `memory_mb` of memory."""
    return [
        node,
        f"--max-old-space-size={int(memory_mb * HEAP_SHARE)}",
        *node_files.OPTIONS,
        "--no-addons",
        "--no-warnings",
        "--openssl-config=/dev/null",  # a configuration that exists but may not be read would end the process
        runner,
    ]


def environment() -> dict[str, str]:
    """The variables that Node.js needs while it starts; the runner removes them before it reads any code."""
    return {"UV_THREADPOOL_SIZE": "2", "UV_USE_IO_URING": "0", "MALLOC_ARENA_MAX": "1"}
