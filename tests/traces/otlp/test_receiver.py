"""The receiver as a sender sees it, over ASGI: encodings, limits, keys, room, and answers in kind."""

from __future__ import annotations

import asyncio
import base64
import gzip
import threading
import zlib
from typing import Any
from uuid import UUID

import httpx
import orjson
import psycopg
import pytest
from django.db import DataError, OperationalError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from apps.traces.otlp import intake
from apps.traces.otlp import receiver as receiving
from apps.traces.otlp.bodies import LIMIT, opened
from apps.traces.otlp.receiver import OtlpReceiver
from apps.traces.otlp.senders import Sender, Senders, secret_of
from support.errors import InvalidInput, NotAllowed, NotAuthenticated, TooLarge
from tests.traces.otlp.sending import as_json, as_protobuf, export, span

TEAM = UUID(int=7)
KEY = "traces-of-the-bees"
JSON, PROTOBUF = "application/json", "application/x-protobuf"
URL = "http://skep/otel/v1/traces"


class Kept:
    """Keeps spans in memory, in the place of the database."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.failures: list[Exception] = []
        self.bad = ""

    def __call__(self, team_id: UUID, spans: Any) -> None:
        assert team_id == TEAM
        if self.failures:
            raise self.failures.pop(0)
        if any(self.bad and each.name == self.bad for each in spans):
            raise DataError("no")
        self.spans.extend(spans)


def known(secret: str) -> Sender:
    if secret == "app-key":
        raise NotAllowed("This key does not take traces.")
    if secret != KEY:
        raise NotAuthenticated("Access token is invalid, expired or revoked.")
    return Sender(TEAM, None)


async def otherwise(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": b"Django"})


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def client(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> httpx.AsyncClient:
    monkeypatch.setattr(intake, "_ALIASES", ())  # there is no database in these tests
    receiver = OtlpReceiver(otherwise, senders=Senders(ask=known), intake=lambda given: intake.take(given, store=kept))
    return httpx.AsyncClient(transport=httpx.ASGITransport(receiver), headers={"Authorization": f"Bearer {KEY}"})


async def send(client: httpx.AsyncClient, body: bytes, kind: str = PROTOBUF, url: str = URL, **headers: str) -> Any:
    given = {"Content-Type": kind, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return await client.post(url, content=body, headers=given)


ONE = export(span(name="one"))


@pytest.mark.parametrize(
    ("kind", "body"), [(JSON, as_json(ONE)), (PROTOBUF, as_protobuf(ONE))], ids=["JSON", "protobuf"]
)
@pytest.mark.parametrize("encoding", ["", "gzip", "deflate", "raw deflate", "gzip in two members"])
async def test_spans_are_taken_in_every_encoding(client, kept, kind, body, encoding):
    raw = zlib.compressobj(wbits=-15)
    packed = {
        "": lambda: body,
        "gzip": lambda: gzip.compress(body),
        "deflate": lambda: zlib.compress(body),
        "raw deflate": lambda: raw.compress(body) + raw.flush(),
        "gzip in two members": lambda: gzip.compress(body[:20]) + gzip.compress(body[20:]),
    }[encoding]()
    named = "deflate" if "deflate" in encoding else "gzip" if encoding else "identity"
    answer = await send(client, packed, kind, Content_Encoding=named)
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert answer.content == (b"{}" if kind == JSON else b"")
    assert [each.name for each in kept.spans] == ["one"]


@pytest.mark.parametrize("root", ["/otel/v1", "/api/public/otel/v1", "/v1"])
async def test_every_address_that_clients_use_is_answered(client, kept, root):
    for signal in ("traces", "traces/", "metrics", "logs"):
        body = as_protobuf(ONE) if "traces" in signal else b"\x0a\x00"
        answer = await send(client, body, url=f"http://skep{root}/{signal}")
        assert (answer.status_code, answer.content) == (200, b"")
    assert len(kept.spans) == 2


async def test_everything_else_goes_to_django(client):
    assert (await client.get("http://skep/otel/v1/")).text == "Django"
    assert (await client.post("http://skep/v1/chat-messages")).text == "Django"


async def test_bad_spans_are_counted_and_the_others_taken(client, kept):
    body = export(span(name="good"), span(traceId="00" * 16), span(spanId="ab"))
    told = ExportTraceServiceResponse.FromString((await send(client, as_protobuf(body))).content).partial_success
    assert told.rejected_spans == 2
    assert "32 hexadecimal digits" in told.error_message
    in_json = (await send(client, as_json(body), JSON)).json()["partialSuccess"]
    assert in_json["rejectedSpans"] == "2"
    assert [each.name for each in kept.spans] == ["good", "good"]


async def test_a_span_that_the_database_refuses_costs_the_others_nothing(client, kept):
    kept.bad = "7"
    answer = await send(client, as_json(export(*[span(name=str(number)) for number in range(20)])), JSON)
    assert answer.json()["partialSuccess"]["rejectedSpans"] == "1"
    assert sorted(int(each.name) for each in kept.spans) == [number for number in range(20) if number != 7]


async def test_a_span_that_breaks_a_dialect_costs_the_others_nothing(client, kept, monkeypatch):
    def breaks(given: Any, **options: Any) -> Any:
        if given.name == "bad":
            raise KeyError("unforeseen")
        return intake_foreign_span(given, **options)

    intake_foreign_span = intake.foreign_span
    monkeypatch.setattr(intake, "foreign_span", breaks)
    answer = await send(client, as_json(export(span(name="bad"), span(name="good"))), JSON)
    assert answer.json()["partialSuccess"]["rejectedSpans"] == "1"
    assert [each.name for each in kept.spans] == ["good"]


async def test_an_empty_export_is_a_success(client):
    for kind, body, empty in ((JSON, b"{}", b"{}"), (JSON, b"", b"{}"), (PROTOBUF, b"", b"")):
        answer = await send(client, body, kind)
        assert (answer.status_code, answer.content) == (200, empty)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {"kind": JSON}, 400),
        (b"\xff\xff\xff", {}, 400),
        (b"not gzip", {"Content_Encoding": "gzip"}, 400),
        (gzip.compress(b"{}", mtime=0)[:-6], {"Content_Encoding": "gzip"}, 400),
        (b"{}", {"Content_Encoding": "zstd"}, 415),
        (b"{}", {"kind": "text/plain"}, 415),
        (b"x" * (LIMIT + 1), {}, 413),
        (gzip.compress(bytes(LIMIT + 1), mtime=0), {"Content_Encoding": "gzip"}, 413),
        (zlib.compress(bytes(LIMIT + 1)), {"Content_Encoding": "deflate"}, 413),
        (b"{}", {"Authorization": "Bearer wrong"}, 401),
        (b"{}", {"Authorization": "Basic !!!"}, 401),
        (b"{}", {"Authorization": ""}, 401),
        (b"{}", {"Authorization": "Bearer app-key"}, 403),
    ],
)
async def test_what_cannot_be_taken_is_refused_for_good_with_a_status(client, kept, body, headers, status):
    answer = await send(client, body, **headers)
    assert answer.status_code == status
    assert "retry-after" not in answer.headers
    if headers.get("kind", PROTOBUF) == PROTOBUF:
        assert answer.headers["content-type"] == PROTOBUF
        assert answer.content[:1] == b"\x08"
        assert answer.content[2:3] == b"\x12"
        length = answer.content[3]
        assert len(answer.content) == 4 + length or length >= 0x80
    else:
        assert set(answer.json()) == {"code", "message"}
    assert kept.spans == []


async def test_a_bomb_is_given_up_at_the_limit():
    bomb = gzip.compress(bytes(200 * 1024 * 1024), 9)
    assert len(bomb) < 1024 * 1024
    with pytest.raises(TooLarge):
        opened(bomb, encoding="gzip")


async def test_a_body_of_very_many_members_is_refused_and_not_opened_one_by_one():
    with pytest.raises(InvalidInput):
        opened(gzip.compress(b"") * 100_000, encoding="gzip")


async def test_who_has_no_key_is_refused_before_the_body_comes_and_takes_no_room(kept, monkeypatch):
    monkeypatch.setattr(intake, "_ALIASES", ())
    receiver = OtlpReceiver(otherwise, senders=Senders(ask=known), intake=lambda given: intake.take(given, store=kept))
    silent = asyncio.Event()

    async def never() -> dict[str, Any]:
        await silent.wait()
        return {"type": "http.disconnect"}

    async def answered(key: str) -> int:
        statuses: list[int] = []

        async def told(message: Any) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        headers = [(b"content-type", PROTOBUF.encode()), (b"authorization", f"Bearer {key}".encode())]
        scope = {"type": "http", "method": "POST", "path": "/otel/v1/traces", "headers": headers}
        await asyncio.wait_for(receiver(scope, never, told), 20)
        return statuses[0]

    strangers = await asyncio.gather(*(answered(f"traces-stranger-{number}") for number in range(100)))
    assert set(strangers) == {401}
    assert receiver.present == 0


async def test_a_body_that_never_ends_gives_its_place_back(monkeypatch):
    monkeypatch.setattr(receiving, "BODY_S", 0.2)
    gone = asyncio.Event()
    monkeypatch.setattr(intake, "_ALIASES", ())
    receiver = OtlpReceiver(otherwise, senders=Senders(ask=known))
    pieces = iter([{"type": "http.request", "body": b"{", "more_body": True}])

    async def drip() -> dict[str, Any]:
        for piece in pieces:
            return piece
        await gone.wait()
        return {}

    said: list[Any] = []

    async def told(message: Any) -> None:
        said.append(message)

    headers = [(b"content-type", JSON.encode()), (b"authorization", f"Bearer {KEY}".encode())]
    scope = {"type": "http", "method": "POST", "path": "/otel/v1/traces", "headers": headers}
    await asyncio.wait_for(receiver(scope, drip, told), 20)
    assert said[0]["status"] == 408
    assert orjson.loads(said[1]["body"])["code"] == 4
    assert receiver.present == 0


async def test_a_body_that_lies_about_its_length_is_cut_off(client):
    async def pieces():
        for _ in range(LIMIT // 1_000_000 + 2):
            yield bytes(1_000_000)

    answer = await client.post(URL, content=pieces(), headers={"Content-Type": PROTOBUF})
    assert answer.status_code == 413


async def test_only_post_is_taken(client):
    answer = await client.get(URL)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "failure", [OperationalError("away"), psycopg.OperationalError("away"), psycopg.OperationalError("slow")]
)
async def test_a_database_that_is_away_asks_senders_to_come_again(client, kept, failure):
    kept.failures = [failure]
    answer = await send(client, as_protobuf(ONE))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert (await send(client, as_protobuf(ONE))).status_code == 200
    assert len(kept.spans) == 1


async def test_a_fault_of_ours_says_so_and_no_more(client, kept):
    kept.failures = [RuntimeError("secret detail")]
    answer = await send(client, as_json(ONE), JSON)
    assert answer.status_code == 500
    assert "secret" not in answer.text


async def test_too_many_at_once_are_sent_away_to_come_again(monkeypatch):
    go = threading.Event()

    def slow(given: Any) -> Any:
        go.wait(20)
        return intake.answers.taken(given.content_type)

    monkeypatch.setattr(intake, "_ALIASES", ())
    anybody = Senders(ask=lambda secret: Sender(TEAM, None))
    receiver = OtlpReceiver(otherwise, senders=anybody, intake=slow, waiting=30)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(receiver), timeout=30) as client:

        async def one(key: str) -> httpx.Response:
            headers = {"Content-Type": JSON, "Authorization": f"Bearer {key}"}
            return await client.post(URL, content=b"{}", headers=headers)

        tasks = [asyncio.create_task(one("first")) for _ in range(30)]
        while receiver.present < 24:
            await asyncio.sleep(0.01)
        others = [asyncio.create_task(one(f"other-{number}")) for number in range(10)]
        early, _ = await asyncio.wait([*tasks, *others], timeout=5)
        statuses = sorted(task.result().status_code for task in early)
        go.set()
        late = [answer.status_code for answer in await asyncio.gather(*tasks, *others)]
    assert statuses == [429] * 6 + [503] * 4
    assert late.count(200) == 30
    assert all(task.result().headers["retry-after"] == "5" for task in early)


def test_keys_are_found_in_every_form_that_clients_send():
    basic = base64.b64encode(f"public:{KEY}".encode()).decode()
    for header in (f"Bearer {KEY}", f"bearer  {KEY} ", f"Basic {basic}", KEY):
        assert secret_of(header) == KEY
    for header in ("", "Bearer", "Bearer ", "Basic", "Basic " + base64.b64encode(b"public:").decode(), "sk-123"):
        with pytest.raises(NotAuthenticated):
            secret_of(header)


def test_a_key_is_looked_up_once_in_a_while_and_a_wrong_one_is_remembered_too():
    asked: list[str] = []
    now = [0.0]

    def ask(secret: str) -> Sender:
        asked.append(secret)
        return known(secret)

    senders = Senders(ask=ask, clock=lambda: now[0])
    for _ in range(3):
        assert senders.sender(KEY).team_id == TEAM
        with pytest.raises(NotAuthenticated):
            senders.sender("wrong")
    assert asked == [KEY, "wrong"]
    now[0] = 11
    senders.sender(KEY)
    assert asked == [KEY, "wrong", KEY]


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_what_ends_early_is_said_to(encoding):
    whole = gzip.compress(b"abc" * 1000) if encoding == "gzip" else zlib.compress(b"abc" * 1000)
    assert opened(whole, encoding=encoding) == b"abc" * 1000
    with pytest.raises(InvalidInput):
        opened(whole[:-5], encoding=encoding)


def test_many_spans_are_stored_in_several_transactions(kept, monkeypatch):
    monkeypatch.setattr(intake, "_ALIASES", ())
    sizes: list[int] = []

    def store(team_id: UUID, spans: Any) -> None:
        sizes.append(len(spans))

    body = as_json(export(*[span() for _ in range(2_500)]))
    given = intake.Export(body=body, encoding="", content_type=JSON, is_traces=True, who=lambda: Sender(TEAM, None))
    assert orjson.loads(intake.take(given, store=store).body) == {}
    assert sizes == [1_000, 1_000, 500]
