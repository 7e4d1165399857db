"""What a sender is told, in the encoding that it spoke: taken, taken in part, or a Status that says why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
#: How sending again is spaced, in seconds, when we had no time.
WAIT_S = 5
#: Reasons of refusals that one answer names.
_NAMED = 3
_MESSAGE = 600
_VARINT = 0
_BYTES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP answer."""

    status: int
    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...] = ()


#: Codes of google.rpc.Status for the HTTP statuses that we send.
_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 408: 4, 413: 8, 415: 3, 429: 8, 500: 13, 503: 14}


def taken(content_type: str, *, refused: Sequence[str] = ()) -> Answer:
    """Success; with refusals, how many and the first few reasons. A sender must not send these again."""
    if content_type == JSON:
        body: dict[str, object] = {}
        if refused:
            body["partialSuccess"] = {"rejectedSpans": str(len(refused)), "errorMessage": _reasons(refused)}
        return Answer(status=200, body=orjson.dumps(body), content_type=JSON)
    response = ExportTraceServiceResponse()
    if refused:
        response.partial_success.rejected_spans = len(refused)
        response.partial_success.error_message = _reasons(refused)
    return Answer(status=200, body=response.SerializeToString(), content_type=PROTOBUF)


def refusal(content_type: str, *, status: int, message: str, retry_after: int | None = None) -> Answer:
    """A google.rpc.Status. Only 429 and 503 may be tried again, after `Retry-After`."""
    code = _CODES.get(status, 2)
    body = orjson.dumps({"code": code, "message": message}) if content_type == JSON else _status(code, message)
    headers = [("Retry-After", str(retry_after))] if retry_after is not None else []
    if status == 401:
        headers.append(("WWW-Authenticate", "Bearer"))
    return Answer(status=status, body=body, content_type=content_type, headers=tuple(headers))


def _reasons(refused: Sequence[str]) -> str:
    several = list(dict.fromkeys(refused))
    shown = " ".join(several[:_NAMED])[:_MESSAGE]
    return shown if len(several) <= _NAMED else f"{shown} …"


def _status(code: int, message: str) -> bytes:
    """`google.rpc.Status{code = 1, message = 2}`; two fields do not need another library."""
    text = message.encode()[:_MESSAGE]
    return bytes([1 << 3 | _VARINT, code, 2 << 3 | _BYTES]) + _varint(len(text)) + text


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)
