"""Heads of HTTP/1 messages as a proxy reads them: strictly, because both sides may be hostile. No input or output."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from apps.sandbox.sidecar.egress.refusals import Refused, malformed

Headers = tuple[tuple[str, str], ...]

_REQUEST_LINE = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) ([\x21-\x7e]+) (HTTP/1\.[01])")
_STATUS_LINE = re.compile(r"HTTP/1\.[01] ([1-5][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NAME = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*\.?")
_DIGITS = re.compile(r"[0-9]{1,15}")
_MOST_HEADERS = 100
#: Headers that concern one connection only, so they end here (RFC 9110, 7.6.1).
_HOP_BY_HOP = frozenset(
    {"connection", "proxy-connection", "keep-alive", "te", "upgrade", "proxy-authorization", "proxy-authenticate"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """How the end of a body is found: a length, chunks, or (in answers) the end of the connection."""

    length: int | None = None
    chunked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyRequest:
    """What a guest asks for: a tunnel to, or one request at, `host` and `port`."""

    method: str
    host: str
    port: int
    version: str
    target: str = ""
    headers: Headers = ()
    body: Body = Body(length=0)

    @property
    def is_tunnel(self) -> bool:
        """Whether bytes are passed on unread after the answer."""
        return self.method == "CONNECT"

    @property
    def authority(self) -> str:
        """`host` or `host:port` as the Host header names it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == 80 else f"{host}:{self.port}"

    def head(self) -> bytes:
        """The head for the server: origin form, the URL's own host, one request per connection."""
        lines = [f"{self.method} {self.target} {self.version}", f"Host: {self.authority}"]
        lines += [f"{name}: {value}" for name, value in _passed_on(self.headers, without={"host"})]
        return ("\r\n".join([*lines, "Connection: close"]) + "\r\n\r\n").encode("latin-1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The head of a server's answer."""

    status: int
    line: str
    headers: Headers
    body: Body

    @property
    def is_interim(self) -> bool:
        """Whether another head follows."""
        return 100 <= self.status < 200

    def head(self) -> bytes:
        """The head for the guest, who has to open another connection for the next request."""
        without = {"content-length"} if self.body.chunked else set()
        lines = [self.line, *(f"{name}: {value}" for name, value in _passed_on(self.headers, without=without))]
        if not self.is_interim:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def parse_request(raw: bytes) -> ProxyRequest:
    """Read the head that a guest sent, up to and with its empty line. Raises Refused."""
    first, headers = _split(raw)
    line = _REQUEST_LINE.fullmatch(first)
    if line is None:
        raise malformed("This is not an HTTP/1 request")
    method, target, version = line.groups()
    if method == "CONNECT":
        host, port = _authority(_bracketed(target), default=None)
        return ProxyRequest(method=method, host=host, port=port, version=version)
    scheme, mark, _rest = target.partition("://")
    if not mark:
        raise malformed("This is a proxy: the request names no absolute URL")
    if scheme.lower() != "http":
        raise malformed("Only http URLs are fetched here; for https ask for a tunnel with CONNECT")
    try:
        url = urlsplit(target)
    except ValueError as exc:
        raise malformed("The URL cannot be read") from exc
    host, port = _authority(url.netloc, default=80)
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    body = _framing(headers, default=Body(length=0))
    return ProxyRequest(method=method, host=host, port=port, version=version, target=path, headers=headers, body=body)


def parse_answer(raw: bytes, *, to: str) -> Answer:
    """Read the head that a server sent in answer to the method `to`. Raises Refused with 502."""
    try:
        first, headers = _split(raw)
        line = _STATUS_LINE.fullmatch(first)
        if line is None:
            raise malformed("no status line")
        status = int(line.group(1))
        if status == HTTPStatus.SWITCHING_PROTOCOLS:
            raise malformed("nobody asked for another protocol")
        bodiless = to == "HEAD" or status in (204, 304) or status < 200
        body = Body(length=0) if bodiless else _framing(headers, default=Body(), chunks_win=True)
    except Refused as exc:
        raise bad_gateway("bad_answer", "The server's answer is not HTTP/1") from exc
    return Answer(status=status, line=first, headers=headers, body=body)


def bad_gateway(reason: str, message: str) -> Refused:
    """The far side failed."""
    return Refused(HTTPStatus.BAD_GATEWAY, reason, message)


def _split(raw: bytes) -> tuple[str, Headers]:
    lines = raw.removesuffix(b"\r\n\r\n").decode("latin-1").split("\r\n")
    if any(char in line for line in lines for char in "\r\n\0"):
        raise malformed("A line of the head contains a control character")
    if len(lines) > _MOST_HEADERS + 1:
        raise Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "too_large", "There are too many headers")
    headers = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or _TOKEN.fullmatch(name) is None:
            raise malformed("A header cannot be read")
        headers.append((name, value.strip(" \t")))
    return lines[0], tuple(headers)


def _bracketed(target: str) -> str:
    """Python's http.client writes `::1:443`; the port is never missing, so there is one way to read it."""
    host, _, port = target.rpartition(":")
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else target


def _authority(text: str, *, default: int | None) -> tuple[str, int]:
    """Host and port of `host:port`; a name keeps its spelling, an IPv6 address loses its brackets."""
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:@\[\]%]+)(?::([0-9]{0,5}))?", text)
    if match is None:
        raise malformed("The host cannot be read")
    host, digits = match.group(1), match.group(2)
    port = int(digits) if digits else default
    if port is None or not 0 < port < 65536:
        raise malformed("The port is missing or out of range")
    if host.startswith("["):
        try:
            return str(ipaddress.IPv6Address(host[1:-1])), port
        except ValueError as exc:
            raise malformed("The IPv6 address cannot be read") from exc
    if _NAME.fullmatch(host) is None:
        raise malformed("The host is not a name that can be looked up")
    return host, port


def _framing(headers: Headers, *, default: Body, chunks_win: bool = False) -> Body:
    """How the body ends. A request that says it twice is refused; in an answer the chunks are believed."""
    lengths = {value for name, value in headers if name.lower() == "content-length"}
    codings = [value.lower() for name, value in headers if name.lower() == "transfer-encoding"]
    if codings:
        if codings != ["chunked"] or (lengths and not chunks_win):
            raise malformed("The body's length is ambiguous")
        return Body(chunked=True)
    if not lengths:
        return default
    if len(lengths) > 1 or _DIGITS.fullmatch(value := lengths.pop()) is None:
        raise malformed("The Content-Length cannot be read")
    return Body(length=int(value))


def _passed_on(headers: Headers, *, without: set[str]) -> Iterable[tuple[str, str]]:
    """The headers that are not about this connection only."""
    named = {
        token.strip().lower() for name, value in headers if name.lower() == "connection" for token in value.split(",")
    }
    # A guest may not talk the proxy out of the headers that say how long the body is.
    dropped = (_HOP_BY_HOP | without | named) - ({"content-length", "transfer-encoding"} - without)
    return [(name, value) for name, value in headers if name.lower() not in dropped]
