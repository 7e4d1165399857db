"""http-request: send a request to a server, and take what it answers."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.http_port import HttpRequest, HttpResponse
from apps.workflows.engine.node import Config, NodeContext, NodeResult, NodeType
from apps.workflows.engine.variables import Values
from apps.workflows.nodes.http_answer import MAX_FILE_BYTES, outputs_of
from apps.workflows.nodes.http_body import Written, write_body
from apps.workflows.nodes.http_config import HTTP_SCHEMA, Auth, HttpConfig, Pair, http_uses
from apps.workflows.nodes.secrets import HIDDEN, Secrets

KEY_HEADER: Final = "idempotency-key"
#: Methods that only ask.
_ASKS: Final = frozenset({"GET", "HEAD"})
#: Statuses after which the same request may work later.
_LATER: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: Headers that the connection itself is made of.
_NOT_OURS: Final = frozenset({"host", "content-length", "transfer-encoding", "connection"})
_PRIVATE: Final = re.compile(r"authorization|cookie|token|secret|api-?key|password", re.IGNORECASE)
Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequestNode:
    """Puts the request together, announces it where it changes something, sends it and reads the answer."""

    config: HttpConfig

    async def run(self, context: NodeContext) -> NodeResult:
        config, values = self.config, context.values
        secrets = Secrets.among(config.references(), values, more=_own_secrets(config, values))
        try:
            response = await self._send(context, secrets)
            context.process = {**context.process, "status": response.status, "url": secrets.hide(response.url)}
            outputs = await outputs_of(response, context)
            if config.fail_on_status and response.status >= 400:
                raise _refused(response, outputs)
        except NodeFailure as failure:
            raise secrets.hide_in_failure(failure) from None
        return NodeResult(outputs=outputs)

    async def _send(self, context: NodeContext, secrets: Secrets) -> HttpResponse:
        config, values = self.config, context.values
        url = config.url.render(values).strip()
        params = _pairs(config.params, values)
        headers, private = _headers(config, values)
        # Shown even where the body cannot be made.
        context.inputs = {"method": config.method, "url": secrets.hide(url)}
        body = await write_body(config.body, context)
        if body.content_type and not any(name == "content-type" for name, _ in headers):
            headers.append(("content-type", body.content_type))
        context.inputs = secrets.hide_in(_shown(config.method, url, params, headers, private, body))
        context.process = dict(body.notes)
        if config.method not in _ASKS:
            key = await context.world.intend()
            if not any(name == KEY_HEADER for name, _ in headers):
                headers.append((KEY_HEADER, key))
            context.process = {**context.process, "idempotency_key": key}
        return await context.ports.http.send(
            HttpRequest(
                method=config.method,
                url=url,
                params=params,
                headers=headers,
                private=private,
                content=body.content,
                timeouts=config.timeouts,
                verify_tls=config.verify_tls,
                max_bytes=MAX_FILE_BYTES,
            )
        )


def _pairs(pairs: Iterable[Pair], values: Values) -> list[tuple[str, str]]:
    rendered = [(name.render(values).strip(), value.render(values)) for name, value in pairs]
    return [(name, value) for name, value in rendered if name]


def _headers(config: HttpConfig, values: Values) -> tuple[Headers, frozenset[str]]:
    """The headers, and which of them nobody but this server may see. Raises NodeFailure."""
    headers: Headers = []
    for name, value in _pairs(config.headers, values):
        if not _TOKEN.fullmatch(name) or name.lower() in _NOT_OURS:
            raise NodeFailure("http_bad_header", f"{name[:100]!r} is no header that a request can have.")
        headers.append((name.lower(), _line(name, value)))
    private = {name for name, _ in headers if _PRIVATE.search(name)}
    for named, sent in config.headers:
        if any(each.root == "env" for each in sent.references()):
            private.add(named.render(values).strip().lower())
    if config.auth is not None:
        name, value = _credentials(config.auth, values)
        headers = [*(pair for pair in headers if pair[0] != name), (name, _line(name, value))]
        private.add(name)
    return headers, frozenset(private)


def _credentials(auth: Auth, values: Values) -> tuple[str, str]:
    secret = auth.secret.render(values).strip()
    if auth.kind == "custom":
        return auth.header, secret
    if auth.kind == "bearer":
        return "authorization", f"Bearer {secret}"
    # User and password with a colon between them, or that already encoded.
    encoded = base64.b64encode(secret.encode()).decode() if ":" in secret else secret
    return "authorization", f"Basic {encoded}"


def _line(name: str, value: str) -> str:
    text = value.strip()
    if any(sign in text for sign in "\r\n\0"):
        raise NodeFailure("http_bad_header", f"The header {name} must be one line.")
    return text


def _own_secrets(config: HttpConfig, values: Values) -> Sequence[str]:
    """What lets us in is a secret wherever it comes from."""
    if config.auth is None:
        return ()
    _name, value = _credentials(config.auth, values)
    secret = config.auth.secret.render(values).strip()
    return secret, value.rpartition(" ")[2], *(secret.partition(":")[2:] if config.auth.kind == "basic" else ())


def _shown(
    method: str, url: str, params: Sequence[tuple[str, str]], headers: Headers, private: frozenset[str], body: Written
) -> dict[str, Any]:
    shown: dict[str, Any] = {"method": method, "url": url}
    if params:
        shown["params"] = [{"name": name, "value": value} for name, value in params]
    if headers:
        shown["headers"] = [{"name": name, "value": HIDDEN if name in private else value} for name, value in headers]
    if body.shown is not None:
        shown["body"] = body.shown
    return shown


def _refused(response: HttpResponse, outputs: dict[str, Any]) -> NodeFailure:
    details: dict[str, Any] = {"status": response.status}
    wait = response.header("retry-after")
    if wait.isdecimal() and len(wait) < 6:
        details["retry_after"] = int(wait)
    said = str(outputs["body"]).strip()[:500]
    message = f"The server answers {response.status}{f': {said}' if said else '.'}"
    return NodeFailure("http_status", message, retryable=response.status in _LATER, details=details)


def _compile(config: Config) -> HttpRequestNode:
    return HttpRequestNode(config=HttpConfig.parse(config))


def _outputs(_config: Config) -> frozenset[str]:
    return frozenset({"status", "body", "json", "headers", "files"})


HTTP_REQUEST = NodeType(name="http-request", schema=HTTP_SCHEMA, compile=_compile, outputs=_outputs, uses=http_uses)
