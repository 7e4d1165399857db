"""Calls an operation of an imported OpenAPI document, through the guarded way out."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import orjson

from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.http_port import HttpPort, HttpRequest, HttpResponse, HttpTimeouts
from apps.workflows.engine.tool_port import ToolInfo, ToolResult
from apps.workflows.selectors.toolsets import Service

MAX_BYTES: Final = 1_000_000
_TIMEOUTS: Final = HttpTimeouts(connect=10, read=60, write=60)
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_LATER: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
#: The name of a body that is no object, and so has no names of its own.
BODY: Final = "body"


class Operation:
    """One operation of a service, as a tool."""

    def __init__(self, service: Service, operation: Mapping[str, Any], http: HttpPort) -> None:
        self._service = service
        self._operation = operation
        self._http = http
        self.info = ToolInfo(
            name=f"openapi/{service.name}/{operation['id']}",
            label=operation["summary"] or operation["id"],
            description=operation["description"] or operation["summary"] or operation["id"],
            parameters=operation["schema"],
            acts=operation["method"] not in _SAFE,
        )

    async def call(self, given: Mapping[str, Any], *, key: str) -> ToolResult:
        """Send the request. Raises NodeFailure, also where the service answers with an error."""
        response = await self._http.send(self._request(given, key))
        text = response.content.decode(response.charset, errors="replace")
        if response.status >= 400:
            raise _failure(self.info.name, response, text)
        return ToolResult(text=text, json=_json(text))

    def _request(self, given: Mapping[str, Any], key: str) -> HttpRequest:
        operation, service = self._operation, self._service
        path = operation["path"]
        query: list[tuple[str, str]] = []
        headers = [("accept", "application/json, text/*;q=0.9, */*;q=0.5")]
        for parameter in operation["parameters"]:
            value = given.get(parameter["key"])
            if value is None:
                continue
            match parameter["in"]:
                case "path":
                    path = path.replace(f"{{{parameter['name']}}}", _segment(parameter["name"], value))
                case "query":
                    query.extend((parameter["name"], text) for text in _texts(value))
                case "header":
                    headers.append((parameter["name"], _line(parameter["name"], ",".join(_texts(value)))))
        if key and self.info.acts:
            headers.append(("idempotency-key", key))
        content, content_type = self._body(given)
        if content_type:
            headers.append(("content-type", content_type))
        own_headers, own_query = _credentials(service)
        return HttpRequest(
            method=operation["method"],
            url=service.base_url.rstrip("/") + path,
            params=[*query, *own_query],
            headers=[*headers, *own_headers],
            private=frozenset(name for name, _ in own_headers),
            content=content,
            timeouts=_TIMEOUTS,
            max_bytes=MAX_BYTES,
        )

    def _body(self, given: Mapping[str, Any]) -> tuple[bytes, str]:
        body = self._operation.get("body")
        if body is None:
            return b"", ""
        if body["whole"]:
            value = given.get(BODY)
        else:
            value = {name: given[key] for name, key in body["keys"].items() if key in given}
        if value is None or (value == {} and not body["required"]):
            return b"", ""
        if body["type"] == "application/x-www-form-urlencoded" and isinstance(value, Mapping):
            return urlencode([(name, text) for name, each in value.items() for text in _texts(each)]).encode(), body[
                "type"
            ]
        if isinstance(value, str) and "json" not in body["type"]:
            return value.encode(), body["type"]
        return orjson.dumps(value), body["type"]


def _credentials(service: Service) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The headers and the query that let us in."""
    secret = service.secret
    if not secret or service.auth == "none":
        return [], []
    if service.auth == "query":
        return [], [(service.auth_name or "api_key", secret)]
    if service.auth == "bearer":
        return [("authorization", f"Bearer {secret}")], []
    if service.auth == "basic":
        return [("authorization", f"Basic {base64.b64encode(secret.encode()).decode()}")], []
    return [((service.auth_name or "x-api-key").lower(), secret)], []


def _segment(name: str, value: Any) -> str:
    text = ",".join(_texts(value))
    if text in ("", ".", ".."):
        raise NodeFailure("tool_parameters", f"{name} cannot be {text!r}: it is a part of the address.")
    return quote(text, safe="")


def _line(name: str, text: str) -> str:
    if any(char in text for char in "\r\n\0"):
        raise NodeFailure("tool_parameters", f"{name} must be one line.")
    return text


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, bool):
        yield "true" if value else "false"
    elif isinstance(value, Mapping):
        yield orjson.dumps(value).decode()
    elif value is not None:
        yield str(value)


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _failure(name: str, response: HttpResponse, text: str) -> NodeFailure:
    details: dict[str, Any] = {"status": response.status}
    wait = response.header("retry-after")
    if wait.isdecimal() and len(wait) < 6:
        details["retry_after"] = int(wait)
    return NodeFailure(
        "tool_failed",
        f"{name} answers {response.status}: {text.strip()[:500]}",
        retryable=response.status in _LATER,
        details=details,
    )
