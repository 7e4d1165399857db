"""The client, the page and the command with a real sandbox on the other side."""

from __future__ import annotations

import asyncio
import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from apps.sandbox import errors
from apps.sandbox.address import parse_address
from apps.sandbox.client import SandboxClient
from apps.sandbox.door import Door
from apps.sandbox.models import Refusal
from apps.sandbox.protocol import Language, RunLimits, RunRequest, RunResult, Status
from apps.sandbox.services import is_refusal, record_refusal
from apps.workflows.adapters.code import SandboxedCode
from apps.workflows.engine.ports import CodeFailed, CodeRequest
from apps.workflows.nodes.secrets import HIDDEN, Secrets
from support.ids import uuid7
from tests.sandbox.sidecar_process import Sidecar, modes_here, running_sidecar

MODE = modes_here()[0]
#: Sleeps in one call, so that only a kill can end it early.
SLEEP = "import time\ndef main():\n    time.sleep(20)\n    return {}"


@pytest.fixture
def real(sidecars: Any) -> Sidecar:
    found: Sidecar = sidecars.of(MODE)
    return found


def client_of(sidecar: Sidecar, *, key: str | None = None) -> SandboxClient:
    address = parse_address(f"unix:{sidecar.socket}")
    return SandboxClient(Door(address=address, api_key=sidecar.key if key is None else key))


async def until_running(sidecar: Sidecar, number: int) -> None:
    deadline = time.monotonic() + 10
    while sidecar.health()["queue"]["running"] != number:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_python_and_javascript_run_and_give_their_outputs(real: Sidecar):
    async with client_of(real) as client:
        python = await client.run(RunRequest(code="def main(a):\n    return {'b': a + 1}", inputs={"a": 1}))
        script = RunRequest(
            code="function main({a}) { return {b: a + 1}; }", language=Language.JAVASCRIPT, inputs={"a": 1}
        )
        javascript = await client.run(script)
    assert (python.status, python.outputs) == (Status.OK, {"b": 2})
    assert (javascript.status, javascript.outputs) == (Status.OK, {"b": 2}), javascript


async def test_a_request_over_a_limit_and_an_unknown_profile_and_a_wrong_key_have_their_types(real: Sidecar):
    async with client_of(real) as client:
        with pytest.raises(errors.SandboxRejected, match=r"limits\.wall_s"):
            await client.run(RunRequest(code="x", limits=RunLimits(wall_s=9999)))
        with pytest.raises(errors.SandboxProfileUnavailable):
            await client.run(RunRequest(code="x", profile="no-such-profile"))
    async with client_of(real, key="a wrong key of some length") as client:
        with pytest.raises(errors.SandboxUnauthorized):
            await client.run(RunRequest(code="x"))


async def test_a_cancelled_run_is_killed_and_its_place_is_free_again(real: Sidecar):
    async with client_of(real) as client:
        running = asyncio.ensure_future(client.run(RunRequest(code=SLEEP)))
        await until_running(real, 1)
        running.cancel()
        await until_running(real, 0)
        with pytest.raises(asyncio.CancelledError):
            await running


async def test_a_run_killed_by_its_id_says_so_and_is_no_refusal(real: Sidecar):
    async with client_of(real) as client:
        running = asyncio.ensure_future(client.run(RunRequest(code=SLEEP, run_id="one:code_1")))
        await until_running(real, 1)
        assert await client.kill("one:code_1") is True
        result = await running
    assert result.status is Status.KILLED
    assert result.error is not None
    assert result.error.type == "KilledByRequest"
    assert not is_refusal(result)


async def test_a_sandbox_that_dies_under_a_run_is_lost_and_the_next_one_answers():
    with running_sidecar(MODE) as sidecar:
        client = client_of(sidecar)
        running = asyncio.ensure_future(client.run(RunRequest(code=SLEEP)))
        await until_running(sidecar, 1)
        sidecar.process.kill()
        with pytest.raises(errors.SandboxLost):
            await running
        await client.aclose()
    with running_sidecar(MODE) as sidecar:
        async with client_of(sidecar) as client:
            assert (await client.run(RunRequest(code="def main(): return {}"))).status is Status.OK


