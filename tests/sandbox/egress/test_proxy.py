"""The egress proxy with real sockets on both sides."""

import asyncio
import ipaddress
import os
import socket
import struct
import urllib.error
import urllib.request

import pytest

from apps.sandbox.sidecar.egress import dial
from tests.sandbox.egress.upstreams import Names, connect, get, proxying, say, settled, status, upstream


def fetch(proxy_port, url):
    """As the guest does it: urllib with a proxy, which follows redirects."""
    proxies = dict.fromkeys(("http", "https"), f"http://127.0.0.1:{proxy_port}")
    with urllib.request.build_opener(urllib.request.ProxyHandler(proxies)).open(url, timeout=5) as response:
        return response.read()


def capped(server, **caps):
    """Options of a proxy with the server's port open and other caps."""
    return {"ports": [server.port], **caps}


async def test_a_listed_server_is_reached_by_request_and_by_tunnel():
    async with upstream() as server, proxying(f"127.0.0.1:{server.port}") as (proxy, port):
        assert (await get(port, f"http://127.0.0.1:{server.port}/a?b")).endswith(b"Connection: close\r\n\r\nhello")
        tunnelled = await connect(port, f"127.0.0.1:{server.port}", b"GET /c HTTP/1.1\r\n\r\n")
        assert tunnelled.startswith(b"HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200 OK")
        assert [head.split("\r\n")[0] for head in server.heads] == ["GET /a?b HTTP/1.1", "GET /c HTTP/1.1"]
        assert f"Host: 127.0.0.1:{server.port}" in server.heads[0]
        assert proxy.ledger.opened == {"requests": 1, "tunnels": 1}
        assert await settled(proxy)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "0x7f.0.0.1", "2130706433", "017700000001", "0", "localhost"),
        *("[::1]", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"),
    ],
)
async def test_loopback_is_refused_however_it_is_spelled(host):
    # The real name service; the port is open to everybody, so it is the address that is refused.
    async with upstream() as server, proxying(ports=[server.port], resolve_s=5) as (proxy, port):
        for answer in (await get(port, f"http://{host}:{server.port}/"), await connect(port, f"{host}:{server.port}")):
            assert (status(answer), b"not a public address" in answer) == (403, True)
        assert server.heads == []
        assert proxy.ledger.refused == {"not_public": 2}


@pytest.mark.parametrize(
    "address",
    [
        *("10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.100.100.200", "168.63.129.16"),
        *("224.0.0.1", "255.255.255.255", "fd00:ec2::254", "fe80::1", "ff02::1", "::ffff:10.0.0.1"),
        *("64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::", "2001:0:a9fe:a9fe::", "::a9fe:a9fe"),
    ],
)
async def test_a_name_that_leads_inside_is_refused(address):
    async with proxying(names=Names(some_example=[address])) as (proxy, port):
        answer = await get(port, "http://some.example/")
        assert status(answer) == 403
        assert address.encode() not in answer  # what a name resolves to is not the guest's to know
        assert status(await connect(port, "some.example:443")) == 403
        assert [(each["host"], each["port"]) for each in proxy.ledger.snapshot()["recent_refusals"]] == [
            ("some.example", 80),
            ("some.example", 443),
        ]


async def test_a_name_that_changes_its_mind_is_connected_to_where_it_was_checked():
    names = Names(rebind_example=[["127.0.0.1"], ["127.0.0.2"]])
    async with upstream() as server, proxying(f"127.0.0.1:{server.port}", names=names) as (_proxy, port):
        url = f"http://rebind.example:{server.port}/"
        assert status(await get(port, url)) == 200
        assert names.asked == ["rebind.example"]  # a second look-up would have found the closed address
        assert status(await get(port, url)) == 403
        assert len(server.heads) == 1


async def test_a_tunnel_to_a_name_that_changes_its_mind_is_checked_anew():
    names = Names(rebind_example=[["127.0.0.1"], ["127.0.0.2"]])
    async with upstream() as server, proxying(f"127.0.0.1:{server.port}", names=names) as (_proxy, port):
        target = f"rebind.example:{server.port}"
        assert b"hello" in await connect(port, target, b"GET / HTTP/1.1\r\n\r\n")
        assert status(await connect(port, target)) == 403


