#!/usr/bin/env python
"""Put the source roots on the path, then run Django's command line.

Child processes (Daphne, Celery) do not start here, so the roots are exported in PYTHONPATH too.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent
SOURCE_ROOTS = [str(ROOT / "platform"), str(ROOT)]


def main() -> None:
    sys.path[:0] = [root for root in SOURCE_ROOTS if root not in sys.path]
    inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ["PYTHONPATH"] = os.pathsep.join(
        SOURCE_ROOTS + [entry for entry in inherited if entry and entry not in SOURCE_ROOTS]
    )
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings.dev")
    if sys.argv[1:2] == ["up"]:
        start_everything()
    try:
        from django.core.management import execute_from_command_line
        from django.db import OperationalError
    except ModuleNotFoundError as exc:
        use_own_environment()
        raise SystemExit(
            f"{exc.name} is not installed. Run `make up`, or install requirements.txt into the active environment."
        ) from exc
    try:
        execute_from_command_line(sys.argv)
    except OperationalError as exc:
        reason = str(exc).strip().splitlines()[0]
        raise SystemExit(
            f"The database does not answer: {reason}\n"
            "Start Skep in this folder with `make up` (in another shell), or set DATABASE_URL."
        ) from exc


def start_everything() -> None:
    """`up` is a supervisor without Django: it starts at once and stays small."""
    from console.embedded.__main__ import main as supervise

    if find_spec("django") is None:
        use_own_environment()
    raise SystemExit(supervise(sys.argv[2:]))


def use_own_environment() -> None:
    """Go on in the `.venv` that `make up` made, if there is one and this is another interpreter."""
    python = ROOT / ".venv" / "bin" / "python"
    if python.exists() and Path(sys.prefix).resolve() != (ROOT / ".venv").resolve():
        os.execv(python, [str(python), *sys.argv])  # noqa: S606 - our own interpreter


if __name__ == "__main__":
    main()