@pytest.mark.parametrize(
    ("code", "status", "call"),
    [
        ("import ctypes\ndef main():\n    ctypes.CDLL(None).ptrace(0, 0, 0, 0)\n    return {}", "killed", "ptrace"),
        ("def main():\n    return {'x': 'x' * (1 << 40)}", "memory", ""),
        ("def main():\n    open('/x', 'w')\n    return {}", "error", ""),
    ],
    ids=["system-call", "memory", "denied"],
)
def test_what_the_sandbox_stops_is_kept_as_a_refusal(real: Sidecar, team, code: str, status: str, call: str):
    request = RunRequest(code=code)

    async def run() -> Any:
        async with client_of(real) as client:
            return await client.run(request)

    record_refusal(asyncio.run(run()), request=request, team_id=team.id, app_slug="a", run_id=uuid7(), node_id="code_1")
    row = Refusal.objects.get()
    assert (row.status, row.system_call) == (status, call)
    assert row.message


async def test_a_refusal_is_told_without_the_secrets_that_the_code_was_given(real: Sidecar):
    token, told = "a-token-of-theirs", []

    async def tell(request: RunRequest, result: RunResult, node_id: str) -> None:
        told.append((result, node_id))

    async with client_of(real) as client:
        port = SandboxedCode(uuid7(), tell=tell, connect=partial(_given, client))
        with pytest.raises(CodeFailed):
            await port.run(
                CodeRequest(
                    language="python3",
                    code="def main(token):\n    open('/' + token, 'w')",
                    inputs={"token": token},
                    node_id="code_1",
                    hide=Secrets([token]).hide,
                )
            )
    [(result, node_id)] = told
    assert (result.error.type, node_id) == ("OSError", "code_1")
    assert HIDDEN in result.error.message
    assert token not in str(result)


async def _given(client: SandboxClient) -> SandboxClient:
    return client


def test_the_page_and_the_probe_show_a_real_sandbox(real: Sidecar, client, superuser, settings):
    settings.SANDBOX_URL, settings.SANDBOX_API_KEY = f"unix:{real.socket}", real.key
    real.run("def main(): return {}")
    client.force_login(superuser)
    page = client.get(reverse("sandbox:health"))
    report = page.context["report"]
    assert report.runs > 0
    assert report.histogram is not None
    assert {layer.key for layer in report.layers if layer.active} >= {"landlock", "seccomp", "no_new_privs"}
    assert report.probe["ok"] is True
    assert len(report.limits) == 6
    assert client.get("/health/ready").json()["checks"]["sandbox"] == "ok"
    settings.SANDBOX_API_KEY = "a wrong key of some length"
    assert "Key refused" in client.get(reverse("sandbox:health")).content.decode()


def test_a_file_runs_from_the_shell(real: Sidecar, settings, tmp_path: Path, capsys):
    settings.SANDBOX_URL, settings.SANDBOX_API_KEY = f"unix:{real.socket}", real.key
    (tmp_path / "add.py").write_text("def main(a, b):\n    print('adding')\n    return {'sum': a + b}\n")
    (tmp_path / "fail.py").write_text("def main():\n    raise ValueError('no')\n")
    call_command("sandbox", "run", str(tmp_path / "add.py"), "--inputs", '{"a": 2, "b": 3}')
    said = json.loads(capsys.readouterr().out)
    assert (said["outputs"], said["stdout"]) == ({"sum": 5}, "adding\n")
    with pytest.raises(SystemExit) as ended:
        call_command("sandbox", "run", str(tmp_path / "fail.py"))
    assert ended.value.code == 1
    assert json.loads(capsys.readouterr().out)["error"]["type"] == "ValueError"
    for arguments in (["no-such-file.py"], [str(tmp_path / "add.py"), "--inputs", "[1]"]):
        with pytest.raises(CommandError) as refused:
            call_command("sandbox", "run", *arguments)
        assert refused.value.returncode == 2
