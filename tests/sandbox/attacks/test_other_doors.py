"""The profiles beside base, Dify's path, and strangers at the socket: the same attacks, the same walls."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.attacks.attack import X86_64
from tests.sandbox.attacks.canaries import Canaries
from tests.sandbox.attacks.cases import NAMED
from tests.sandbox.attacks.conftest import facts_about
from tests.sandbox.attacks.trivial import answers_at_once
from tests.sandbox.sidecar_process import ORDINARY_USER, Sidecar, modes_here, running_sidecar

IN_EVERY_PROFILE = [
    "python reads the host's files",
    "python lists folders of the host",
    "python writes anywhere",
    "python reads /proc, /sys and devices",
    "python starts programs",
    "python forks",
    "python executes programs in its place",
    "python signals everybody",
    "python calls ptrace",
    "python calls unshare",
    "python calls execve by its x32 number",
    "python makes code of its own executable",
    "python asks the kernel for more rights",
    "python connects over TCP",
    "python sends datagrams and resolves names",
    "python asks for 10 GB",
    "python truncates a result",
]
#: The profile net is told in its environment where the proxy is.
WITHOUT_NETWORK = ["python looks for open files", "python looks at its environment"]


@pytest.fixture(scope="module")
def every_profile() -> Iterator[Sidecar]:
    with running_sidecar(modes_here()[0], "--net", "--node", "off") as sidecar:
        yield sidecar


def in_profiles() -> list[Any]:
    kinds = {
        "template": IN_EVERY_PROFILE + WITHOUT_NETWORK,
        "data": IN_EVERY_PROFILE + WITHOUT_NETWORK,
        "net": IN_EVERY_PROFILE,
    }
    return [pytest.param(profile, name, id=f"{profile}: {name}") for profile, names in kinds.items() for name in names]


@pytest.mark.skipif(not X86_64, reason="the numbers of the calls are those of x86_64")
@pytest.mark.parametrize(("profile", "name"), in_profiles())
def test_the_other_profiles_stand_as_firm(every_profile: Sidecar, canaries: Canaries, profile: str, name: str) -> None:
    state = every_profile.health()["profiles"][profile]
    if "reason" in state:
        pytest.skip(state["reason"])
    request = {**NAMED[name].request(facts_about(canaries, every_profile)), "profile": profile, "mode": "function"}
    result = every_profile.run_when_up(**request)
    assert not NAMED[name].expect(result)
    assert not canaries.untouched()
    again = every_profile.run(code="def main():\n    return {'x': 1}", profile=profile, mode="function")
    assert again["outputs"] == {"x": 1}


SCRIPT = """
import os
for path in ["/etc/passwd", CANARY]:
    try: print("reached", open(path).read(10))
    except OSError as problem: print(problem.strerror)
try: print("reached", os.fork())
except OSError as problem: print(problem.strerror)
import socket
try: socket.create_connection(("127.0.0.1", PORT), 1); print("reached")
except OSError as problem: print(problem.strerror)
"""


def test_scripts_in_difys_shape_stay_inside_with_whatever_they_ask_for(
    root_or_user: Sidecar, canaries: Canaries
) -> None:
    names = f"CANARY = {canaries.facts['canary_file']!r}\nPORT = {canaries.facts['tcp_port']}\n"
    for fields in [{"code": names + SCRIPT}, {"code": "", "preload": names + SCRIPT}]:
        body = json.dumps({"language": "python3", "enable_network": True, **fields}).encode()
        answer = root_or_user.ask("POST", "/v1/sandbox/run", body=body)
        assert (answer.code, answer.body["code"]) == (200, 0), answer
        said = answer.body["data"]["stdout"]
        assert len(said.splitlines()) == 4, answer.body
        assert "reached" not in said
    assert not canaries.untouched()
    refused = root_or_user.ask("POST", "/v1/sandbox/run", body=b"{}", headers={"X-Api-Key": "wrong"})
    assert (refused.code, refused.body) == (401, {"code": -401, "message": "Unauthorized", "data": None})


CONNECT = """
import socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.settimeout(5)
connection.connect(sys.argv[1])
connection.sendall(b"POST /v1/run HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 2\\r\\n\\r\\n{}")
print(connection.recv(100).split(b" ")[1].decode())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_of_the_machine_gets_in_neither_by_the_socket_nor_past_it() -> None:
    with running_sidecar("root", "--node", "off", without_key=True) as sidecar:

        def knock(user: int) -> subprocess.CompletedProcess[str]:
            command = ["/usr/bin/python3", "-c", CONNECT, str(sidecar.socket)]
            return subprocess.run(
                command, capture_output=True, text=True, user=user, group=user, extra_groups=[], check=False
            )

        assert "PermissionError" in knock(ORDINARY_USER).stderr
        sidecar.socket.chmod(0o777)
        assert knock(ORDINARY_USER).stdout.strip() == "401"
        assert knock(0).stdout.strip() == "400"  # let in, and told that {} is no request


NOISY = {
    "prints": "def main(**_):\n    while True: print('x' * 10_000)",
    "writes empty frames": "import os\ndef main(**_):\n    while True: os.write(3, (b'O' + bytes(4)) * 10_000)",
    "returns a wide result": "def main(**_):\n    return {'a': [[]] * 330_000}",
    "spins in threads": "import threading\ndef spin():\n    while True: pass\n"
    "def main(**_):\n    for _ in range(8): threading.Thread(target=spin).start()\n    spin()",
}


@pytest.mark.parametrize("name", NOISY)
def test_a_noisy_run_does_not_silence_its_neighbours(root_or_user: Sidecar, name: str) -> None:
    stop = time.monotonic() + 0.7

    def make_noise() -> None:
        while time.monotonic() < stop:
            root_or_user.try_run(NOISY[name], limits={"wall_s": 0.5, "output_bytes": 1 << 20})

    threads = [threading.Thread(target=make_noise) for _ in range(2)]
    for thread in threads:
        thread.start()
    slowest = 0.0
    while time.monotonic() < stop:
        began = time.monotonic()
        assert answers_at_once(root_or_user)
        slowest = max(slowest, time.monotonic() - began)
    for thread in threads:
        thread.join()
    assert slowest < 10  # on a machine where other tests run; silenced would be for as long as the noise lasts
