"""What the proxy makes of heads, well formed and hostile."""

import pytest

from apps.sandbox.sidecar.egress.heads import parse_answer, parse_request
from apps.sandbox.sidecar.egress.refusals import Refused


def request(line, *headers):
    return parse_request("\r\n".join([line, *headers, "", ""]).encode("latin-1"))


@pytest.mark.parametrize(
    ("target", "host", "port"),
    [
        ("some.example:443", "some.example", 443),
        ("8.8.8.8:80", "8.8.8.8", 80),
        ("[::1]:443", "::1", 443),
        ("[::FFFF:10.0.0.1]:80", "::ffff:a00:1", 80),
        ("::1:443", "::1", 443),  # Python before 3.13 leaves out the brackets
        ("2001:db8::8.8.8.8:80", "2001:db8::808:808", 80),
        ("under_score.example.:443", "under_score.example.", 443),
    ],
)
def test_a_tunnel_names_its_destination(target, host, port):
    asked = request(f"CONNECT {target} HTTP/1.1", "Host: whatever")
    assert (asked.is_tunnel, asked.host, asked.port) == (True, host, port)


def test_a_request_is_sent_on_in_origin_form_with_the_host_of_its_url():
    asked = request(
        "GET http://some.example:8080/a/b?c=d#e HTTP/1.1",
        "Host: other.example",
        "Proxy-Authorization: Basic c2VjcmV0",
        "Connection: keep-alive, X-Hop, Content-Length",
        "X-Hop: 1",
        "X-Kept: 2",
        "Upgrade: websocket",
        "Content-Length: 0",
    )
    assert asked.head().decode() == (
        "GET /a/b?c=d HTTP/1.1\r\nHost: some.example:8080\r\n"
        "X-Kept: 2\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )


@pytest.mark.parametrize(
    "line",
    [
        *(
            "",
            "GET",
            "GET / HTTP/1.1",
            "GET * HTTP/1.1",
            "GET http://x/ HTTP/2",
            "GET http://x/",
            "G\x00T http://x/ HTTP/1.1",
        ),
        *(
            "GET https://x/ HTTP/1.1",
            "GET ftp://x/ HTTP/1.1",
            "GET file:///etc/passwd HTTP/1.1",
            "GET  http://x/ HTTP/1.1",
        ),
        *("GET http:///x HTTP/1.1", "GET http://user@x/ HTTP/1.1", "GET http://a:b@10.0.0.1/ HTTP/1.1"),
        *("GET http://x:0/ HTTP/1.1", "GET http://x:65536/ HTTP/1.1", "GET http://x:-1/ HTTP/1.1"),
        *("GET http://x:80:81/ HTTP/1.1", "GET http://[::1/ HTTP/1.1", "GET http://[fe80::1%25eth0]/ HTTP/1.1"),
        *(
            "GET http://x\\@y/ HTTP/1.1",
            "GET http://a..b/ HTTP/1.1",
            "GET http://x%2e/ HTTP/1.1",
            "GET http://münchen/ HTTP/1.1",
        ),
        *("CONNECT x HTTP/1.1", "CONNECT x: HTTP/1.1", "CONNECT :443 HTTP/1.1", "CONNECT http://x:443 HTTP/1.1"),
        *(
            "CONNECT ::x:443 HTTP/1.1",
            "CONNECT 1:2:443 HTTP/1.1",
            "CONNECT [::1%lo]:443 HTTP/1.1",
            "CONNECT [1.2.3.4]:443 HTTP/1.1",
        ),
        *("CONNECT x:443/path HTTP/1.1", "CONNECT u@x:443 HTTP/1.1", f"CONNECT {'a' * 254}:443 HTTP/1.1"),
        *("CONNECT x:999999 HTTP/1.1", "CONNECT x:4\u00b23 HTTP/1.1", "CONNECT -x:443 HTTP/1.1"),
    ],
)
def test_a_request_that_is_not_for_a_proxy_or_not_clear_is_refused(line):
    with pytest.raises(Refused) as caught:
        request(line)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "headers",
    [
        ("Content-Length: 1", "Transfer-Encoding: chunked"),
        ("Content-Length: 1", "Content-Length: 2"),
        ("Content-Length: +1",),
        ("Content-Length: 0x1",),
        ("Content-Length: 1, 1",),
        ("Transfer-Encoding: gzip, chunked",),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: \x0bchunked",),
        ("Bad Name: 1",),
        ("Name : 1",),
        (" folded: 1",),
        ("no colon",),
        ("X: a\nEvil: b",),
        ("X: a\rEvil: b",),
        ("X: a\0b",),
    ],
)
def test_a_head_that_two_readers_could_read_differently_is_refused(headers):
    with pytest.raises(Refused) as caught:
        request("POST http://some.example/ HTTP/1.1", *headers)
    assert caught.value.status == 400


def test_there_is_a_bound_to_the_number_of_headers():
    with pytest.raises(Refused) as caught:
        request("GET http://x/ HTTP/1.1", *(f"X-{number}: 1" for number in range(101)))
    assert caught.value.status == 431


def test_an_answer_tells_the_guest_to_open_another_connection():
    raw = b"HTTP/1.1 200 Fine\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nContent-Length: 3\r\nX: y\r\n\r\n"
    answer = parse_answer(raw, to="GET")
    assert answer.head() == b"HTTP/1.1 200 Fine\r\nContent-Length: 3\r\nX: y\r\nConnection: close\r\n\r\n"
    assert (answer.body.length, answer.body.chunked) == (3, False)


@pytest.mark.parametrize(
    ("to", "head", "length", "chunked"),
    [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 9", 0, False),
        ("GET", "HTTP/1.1 204 No Content\r\nContent-Length: 9", 0, False),
        ("GET", "HTTP/1.1 304 Not Modified", 0, False),
        ("GET", "HTTP/1.1 200", None, False),
        ("GET", "HTTP/1.0 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: Chunked", None, True),
    ],
)
def test_the_end_of_an_answer_is_known(to, head, length, chunked):
    answer = parse_answer(f"{head}\r\n\r\n".encode(), to=to)
    assert (answer.body.length, answer.body.chunked) == (length, chunked)
    assert b"Content-Length" not in answer.head() or not chunked


@pytest.mark.parametrize(
    "head",
    ["220 ready", "HTTP/2 200 OK", "HTTP/1.1 999 X", "HTTP/1.1 101 Switching Protocols", "HTTP/1.1 200 OK\r\nbroken"],
)
def test_an_answer_that_is_not_http_is_the_servers_fault(head):
    with pytest.raises(Refused) as caught:
        parse_answer(f"{head}\r\n\r\n".encode(), to="GET")
    assert (caught.value.status, caught.value.reason) == (502, "bad_answer")
