"""A child that will not run on this system is left off, and the rest goes on; one that merely died comes back."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

SUPERVISE = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    from console.embedded.children import Child
    from console.embedded.console_log import Terminal
    from console.embedded.supervisor import Supervisor

    home, code = Path(sys.argv[1]), sys.argv[2]

    def child(name, script, **changes):
        return Child(name=name, argv=["sh", "-c", script], environment=dict(os.environ), directory=home, **changes)

    Supervisor(
        [
            child("sandbox", f"echo no walls here; echo x >> starts; exit {code}", optional=True, declines_with=78),
            child("web", "sleep 1.5; kill -TERM $PPID; sleep 30"),
        ],
        logs=home,
        memory=home / "children.json",
        terminal=Terminal(),
        ready_when={"never"},
        on_ready=lambda: None,
        on_fact=lambda fact: None,
    ).run()
    """
)


def supervise(home: Path, *, code: int) -> tuple[str, int]:
    """What the terminal says, and how often the child was started."""
    done = subprocess.run(
        [sys.executable, "-c", SUPERVISE, str(home), str(code)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)])},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, len((home / "starts").read_text().split())


def test_a_child_that_declines_is_left_off_with_its_own_words_above(tmp_path: Path):
    said, starts = supervise(tmp_path, code=78)
    assert starts == 1
    assert said.index("no walls here") < said.index("sandbox is off, for the reason above")
    assert "starting it again" not in said


def test_an_optional_child_that_dies_is_started_again_and_never_stops_the_rest(tmp_path: Path):
    said, starts = supervise(tmp_path, code=3)
    assert starts > 1
    assert "sandbox ended with code 3; starting it again in 0.5 s" in said
    assert "cannot start without it" not in said
