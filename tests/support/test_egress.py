"""The guarded HTTP door, tried against a real server on the loopback interface."""

import asyncio
import ipaddress
import socket
import ssl
from contextlib import asynccontextmanager

import httpx
import pytest

from support.egress import (
    EgressPolicy,
    EgressRefused,
    Rule,
    host_and_port,
    open_client,
    policy_from_env,
    read_bounded,
)

PUBLIC = EgressPolicy()


@asynccontextmanager
async def serving(answer="HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello", host="127.0.0.1"):
    """A server that records request heads and gives one answer to all."""
    heads: list[str] = []

    async def accept(reader, writer):
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(answer.encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(accept, host, 0)
    async with server:
        yield server.sockets[0].getsockname()[1], heads


@pytest.fixture
def names(monkeypatch):
    """Answers of the name service, by name; a list of lists answers each query with the next one."""
    table: dict[str, list] = {}

    async def getaddrinfo(self, host, port, *, family=0, type=0, proto=0, flags=0):
        answers = table.get(host)
        if answers is None:
            return socket.getaddrinfo(host, port, family, type, proto, flags)
        found = answers.pop(0) if isinstance(answers[0], list) else answers
        return [
            (socket.AF_INET6 if ":" in each else socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port))
            for each in found
        ]

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", getaddrinfo)
    return table


async def get(policy, url, **options):
    async with open_client(policy, timeout=2, **options) as client:
        return await client.get(url)


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "127.8.9.1",
            "10.1.2.3",
            "172.20.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.100.100.200",
        ),
        *(
            "0.0.0.0",
            "192.0.0.192",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "192.88.99.1",
        ),
        *("::1", "::", "fe80::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "2001::1"),
        *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::8.8.8.8"),
        *("2002:7f00:0001::", "2002:c0a8:0101::1", "64:ff9b::10.0.0.1", "64:ff9b:1::1", "5f00::1"),
    ],
)
def test_an_address_that_is_not_public_is_refused(address):
    assert not PUBLIC.permits("some.example", 443, ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"],
)
def test_a_public_address_is_permitted(address):
    assert PUBLIC.permits("some.example", 443, ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("allow", "deny", "host", "address", "permitted"),
    [
        ("10.0.0.0/8", "", "db.internal", "10.1.1.1", True),
        ("10.0.0.0/8:80", "", "db.internal", "10.1.1.1", False),
        ("db.internal", "", "DB.internal.", "10.1.1.1", True),
        ("db.internal:443", "", "db.internal", "10.1.1.1", True),
        ("db.internal:80", "", "db.internal", "10.1.1.1", False),
        ("*.internal", "", "db.internal", "10.1.1.1", True),
        ("*.internal", "", "internal", "10.1.1.1", False),
        ("*.internal", "", "evilinternal", "10.1.1.1", False),
        ("[fd00::1]:443", "", "x", "fd00::1", True),
        ("fd00::/8", "", "x", "fd00::1", True),
        ("*", "", "anything", "127.0.0.1", True),
        ("*", "10.0.0.0/8", "anything", "10.0.0.1", False),
        ("", "evil.example", "evil.example", "8.8.8.8", False),
        ("", "*.example", "evil.example", "8.8.8.8", False),
        ("", "8.8.8.0/24", "fine.example", "::ffff:8.8.8.8", False),
        ("", "*", "fine.example", "8.8.8.8", False),
        ("fine.example", "*", "fine.example", "8.8.8.8", True),
    ],
)
def test_deny_wins_over_allow_and_allow_over_the_default(allow, deny, host, address, permitted):
    policy = policy_from_env({"EGRESS_ALLOW": f" {allow},", "EGRESS_DENY": deny})
    assert policy.permits(host, 443, ipaddress.ip_address(address)) is permitted


@pytest.mark.parametrize("text", ["", "http://x", "10.0.0.0/99", "a b", "*."])
def test_a_rule_that_cannot_be_read_is_refused_at_once(text):
    with pytest.raises(ValueError):
        Rule.parse(text)


async def test_loopback_is_refused_by_default_and_the_refusal_is_typed():
    async with serving() as (port, heads):
        for host in ("127.0.0.1", "localhost", "127.1", "0x7f.0.0.1", "2130706433", "[::ffff:127.0.0.1]"):
            with pytest.raises(EgressRefused) as caught:
                await get(PUBLIC, f"http://{host}:{port}/")
            assert caught.value.as_dict()["code"] == "egress_refused"
        assert heads == []


