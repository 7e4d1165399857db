"""How a zygote is started: the command line that the supervisor execs with an empty environment."""

from __future__ import annotations

import sys
from pathlib import Path

SOURCE_ROOT = Path(__file__).resolve().parents[4]
"""The directory that holds the `apps` package."""


def command(*, executable: str | None = None, source_root: Path = SOURCE_ROOT) -> list[str]:
    """The arguments to exec. Descriptor 3 must be the control channel, the environment must be empty.

    Isolated mode and no site: neither variables nor site-packages of the supervisor's environment reach a zygote,
    and the base interpreter is taken so that no virtualenv is needed inside.
    """
    interpreter: str = executable or getattr(sys, "_base_executable", "") or sys.executable
    start = (
        f"import sys; sys.path.insert(0, {str(source_root)!r}); "
        "from apps.sandbox.sidecar.zygote.main import main; main()"
    )
    return [interpreter, "-I", "-S", "-c", start]