async def test_only_the_permitted_addresses_of_a_name_are_tried():
    names = Names(mixed_example=["10.0.0.1", "127.0.0.9", "127.0.0.1"])
    async with upstream() as server, proxying("127.0.0.0/8:1", f"127.0.0.0/8:{server.port}", names=names) as (_p, port):
        assert status(await get(port, f"http://mixed.example:{server.port}/")) == 200
        assert status(await get(port, "http://mixed.example:1/")) == 502


async def test_every_hop_of_a_redirect_is_checked():
    names = Names(outside_example=["127.0.0.1"])
    async with upstream() as inside:
        away = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{inside.port}/\r\nContent-Length: 0\r\n\r\n"
        async with upstream(away.encode()) as outside:
            rule = f"outside.example:{outside.port}"
            url = f"http://{rule}/"
            async with proxying(rule, names=names) as (_proxy, port):
                with pytest.raises(urllib.error.HTTPError) as caught:
                    await asyncio.to_thread(fetch, port, url)
                assert caught.value.code == 403
                caught.value.close()
                assert (len(outside.heads), len(inside.heads)) == (1, 0)
            async with proxying(rule, f"127.0.0.1:{inside.port}", names=names) as (_proxy, port):
                assert await asyncio.to_thread(fetch, port, url) == b"hello"


async def test_a_tunnel_that_is_refused_says_why_where_urllib_shows_it():
    async with proxying() as (_proxy, port):
        with pytest.raises(urllib.error.URLError, match=r"403 Refused by the sandbox: [0-9.:]+: it is not a public"):
            await asyncio.to_thread(fetch, port, "https://10.0.0.1/")


async def test_the_machines_own_addresses_are_refused_unless_listed(monkeypatch):
    # The loopback address stands for the machine's public one: the rules call it public for this test.
    monkeypatch.setattr("apps.sandbox.sidecar.egress.policy.is_public", lambda _address: True)
    names = Names(own_example=["127.0.0.1"], own6_example=["::ffff:127.0.0.1"])
    async with upstream() as server:
        async with proxying(ports=[server.port], names=names) as (proxy, port):
            for name in ("own.example", "own6.example"):
                answer = await get(port, f"http://{name}:{server.port}/")
                assert (status(answer), b"sandbox's own machine" in answer) == (403, True)
            assert proxy.ledger.refused == {"own_address": 2}
        async with proxying("own.example", ports=[server.port], names=names) as (_proxy, port):
            assert status(await get(port, f"http://own.example:{server.port}/")) == 200


def test_an_address_of_another_machine_is_not_its_own():
    assert not dial.is_own(ipaddress.ip_address("8.8.8.8"))
    assert dial.is_own(ipaddress.ip_address("127.0.0.1"))


async def test_ports_are_closed_unless_listed():
    async with proxying("10.0.0.0/8", names=Names(a_example=["8.8.8.8"])) as (proxy, port):
        for target in ("a.example:22", "a.example:25", "8.8.8.8:53", "10.0.0.1:5432"):
            answer = await connect(port, target)
            assert (status(answer), b"this port is not open" in answer) == (403, True)
        assert proxy.ledger.refused == {"port": 4}


async def test_the_operator_can_close_names_and_turn_the_list_round():
    names = Names(evil_example=["8.8.8.8"], fine_example=["127.0.0.1"], other_example=["8.8.8.8"])
    async with upstream() as server:
        options = {"deny": ["evil.example", "*"], "ports": [server.port], "names": names}
        async with proxying("fine.example", **options) as (proxy, port):
            assert status(await get(port, f"http://EVIL.example.:{server.port}/")) == 403
            assert names.asked == []  # a closed name is not even looked up
            assert status(await get(port, f"http://other.example:{server.port}/")) == 403
            assert status(await get(port, f"http://fine.example:{server.port}/")) == 200
            assert proxy.ledger.refused == {"denied": 1, "not_listed": 1}