async def test_an_allowed_host_is_reached_with_its_own_name_in_the_request(names):
    names["models.internal"] = ["127.0.0.1"]
    async with serving() as (port, heads):
        response = await get(PUBLIC.allowing(f"models.internal:{port}"), f"http://models.internal:{port}/v1")
        assert response.text == "hello"
        assert f"Host: models.internal:{port}" in heads[0]


async def test_a_name_that_changes_its_mind_is_connected_to_where_it_was_checked(names):
    # Were the name resolved a second time for the connection, it would be the closed address.
    names["rebind.example"] = [["127.0.0.1"], ["127.0.0.2"]]
    async with serving() as (port, heads):
        await get(EgressPolicy.parse(allow=["127.0.0.1"]), f"http://rebind.example:{port}/")
        assert len(heads) == 1
        with pytest.raises(EgressRefused):
            await get(EgressPolicy.parse(allow=["127.0.0.1"]), f"http://rebind.example:{port}/")


async def test_only_the_permitted_addresses_of_a_name_are_tried(names):
    names["mixed.example"] = ["10.0.0.1", "127.0.0.1"]
    async with serving() as (port, heads):
        await get(EgressPolicy.parse(allow=["127.0.0.1"]), f"http://mixed.example:{port}/")
        assert len(heads) == 1


async def test_the_next_address_is_tried_when_the_first_does_not_answer(names):
    names["two.example"] = ["127.0.0.9", "127.0.0.1"]
    async with serving() as (port, heads):
        await get(EgressPolicy.parse(allow=["127.0.0.0/8"]), f"http://two.example:{port}/")
        assert len(heads) == 1


async def test_every_hop_of_a_redirect_is_checked(names):
    names["outside.example"] = ["127.0.0.1"]
    async with serving() as (inside, seen_inside):
        away = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{inside}/\r\nContent-Length: 0\r\n\r\n"
        async with serving(away) as (outside, seen_outside):
            policy = PUBLIC.allowing(f"outside.example:{outside}")
            with pytest.raises(EgressRefused):
                await get(policy, f"http://outside.example:{outside}/", follow_redirects=True)
            assert (len(seen_outside), len(seen_inside)) == (1, 0)


async def test_proxies_of_the_environment_are_ignored(monkeypatch):
    async with serving() as (port, heads), serving() as (proxy, asked):
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
        await get(PUBLIC.allowing("127.0.0.1"), f"http://127.0.0.1:{port}/")
        assert (len(heads), len(asked)) == (1, 0)


@pytest.mark.parametrize("option", ["transport", "mounts", "proxy", "trust_env"])
def test_no_option_goes_round_the_guard(option):
    with pytest.raises(TypeError, match=option):
        open_client(PUBLIC, **{option: None})


async def test_tls_asks_for_the_name_although_the_socket_is_pinned(names):
    names["secure.example"] = ["127.0.0.1"]
    asked_for: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = lambda _socket, name, _context: asked_for.append(name)

    async def accept(reader, writer):
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(httpx.ConnectError):  # there is no certificate, so it ends after the greeting
            await get(PUBLIC.allowing("secure.example"), f"https://secure.example:{port}/")
    assert asked_for == ["secure.example"]


async def test_network_failures_are_those_that_users_of_httpx_know(names):
    names["nowhere.example"] = ["127.0.0.1"]
    with pytest.raises(httpx.ConnectError):
        await get(PUBLIC.allowing("nowhere.example"), "http://nowhere.example:1/")
    with pytest.raises(httpx.ConnectError):
        await get(PUBLIC, "http://no.such.name.invalid/")
    async with serving("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort") as (port, _heads):
        with pytest.raises(httpx.RemoteProtocolError):
            await get(PUBLIC.allowing("127.0.0.1"), f"http://127.0.0.1:{port}/")


async def test_a_body_is_read_up_to_its_limit():
    async with serving() as (port, _heads), open_client(PUBLIC.allowing("127.0.0.1"), timeout=2) as client:
        for limit, expected in [(3, (b"hel", False)), (5, (b"hello", True))]:
            async with client.stream("GET", f"http://127.0.0.1:{port}/") as response:
                assert await read_bounded(response, limit=limit) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.example/v1", "api.example:443"),
        ("http://[::1]:8080/", "[::1]:8080"),
        ("http://X/", "x:80"),
    ],
)
def test_the_rule_for_a_url_is_its_host_and_port(url, expected):
    assert host_and_port(url) == expected
    assert (
        EgressPolicy()
        .allowing(expected)
        .permits(httpx.URL(url).host, Rule.parse(expected).port, ipaddress.ip_address("::1"))
    )
