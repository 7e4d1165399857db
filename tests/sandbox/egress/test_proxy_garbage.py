"""Damaged requests and answers: each gets an answer or an end, none an accident, and the next is served."""

import asyncio
import random

from tests.sandbox.egress.upstreams import get, proxying, settled, status, upstream

ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 302 Found\r\nLocation: http://10.0.0.1/\r\n\r\n",
]
ROUNDS = 150


def damaged(random_numbers, whole):
    """The bytes with some of them changed, lost, doubled or made up."""
    data = bytearray(whole)
    for _ in range(random_numbers.randint(1, 4)):
        at = random_numbers.randrange(len(data))
        piece = bytes(
            random_numbers.choice(b"\r\n\0 :/@[]%,;0129azAZ\x80\xff") for _ in range(random_numbers.randint(0, 3))
        )
        data[at : at + random_numbers.randint(0, 3)] = piece
        data = data or bytearray(b"\r\n")
    return bytes(data)


async def send(port, data):
    """Write, end, and read whatever comes; the connection may be reset."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        writer.write_eof()
        async with asyncio.timeout(5):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_damaged_requests_are_answered_and_cause_no_accident():
    random_numbers = random.Random(20)
    async with upstream() as server, proxying(f"127.0.0.1:{server.port}") as (proxy, port):
        here = f"127.0.0.1:{server.port}".encode()
        requests = [
            b"GET http://" + here + b"/a?b=c HTTP/1.1\r\nHost: " + here + b"\r\nAccept: */*\r\n\r\n",
            b"POST http://" + here + b"/ HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
            b"POST http://" + here + b"/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            b"CONNECT " + here + b" HTTP/1.1\r\nHost: " + here + b"\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        ]
        for _ in range(ROUNDS):
            answer = await send(port, damaged(random_numbers, random_numbers.choice(requests)))
            assert not answer or answer.startswith(b"HTTP/1.1 ")
        assert status(await get(port, f"http://127.0.0.1:{server.port}/")) == 200
        assert await settled(proxy)
        assert [reason for reason in proxy.ledger.failed if reason.startswith("internal")] == []


async def test_damaged_answers_are_bad_gateways_and_cause_no_accident():
    random_numbers = random.Random(21)
    async with upstream() as server, proxying(f"127.0.0.1:{server.port}") as (proxy, port):
        seen = set()
        for _ in range(ROUNDS):
            server.answer = damaged(random_numbers, random_numbers.choice(ANSWERS))
            answer = await send(port, f"GET http://127.0.0.1:{server.port}/ HTTP/1.1\r\n\r\n".encode())
            if answer:
                seen.add(status(answer))
        assert 502 in seen
        assert await settled(proxy)
        assert [reason for reason in proxy.ledger.failed if reason.startswith("internal")] == []