async def test_failures_of_the_network_have_their_own_answers():
    names = Names(
        empty_example=[], silent_example=["never"], odd_example=["not an address"], dead_example=["127.0.0.1"]
    )
    with socket.create_server(("127.0.0.1", 0)) as closed:
        dead = closed.getsockname()[1]
    async with proxying(f"127.0.0.1:{dead}", names=names) as (proxy, port):
        for target, expected in [
            ("http://empty.example/", 502),
            ("http://odd.example/", 502),
            ("http://silent.example/", 504),
            (f"http://dead.example:{dead}/", 502),
        ]:
            assert status(await get(port, target)) == expected
        assert proxy.ledger.failed == {"unresolved": 2, "resolve_timeout": 1, "unreachable": 1}
    async with proxying(resolve_s=5) as (_proxy, port):
        assert status(await get(port, "http://no.such.name.invalid/")) == 502


async def test_a_server_that_does_not_take_the_connection_is_a_timeout():
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        target = full.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(target)
            async with proxying(f"127.0.0.1:{target[1]}", connect_s=0.3) as (_proxy, port):
                assert status(await connect(port, f"127.0.0.1:{target[1]}")) == 504
        finally:
            for filler in fillers:
                filler.close()


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET http://127.0.0.1/ HTTP/1.1\r\nX: " + b"a" * 40_000 + b"\r\n\r\n", 431),
        (b"GET http://127.0.0.1/ HTTP/1.1\r\nX: ", 408),
        (b"POST http://127.0.0.1/ HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 502),
    ],
)
async def test_what_is_no_request_is_answered_and_the_next_one_served(sent, expected):
    async with upstream() as server, proxying(f"127.0.0.1:{server.port}") as (_proxy, port):
        assert status(await say(port, sent)) == expected
        assert status(await get(port, f"http://127.0.0.1:{server.port}/")) == 200


async def test_bodies_are_sent_on_by_length_and_by_chunks_and_nothing_after_them():
    async with upstream() as server, proxying(f"127.0.0.1:{server.port}") as (_proxy, port):
        url = f"http://127.0.0.1:{server.port}/"
        smuggled = b"GET http://127.0.0.1/smuggled HTTP/1.1\r\n\r\n"
        chunks = b"3;x=y\r\nabc\r\n0\r\n\r\n"
        for header, body in [("Content-Length: 3", b"abc"), ("Transfer-Encoding: chunked", chunks)]:
            assert status(await get(port, url, header, method="POST", body=body + smuggled)) == 200
        assert server.bodies == [b"abc", chunks]
        assert len(server.heads) == 2


@pytest.mark.parametrize("chunks", [b"zz\r\n", b"-1\r\n", b"\r\n", b"123456789\r\n", b"0" * 300 + b"\r\n"])
async def test_a_chunk_that_cannot_be_read_ends_the_request(chunks):
    async with upstream() as server, proxying(f"127.0.0.1:{server.port}") as (_proxy, port):
        url = f"http://127.0.0.1:{server.port}/"
        assert status(await get(port, url, "Transfer-Encoding: chunked", method="POST", body=chunks)) == 400


async def test_interim_answers_and_chunked_answers_pass():
    chunked = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    )
    async with upstream(chunked, hold=True) as server, proxying(f"127.0.0.1:{server.port}") as (_proxy, port):
        answer = await get(port, f"http://127.0.0.1:{server.port}/")
        assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
        assert answer.endswith(b"5\r\nhello\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n"]
)
async def test_a_server_that_speaks_something_else_is_a_bad_gateway(answer):
    async with upstream(answer) as server, proxying(f"127.0.0.1:{server.port}") as (_proxy, port):
        assert status(await get(port, f"http://127.0.0.1:{server.port}/")) == 502


