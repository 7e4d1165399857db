"""Starting, and refusing to: exit code 78, one clear line, and the reason beside the socket."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.sandbox.sidecar_process import CHECKOUT, ORDINARY_USER, Sidecar, StartRefused, gone, running_sidecar
from tests.sandbox.supervisor.wire import Wire

KEY = "k" * 16


def start(*arguments: str, key: str | None = KEY, **environment: str) -> subprocess.CompletedProcess[str]:
    """Start a sidecar that is expected to end by itself."""
    env = {"PATH": os.environ["PATH"], **environment}
    if key is not None:
        env["SANDBOX_API_KEY"] = key
    command = [sys.executable, "-m", "apps.sandbox.sidecar", *arguments]
    return subprocess.run(command, cwd=CHECKOUT, env=env, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("arguments", "key", "environment", "reason"),
    [
        ((), KEY, {}, "--listen"),
        (("--listen", "127.0.0.1:0"), None, {}, "SANDBOX_API_KEY is not set"),
        (("--listen", "127.0.0.1:0"), "short", {}, "shorter than 16"),
        (("--listen", "nonsense"), KEY, {}, "unix:PATH or HOST:PORT"),
        (("--listen", "127.0.0.1:99999"), KEY, {}, "unix:PATH or HOST:PORT"),
        (("--listen", "unix:" + "/x" * 60), KEY, {}, "longer than 107 bytes"),
        (("--listen", "192.0.2.1:80"), KEY, {}, "cannot listen on 192.0.2.1:80"),
        (("--listen", "127.0.0.1:0", "--unsafe-without", "seccomp", "--floor", "root"), KEY, {}, "contradict"),
        (("--listen", "127.0.0.1:0"), KEY, {"SANDBOX_FLOOR": "gvisor"}, "SANDBOX_FLOOR"),
        (("--listen", "127.0.0.1:0", "--profile", "base=/x"), KEY, {}, "built-in"),
        (("--listen", "127.0.0.1:0", "--profile", "mine"), KEY, {}, "NAME=/path/to/venv"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_one_line(
    arguments: tuple[str, ...], key: str | None, environment: dict[str, str], reason: str
) -> None:
    done = start(*arguments, key=key, **environment)
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.startswith("sandbox refused to start: ")
    assert done.stderr.count("\n") == 1
    assert reason in done.stderr


def test_a_machine_below_the_floor_is_refused_and_the_reason_lies_beside_the_socket(tmp_path: Path) -> None:
    with pytest.raises(StartRefused) as refused, running_sidecar("landlock", "--floor", "userns"):
        pass
    assert refused.value.code == 78
    assert "the floor is userns, but only landlock works here" in refused.value.stderr
    path = tmp_path / "sandbox.sock"
    path.write_text("not a socket")
    assert start("--listen", f"unix:{path}").returncode == 78
    assert "it is no socket" in path.with_name("sandbox.sock.refused").read_text()
    assert path.read_text() == "not a socket"


def test_every_mode_serves_and_says_which_it_is(sidecar: Sidecar) -> None:
    health = sidecar.health()
    assert (health["status"], health["mode"]) == ("ok", sidecar.mode)
    assert sidecar.ready_line.startswith(f"sandbox ready mode={sidecar.mode} listen=unix:")
    layers = health["layers"]
    assert all(layers[name] for name in ("landlock", "no_new_privs", "seccomp", "rlimits", "fd_scrub"))
    assert layers["own_uid"] is (sidecar.mode == "root")
    assert layers["pid_ns"] is (sidecar.mode != "landlock")
    assert health["probe"]["ok"] is True
    assert health["probe"]["forbidden"] > 100
    assert health["profiles"]["base"]["state"] == "ready"
    assert sidecar.run("def main(): return {'a': 1}")["outputs"] == {"a": 1}


def test_strangers_learn_only_that_it_is_up(root_sidecar: Sidecar) -> None:
    assert root_sidecar.ask("GET", "/health", headers={"X-Api-Key": "wrong"}).body == {"status": "ok"}


def test_check_tells_what_the_machine_can_do() -> None:
    done = start("--check", "--node", "off", key=None)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["mode"] in {"root", "userns", "landlock"}
    assert told["probe"]["ok"] is True
    assert told["profiles"]["javascript"]["reason"] == "Node.js is turned off in this sandbox"


def test_a_layer_that_is_taken_away_is_reported() -> None:
    with running_sidecar("root", "--node", "off", "--unsafe-without", "seccomp") as sidecar:
        health = sidecar.health()
        assert (health["status"], health["layers"]["seccomp"]) == ("degraded", False)
        assert health["without"] == ["seccomp"]
        assert health["probe"]["ok"] is False


def test_over_tcp_only_the_key_opens() -> None:
    command = [sys.executable, "-m", "apps.sandbox.sidecar", "--listen", "127.0.0.1:0", "--node", "off"]
    env = {"PATH": os.environ["PATH"], "SANDBOX_API_KEY": KEY}
    process = subprocess.Popen(command, cwd=CHECKOUT, env=env, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        port = int(line.split("listen=127.0.0.1:")[1].split()[0])

        def ask(key: str) -> tuple[bytes, Any]:
            body = b'{"code":"def main(): return {}"}'
            head = f"POST /v1/run HTTP/1.1\r\nHost: x\r\nX-Api-Key: {key}\r\nContent-Length: {len(body)}\r\n"
            with socket.create_connection(("127.0.0.1", port), timeout=20) as wire:
                wire.sendall(head.encode() + b"Connection: close\r\n\r\n" + body)
                answer = b"".join(iter(lambda: wire.recv(65536), b""))
            return answer[:12], json.loads(answer.partition(b"\r\n\r\n")[2])

        assert ask("wrong")[0] == b"HTTP/1.1 401"
        status, body = ask(KEY)
        assert (status, body["outputs"]) == (b"HTTP/1.1 200", {})
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert process.stdout is not None
        process.stdout.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to become other users")
def test_without_a_key_a_unix_socket_serves_its_own_user_and_root_only(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.sock"
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()  # nobody serves it any more, and the file is still there
    path.with_name("sandbox.sock.refused").write_text("an earlier start")
    command = [sys.executable, "-m", "apps.sandbox.sidecar", "--listen", f"unix:{path}", "--node", "off"]
    process = subprocess.Popen(
        command, cwd=CHECKOUT, env={"PATH": os.environ["PATH"]}, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("sandbox ready")
        assert not path.with_name("sandbox.sock.refused").exists()
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        again = start("--listen", f"unix:{path}")
        assert again.returncode == 78
        assert "another process serves this socket" in again.stderr
        assert not path.with_name("sandbox.sock.refused").exists()
        sidecar = Sidecar(mode="root", socket=path, key="", process=process)
        assert sidecar.run("def main(): return {'a': 1}")["outputs"] == {"a": 1}
        path.chmod(0o666)  # the kernel lets them in now; the sidecar still does not
        for folder in (tmp_path, *tmp_path.parents[:3]):
            folder.chmod(folder.stat().st_mode | 0o111)
        os.seteuid(ORDINARY_USER)
        try:
            wire = Wire(sidecar)
        finally:
            os.seteuid(0)
        with wire:
            wire.send(wire.run("def main(): return {}"))
            assert wire.reply().status == 401
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()


def test_an_operators_virtualenv_is_a_profile(tmp_path: Path) -> None:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = tmp_path / "venv" / "lib" / version / "site-packages"
    packages.mkdir(parents=True)
    (packages / "greeting.py").write_text("def greet(name): return f'hello {name}'\n")
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(folder.stat().st_mode | 0o111)
    arguments = ("--profile", f"mine={tmp_path}/venv:greeting", "--profile", f"gone={tmp_path}/nothing")
    code = "import greeting\ndef main(): return {'said': greeting.greet('you')}"
    with running_sidecar("root", "--node", "off", *arguments) as sidecar:
        assert sidecar.run(code, profile="mine")["outputs"] == {"said": "hello you"}
        assert sidecar.run(code)["error"]["type"] == "ModuleNotFoundError"
        answer = sidecar.try_run(code, profile="gone")
        assert (answer.code, answer.body["error"]["code"]) == (400, "profile_unavailable")
        assert "does not exist" in answer.body["error"]["message"]


@pytest.mark.parametrize("after", [0.2, 0.6, 1.2])
def test_it_can_be_told_to_stop_while_it_is_still_starting(tmp_path: Path, after: float) -> None:
    path = tmp_path / "sandbox.sock"
    command = [sys.executable, "-m", "apps.sandbox.sidecar", "--listen", f"unix:{path}"]
    env = {"PATH": os.environ["PATH"]}
    process = subprocess.Popen(command, cwd=CHECKOUT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        time.sleep(after)
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=10)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    assert process.returncode in (0, -signal.SIGTERM)  # before it could take the signal, there is nothing to end
    assert b"Traceback" not in said
    assert not gone(family, within=3)
