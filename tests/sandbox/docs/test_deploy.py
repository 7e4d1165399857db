"""deploy/sandbox: what the image copies is enough to serve; the unit and the composition say what they promise."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from tests.sandbox.sidecar_process import CHECKOUT, ORDINARY_USER, SYSTEM_PYTHON

DEPLOY = CHECKOUT / "deploy" / "sandbox"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
UNIT = (DEPLOY / "skep-sandbox.service").read_text()


@pytest.fixture
def image() -> Iterator[Path]:
    """The files that the image copies from the repository, at the places where they are in it, owned by root."""
    root = Path(tempfile.mkdtemp(prefix="skep-image-"))
    root.chmod(0o755)
    for line in re.findall(r"^COPY (?!--)(.*)$", DOCKERFILE, re.MULTILINE):
        *sources, target = line.split()
        for source in map(CHECKOUT.joinpath, sources):
            here = root / target.lstrip("/")
            if source.is_dir():
                shutil.copytree(source, here, ignore=shutil.ignore_patterns("__pycache__"))
                continue
            here = here / source.name if target.endswith("/") else here
            here.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, here)
    yield root
    shutil.rmtree(root)


def test_what_the_image_holds_serves_as_an_ordinary_user(image: Path) -> None:
    steps_down = os.geteuid() == 0 and SYSTEM_PYTHON.exists()
    python = str(SYSTEM_PYTHON if steps_down else sys.executable)
    user = ORDINARY_USER if steps_down else None
    place = image / "run"
    place.mkdir()
    if user is not None:
        os.chown(place, user, user)
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "SANDBOX_LISTEN": f"unix:{place}/s.sock",
        "SANDBOX_API_KEY": "k" * 32,
        "SANDBOX_FLOOR": "landlock",
    }
    entry = re.search(r'^ENTRYPOINT \["/bin/sh", "-c", "(.*)", "sidecar"\]$', DOCKERFILE, re.MULTILINE)
    assert entry is not None
    script = entry[1].replace('\\"', '"').replace("exec python ", f"exec {python} ")
    tree = image / "opt" / "skep"
    process = subprocess.Popen(
        ["/bin/sh", "-c", script, "sidecar", "--node", "off", "--spares-python", "1"],
        cwd=tree,
        env=environment,
        user=user,
        group=user,
        extra_groups=[] if user else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"sandbox ready")
        checked = subprocess.run([python, "-I", str(tree / "healthcheck.py")], env=environment, capture_output=True)
        assert (checked.returncode, checked.stdout) == (0, b"ok\n"), checked.stderr
    finally:
        process.send_signal(signal.SIGTERM)
        ended = time.monotonic()
        process.communicate(timeout=10)
        assert time.monotonic() - ended < 5
    assert process.returncode == 0
    checked = subprocess.run([python, "-I", str(tree / "healthcheck.py")], env=environment, capture_output=True)
    assert checked.returncode == 1


def test_the_image_runs_as_nobody_special_and_tells_how_it_is() -> None:
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", DOCKERFILE, re.MULTILINE)
    assert "HEALTHCHECK" in DOCKERFILE


def test_the_image_has_the_versions_that_are_tested() -> None:
    pinned = re.findall(r"^([\w-]+)==(\S+)$", (DEPLOY / "requirements.txt").read_text(), re.MULTILINE)
    assert {"Jinja2", "MarkupSafe", "numpy", "pandas"} <= {name for name, _ in pinned}
    assert {name: pin for name, pin in pinned if version(name) != pin} == {}


def test_the_composition_gives_the_sandbox_nothing() -> None:
    service = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["sandbox"]
    assert service["network_mode"] == "none"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["user"] in DOCKERFILE
    assert not {"SECRET_KEY", "DATABASE_URL", "ENCRYPTION_KEYS"} & set(service["environment"])


def test_the_unit_forbids_nothing_that_isolating_needs() -> None:
    settings = dict(re.findall(r"^(\w+)=(.*)$", UNIT, re.MULTILINE))
    assert settings["NoNewPrivileges"] == "yes"
    assert settings["CapabilityBoundingSet"] == ""
    assert settings["PrivateNetwork"] == "yes"
    assert settings["ProtectSystem"] == "strict"
    assert settings["RestartPreventExitStatus"] == "78"
    assert not {"RestrictNamespaces", "ProtectHostname", "PrivateUsers", "MemoryDenyWriteExecute"} & set(settings)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_reads_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "skep-sandbox.service"
    unit.write_text(UNIT.replace("/opt/skep/.venv/bin/python", sys.executable))
    checked = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True)
    said = [line for line in checked.stderr.splitlines() if "skep-sandbox" in line]
    assert not said
