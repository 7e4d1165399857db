"""`platform/` is a source root: were it a package, it would hide Python's own `platform` module from everybody."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ASK = "import platform, sys; sys.stdout.write(platform.system() + ' ' + platform.__file__)"


def test_platform_holds_packages_and_no_module_of_its_own():
    entries = [entry for entry in (ROOT / "platform").iterdir() if entry.name != "__pycache__"]
    assert entries, "the source root is gone"
    assert [entry.name for entry in entries if entry.is_file()] == []
    assert [entry.name for entry in entries if not (entry / "__init__.py").exists()] == []


@pytest.mark.parametrize("roots", ["platform:.", ".:platform", "."])
def test_the_standard_platform_module_wins_from_the_repository_root(roots: str):
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        cwd=ROOT,
        env={"PYTHONPATH": roots, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    system, file = done.stdout.split(" ", 1)
    assert system.lower() == sys.platform
    assert not Path(file).resolve().is_relative_to(ROOT / "platform")


def test_tests_never_mirror_the_source_root_by_its_name():
    assert not (ROOT / "tests" / "platform").exists()
