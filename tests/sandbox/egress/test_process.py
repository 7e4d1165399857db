"""The proxy as a process of its own: confined, fed with listeners, asked for figures, replaced when it dies."""

import asyncio
import os
import signal
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from apps.sandbox.sidecar.egress.confine import PROXY_ID
from apps.sandbox.sidecar.egress.process import EgressProcess
from apps.sandbox.sidecar.egress.settings import EgressSettings
from apps.sandbox.sidecar.kernel import landlock
from apps.sandbox.sidecar.zygote.launch import SOURCE_ROOT
from tests.sandbox.egress.upstreams import connect, get, status, upstream


@asynccontextmanager
async def running(*allow, **options):
    process = EgressProcess(EgressSettings(allow=allow, **options))
    await process.start()
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    process.listen(listener, generation=1)
    try:
        yield process, port
    finally:
        await process.close()


def about(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


async def test_it_serves_what_the_settings_allow_and_counts():
    async with upstream() as server, running(f"127.0.0.1:{server.port}") as (process, port):
        assert status(await get(port, f"http://127.0.0.1:{server.port}/")) == 200
        assert status(await connect(port, "169.254.169.254:80")) == 403
        assert status(await get(port, "http://no.such.name.invalid/")) == 502
        assert status(await get(port, "http://localhost/")) == 403  # its name service works
        stats = await process.stats()
        assert (stats["opened"], stats["refused"]) == ({"requests": 1}, {"not_public": 2})
        assert stats["recent_refusals"][0]["host"] == "169.254.169.254"
        assert stats["restarts"] == 0


async def test_it_gives_up_what_it_does_not_need():
    async with running() as (process, _port):
        facts = about(process.pid)
        assert int(facts["CapEff"], 16) == int(facts["CapPrm"], 16) == 0
        assert facts["NoNewPrivs"] == "1"
        if os.geteuid() == 0:
            assert int(facts["CapBnd"], 16) == 0
            assert set(facts["Uid"].split()) == set(facts["Gid"].split()) == {str(PROXY_ID)}
            assert facts["Groups"].strip() == ""
        environment = Path(f"/proc/{process.pid}/environ").read_bytes()
        assert environment == b""


ESCAPE = """
import socket, sys
sys.path.insert(0, sys.argv[1])
from apps.sandbox.sidecar.egress.confine import confine
from apps.sandbox.sidecar.egress.settings import EgressSettings
open_port, closed_port = int(sys.argv[2]), int(sys.argv[3])
confine(EgressSettings(ports=(80, open_port)))
socket.create_connection(("127.0.0.1", open_port)).close()
for attempt in (
    lambda: socket.create_connection(("127.0.0.1", closed_port)),
    lambda: socket.create_server(("127.0.0.1", 0)),
    lambda: open("/proc/self/environ"),
    lambda: open("/usr/bin/env"),
    lambda: open("/tmp/egress-was-here", "w"),
):
    try:
        attempt()
    except PermissionError:
        continue
    sys.exit("nothing stopped it")
print("confined")
"""


@pytest.mark.skipif(landlock.abi() < 4, reason="the kernel cannot keep a process to ports")
async def test_the_kernel_keeps_it_to_its_ports_and_files():
    async with upstream() as one, upstream() as other:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-c", ESCAPE, str(SOURCE_ROOT), str(one.port), str(other.port)),
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
        assert (output, process.returncode) == (b"confined\n", 0)


async def test_another_takes_over_the_listeners_when_it_dies():
    async with upstream() as server, running(f"127.0.0.1:{server.port}") as (process, port):
        first = process.pid
        os.kill(first, signal.SIGKILL)
        answer = await get(port, f"http://127.0.0.1:{server.port}/")  # waits in the listener's queue
        assert status(answer) == 200
        assert process.pid != first
        assert (await process.stats())["restarts"] == 1


async def test_a_listener_that_is_forgotten_is_served_no_more_and_others_are():
    async with upstream() as server, running(f"127.0.0.1:{server.port}") as (process, port):
        second = socket.create_server(("127.0.0.1", 0))
        other = second.getsockname()[1]
        process.listen(second, generation=2)
        url = f"http://127.0.0.1:{server.port}/"
        assert status(await get(port, url)) == status(await get(other, url)) == 200
        process.forget(generation=1)
        await process.stats()  # answered after the message before it was obeyed
        with pytest.raises(ConnectionRefusedError):
            await get(port, url)
        assert status(await get(other, url)) == 200


async def test_it_ends_with_the_supervisor_and_when_told():
    process = EgressProcess(EgressSettings())
    await process.start()
    pid = process.pid
    await process.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_rule_that_cannot_be_read_is_known_before_anything_starts():
    with pytest.raises(ValueError, match=r"10\.0\.0\.0/99"):
        EgressSettings(allow=("10.0.0.0/99",)).policy()


async def test_many_guests_at_once_are_served():
    async with upstream() as server, running(f"127.0.0.1:{server.port}") as (_process, port):
        url = f"http://127.0.0.1:{server.port}/"
        answers = await asyncio.gather(*(get(port, url) for _ in range(40)))
        assert {status(answer) for answer in answers} == {200}