async def test_more_bytes_than_the_cap_break_the_connection_off():
    big = b"a" * 200_000
    for head in (b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n30d40\r\n"):
        async with (
            upstream(head + big) as server,
            proxying("*", **capped(server, received_bytes=100_000)) as (proxy, port),
        ):
            with pytest.raises(ConnectionResetError):
                await get(port, f"http://127.0.0.1:{server.port}/")
            with pytest.raises(ConnectionResetError):
                await connect(port, f"127.0.0.1:{server.port}", b"GET / HTTP/1.1\r\n\r\n")
            assert proxy.ledger.failed == {"byte_cap": 2}
            assert proxy.ledger.received_bytes <= 200_000


async def test_an_answer_that_says_that_it_is_too_long_is_not_begun():
    long = b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n"
    async with upstream(long) as server, proxying("*", **capped(server, received_bytes=100_000)) as (_proxy, port):
        assert status(await get(port, f"http://127.0.0.1:{server.port}/")) == 502


async def test_more_bytes_out_than_the_cap_are_not_sent():
    async with upstream(hold=True) as server, proxying("*", **capped(server, sent_bytes=50_000)) as (proxy, port):
        with pytest.raises(OSError):
            await connect(port, f"127.0.0.1:{server.port}", b"a" * 500_000)
        assert proxy.ledger.sent_bytes <= 50_000


async def test_silence_ends_a_tunnel_and_a_request():
    async with upstream(b"", hold=True) as server, proxying(f"127.0.0.1:{server.port}", idle_s=0.2) as (proxy, port):
        assert status(await get(port, f"http://127.0.0.1:{server.port}/")) == 504
        with pytest.raises(ConnectionResetError):
            await connect(port, f"127.0.0.1:{server.port}")
        assert proxy.ledger.failed == {"idle": 2}


async def test_no_connection_lives_longer_than_its_time():
    ended = asyncio.Event()

    async def drip(reader, writer):
        try:
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.05)
        except OSError:
            writer.close()
            ended.set()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with server:
        target = server.sockets[0].getsockname()[1]
        async with proxying(f"127.0.0.1:{target}", total_s=0.5) as (proxy, port):
            with pytest.raises(ConnectionResetError):
                await connect(port, f"127.0.0.1:{target}")
            assert proxy.ledger.failed == {"total_time": 1}
            await asyncio.wait_for(ended.wait(), 2)


async def test_there_is_a_bound_to_connections_and_it_frees_itself():
    async with upstream(hold=True) as server:
        target = f"127.0.0.1:{server.port}"
        async with proxying(target, connections=2, idle_s=5) as (proxy, port):
            held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
            for _reader, writer in held:
                writer.write(f"CONNECT {target} HTTP/1.1\r\n\r\n".encode())
            for reader, _writer in held:
                await reader.readuntil(b"\r\n\r\n")
            assert status(await connect(port, target)) == 503
            for _reader, writer in held:  # as when the guest is killed
                sock = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            assert await settled(proxy)
            assert status(await get(port, f"http://{target}/")) == 200


async def test_a_guest_that_leaves_ends_what_was_done_for_it():
    async with upstream(b"", hold=True) as server, proxying(f"127.0.0.1:{server.port}", idle_s=5) as (proxy, port):
        _reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET http://127.0.0.1:{server.port}/ HTTP/1.1\r\n\r\n".encode())
        await writer.drain()
        while not server.heads:
            await asyncio.sleep(0.01)
        writer.close()
        async with asyncio.timeout(2):
            while proxy.ledger.active or not server.ended:
                await asyncio.sleep(0.01)


async def test_a_server_that_answers_before_the_body_is_heard():
    async def early(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Much\r\nContent-Length: 2\r\n\r\nno")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(early, "127.0.0.1", 0)
    async with server:
        target = server.sockets[0].getsockname()[1]
        async with proxying(f"127.0.0.1:{target}") as (_proxy, port):
            answer = await get(port, f"http://127.0.0.1:{target}/", "Content-Length: 50000", method="POST")
            assert status(answer) == 413


async def test_nothing_grows_over_many_connections():
    async with upstream() as server, proxying(f"127.0.0.1:{server.port}") as (proxy, port):

        async def once():
            assert status(await get(port, f"http://127.0.0.1:{server.port}/")) == 200
            assert status(await get(port, "http://10.0.0.1/")) == 403

        await asyncio.gather(*(once() for _ in range(5)))
        await asyncio.sleep(0.5)
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            await asyncio.gather(*(once() for _ in range(5)))
        await asyncio.sleep(0.5)
        assert len(os.listdir("/proc/self/fd")) <= before
        assert await settled(proxy)
        assert len(proxy.ledger.snapshot()["recent_refusals"]) == 50


async def test_a_guest_that_only_listens_gets_its_answer():
    async def slow(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.1)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(slow, "127.0.0.1", 0)
    async with server:
        target = server.sockets[0].getsockname()[1]
        async with proxying(f"127.0.0.1:{target}") as (_proxy, port):
            answer = await say(port, f"GET http://127.0.0.1:{target}/ HTTP/1.1\r\n\r\n".encode(), end=True)
            assert answer.endswith(b"late")
