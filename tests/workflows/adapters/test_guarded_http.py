"""The way out of http-request nodes and tools, against a real server on the loopback interface."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import re
from contextlib import asynccontextmanager

import pytest

from apps.workflows.adapters.http import GuardedHttp
from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.http_port import HttpRequest, HttpTimeouts
from support.egress import EgressPolicy


@asynccontextmanager
async def serving(answer, *, pause=0.0):
    """A server that gives `answer` and remembers what it was sent."""
    seen: list[str] = []
    at_work: list[asyncio.Task[None]] = []

    async def accept(reader, writer):
        at_work.append(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = int(re.search(r"content-length: (\d+)|$", head.lower())[1] or 0)
            seen.append(head + (await reader.readexactly(length)).decode())
            await asyncio.sleep(pause)
            writer.write(answer)
            await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await writer.wait_closed()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], seen
        for task in at_work:
            task.cancel()
        await asyncio.gather(*at_work)
        await asyncio.sleep(0)


def reply(body=b"", status="200 OK", **headers):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def to(port, path="/", **more):
    return HttpRequest(**{"method": "GET", "url": f"http://127.0.0.1:{port}{path}", "max_bytes": 10_000, **more})


def allowing(*ports):
    return GuardedHttp(EgressPolicy().allowing(*(f"127.0.0.1:{port}" for port in ports)))


async def code_of(awaitable):
    with pytest.raises(NodeFailure) as caught:
        await awaitable
    return caught.value.code


async def test_a_request_arrives_as_it_was_meant_and_the_answer_too():
    async with serving(reply("né".encode("latin-1"), Content_Type="text/plain; charset=latin-1", X_A="1")) as (
        port,
        seen,
    ):
        response = await allowing(port).send(
            to(port, "/a?x=1", method="PATCH", params=[("y", "2 3"), ("y", "4")], headers=[("x-h", "ü")], content=b"{}")
        )
    assert seen[0].startswith("PATCH /a?x=1&y=2+3&y=4 HTTP/1.1") or seen[0].startswith("PATCH /a?x=1&y=2%203&y=4")
    assert seen[0].endswith("{}")
    assert (response.status, response.header("x-a"), response.charset) == (200, "1", "iso8859-1")
    assert response.content.decode(response.charset) == "né"


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1/", "http://localhost:1/", "http://169.254.169.254/latest", "http://[::1]/", "http://0/"),
        *("http://[::ffff:127.0.0.1]/", "http://[::ffff:a9fe:a9fe]/", "http://[::127.0.0.1]/", "http://[::]/"),
        *("http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/", "http://[::ffff:0:127.0.0.1]/", "http://[fec0::1]/"),
        *("http://2130706433/", "http://0x7f000001/", "http://127.1/", "http://127。0。0。1/", "http://100.64.0.1/"),
    ],
)
async def test_what_is_not_public_is_refused(url):
    assert await code_of(GuardedHttp(EgressPolicy()).send(to(1, url=url))) == "egress_refused"


async def test_a_redirect_to_what_is_not_allowed_is_refused():
    async with (
        serving(reply(b"secret")) as (inner, seen),
        serving(reply(status="302 Found", Location=f"http://127.0.0.1:{inner}/")) as (outer, _),
    ):
        assert await code_of(allowing(outer).send(to(outer))) == "egress_refused"
    assert seen == []


@pytest.mark.parametrize("host", ["[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "2130706433", "localhost"])
async def test_a_redirect_to_this_machine_in_other_words_is_refused(host):
    async with (
        serving(reply(b"secret")) as (inner, seen),
        serving(reply(status="302 Found", Location=f"http://{host}:{inner}/")) as (outer, _),
    ):
        assert await code_of(allowing(outer).send(to(outer))) == "egress_refused"
    assert seen == []


async def test_credentials_do_not_follow_a_redirect_to_another_host():
    headers = [("authorization", "Bearer s"), ("x-api-key", "s"), ("x-plain", "p")]
    private = frozenset({"authorization", "x-api-key"})
    async with (
        serving(reply(b"ok")) as (inner, seen),
        serving(reply(status="307 Temporary Redirect", Location=f"http://127.0.0.1:{inner}/b")) as (outer, _),
    ):
        response = await allowing(inner, outer).send(
            to(outer, headers=headers, private=private, method="POST", content=b"x")
        )
    assert response.url.endswith("/b")
    assert "bearer" not in seen[0].lower()
    assert "x-api-key" not in seen[0].lower()
    assert "x-plain" in seen[0].lower()
    assert seen[0].endswith("x")


async def test_redirects_end():
    async with serving(reply(status="302 Found", Location="/again")) as (port, seen):
        assert await code_of(allowing(port).send(to(port))) == "http_redirects"
    assert len(seen) == 6


async def test_no_answer_in_time_and_no_server_can_be_tried_again():
    async with serving(reply(b"late"), pause=5) as (port, _):
        with pytest.raises(NodeFailure) as caught:
            await allowing(port).send(to(port, timeouts=HttpTimeouts(read=0.1)))
    assert (caught.value.code, caught.value.retryable) == ("http_timeout", True)
    with pytest.raises(NodeFailure) as caught:
        await allowing(port).send(to(port))
    assert (caught.value.code, caught.value.retryable) == ("http_unreachable", True)


async def test_an_answer_that_is_too_large_is_not_read_to_its_end():
    bomb = gzip.compress(b"0" * 5_000_000)
    for answer in (reply(b"x" * 10_001), reply(bomb, Content_Encoding="gzip")):
        async with serving(answer) as (port, _):
            assert await code_of(allowing(port).send(to(port))) == "http_too_large"


@pytest.mark.parametrize("url", ["ftp://example.org/", "/only/a/path", "http://", "not an address"])
async def test_what_is_no_address_is_said_to_be_none(url):
    assert await code_of(GuardedHttp(EgressPolicy()).send(to(1, url=url))) == "http_bad_url"


async def test_a_hung_request_ends_when_the_node_is_cancelled():
    async with serving(reply(b"late"), pause=30) as (port, _):
        task = asyncio.create_task(allowing(port).send(to(port)))
        await asyncio.sleep(0.2)
        began = asyncio.get_running_loop().time()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.get_running_loop().time() - began < 0.05
