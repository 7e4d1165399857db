"""Zygotes as the tests meet them: in every mode that can be had here, as root and as an ordinary user."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from apps.sandbox.sidecar.zygote import launch
from tests.sandbox.zygote.driver import Zygote, zygote

ORDINARY = "1000"
START = Callable[..., AbstractContextManager[Zygote]]

#: How a zygote is started: the mode, and whether root gives its rights up before.
WAYS = {
    "root": ("root", False),
    "userns": ("userns", True),
    "landlock": ("landlock", True),
    "landlock-as-root": ("landlock", False),
}


def system_python() -> str | None:
    """An interpreter that an ordinary user can read, recent enough."""
    for name in ("/usr/bin/python3.11", "/usr/bin/python3", "/usr/local/bin/python3"):
        recent = [name, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
        if os.path.exists(name) and subprocess.run(recent, check=False).returncode == 0:
            return name
    return None


@pytest.fixture(scope="session")
def readable_source() -> Iterator[Path]:
    """The sidecar's source where everybody can read it, which pytest's own temporary directories are not."""
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        place.chmod(0o755)
        sandbox = Path("apps", "sandbox")
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(launch.SOURCE_ROOT / sandbox / "sidecar", place / sandbox / "sidecar", ignore=ignored)
        for package in (Path("apps"), sandbox):
            shutil.copy(launch.SOURCE_ROOT / package / "__init__.py", place / package)
        yield place


@pytest.fixture(scope="session")
def start_in(readable_source: Path) -> Callable[[str], START]:
    """Start a zygote in one of WAYS, or skip the test where that cannot be had."""

    def start(way: str) -> START:
        mode, ordinary = WAYS[way]
        if os.getuid() != 0:
            if not ordinary:
                pytest.skip("needs root")
            return partial(zygote, mode=mode)
        if not ordinary:
            return partial(zygote, mode=mode)
        interpreter = system_python()
        if interpreter is None or shutil.which("setpriv") is None:
            pytest.skip("needs setpriv and a Python that an ordinary user can read")
        command = launch.command(executable=interpreter, source_root=readable_source)
        become = [
            "/usr/bin/env",
            "-i",
            shutil.which("setpriv") or "",
            "--reuid",
            ORDINARY,
            "--regid",
            ORDINARY,
            "--clear-groups",
        ]
        return partial(zygote, mode=mode, command=[*become, *command])

    return start


@pytest.fixture(params=WAYS)
def start(request: pytest.FixtureRequest, start_in: Callable[[str], START]) -> START:
    """Every way, one after the other; the test starts and ends its own zygotes."""
    return start_in(request.param)


@pytest.fixture(params=WAYS, scope="module")
def any_zygote(request: pytest.FixtureRequest, start_in: Callable[[str], START]) -> Iterator[Zygote]:
    """A zygote that the tests of a module share, in every way."""
    with start_in(request.param)() as running:
        yield running


@pytest.fixture(scope="module")
def one_zygote(start_in: Callable[[str], START]) -> Iterator[Zygote]:
    """A zygote in the best way that can be had, for what does not depend on the way."""
    with start_in("root" if os.getuid() == 0 else "userns")() as running:
        yield running


@pytest.fixture(scope="session")
def site_packages() -> Path:
    """Where this environment's packages lie."""
    return Path(sys.prefix) / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
