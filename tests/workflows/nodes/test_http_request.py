"""What an http-request node sends, what it makes of the answer, and what a run keeps of it."""

from __future__ import annotations

import json

import pytest

from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.events import NodeIntended
from apps.workflows.engine.file_port import FileContent
from apps.workflows.engine.http_port import HttpResponse
from tests.workflows.engine.ports_for_tests import HeldFiles, ScriptedHttp, ports
from tests.workflows.engine.runs import document, node, play

URL = "https://api.example.org/orders"


def answer(content=b"", kind="text/plain", status=200, **headers):
    named = {"content-type": kind, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return HttpResponse(status=status, url=f"{URL}/report.pdf?x=1", headers=list(named.items()), content=content)


async def send(gives=None, *, method="GET", inputs=None, env=None, files=None, on_error=None, **config):
    """Run start -> ask -> end; the run, and the requests that were sent."""
    given = gives if isinstance(gives, list) else [answer() if gives is None else gives]
    http = ScriptedHttp(given)
    ask = node("ask", "http-request", config={"method": method, "url": URL, **config})
    if on_error:
        ask["on_error"] = on_error
    names = ("status", "body", "json", "headers", "files")
    end = node("end", "end", config={"outputs": {name: f"ask.{name}" for name in names}})
    played = await play(
        document([ask, end], "start>ask ask>end", kind="workflow"),
        ports=ports(http=http, files=files),
        inputs=inputs,
        env=env or {},
    )
    return played, http.seen


def kept(played):
    return next(e for e in played.events if e.kind in ("node_succeeded", "node_failed") and e.node_id == "ask")


def failure(played):
    assert played.finished.status == "failed"
    return played.finished.error


async def test_a_request_has_its_values_in_every_part():
    played, (request,) = await send(
        method="PUT",
        url="https://api.example.org/{{ inputs.id }}",
        headers=[{"name": "X-For", "value": "{{ inputs.who }}"}],
        params=[{"name": "q", "value": "{{ inputs.who }} & co"}, {"name": "q", "value": "2"}],
        body={"kind": "text", "text": "Hello {{ inputs.who }}"},
        timeouts={"connect": 3},
        verify_tls=False,
        inputs={"id": 7, "who": "Ada"},
    )
    assert (request.method, request.url) == ("PUT", "https://api.example.org/7")
    assert request.params == [("q", "Ada & co"), ("q", "2")]
    assert ("x-for", "Ada") in request.headers
    assert ("content-type", "text/plain; charset=utf-8") in request.headers
    assert request.content == b"Hello Ada"
    assert (request.timeouts.connect, request.verify_tls) == (3, False)
    assert played.finished.status == "succeeded"


@pytest.mark.parametrize(
    ("template", "value", "sent"),
    [
        ('{"a": "{{ inputs.v }}"}', "plain", {"a": "plain"}),
        ('{"a": "{{ inputs.v }}"}', 'He said "no"\nand left \\ so', {"a": 'He said "no"\nand left \\ so'}),
        ('{"a": "{{ inputs.v }}"}', "already\\nwritten", {"a": "already\nwritten"}),
        ('{"a": "{{ inputs.v }}"}', '", "admin": true, "b": "', {"a": '", "admin": true, "b": "'}),
        ('{"a": "x\\"{{ inputs.v }}"}', '"', {"a": 'x""'}),
        ('{"a": {{ inputs.v }}}', "not quoted", {"a": "not quoted"}),
        ('{"a": {{ inputs.v }}}', '1, "admin": true', {"a": '1, "admin": true'}),
        ('{"a": {{ inputs.v }}}', '{"x": [1]}', {"a": {"x": [1]}}),
        ('{"a": {{ inputs.v }}}', {"x": [1, None]}, {"a": {"x": [1, None]}}),
        ('{"a": {{ inputs.gone }}}', "", {"a": None}),
        ('{"a": "{{ inputs.v }}"}', {"x": "y"}, {"a": '{"x": "y"}'}),
        ("{{ inputs.v }}", [1, 2], [1, 2]),
        ('{"a": 1.10, "b": [],}', "", {"a": 1.1, "b": []}),
        ("{'a': True, 'b': None}", "", {"a": True, "b": None}),
    ],
)
async def test_a_json_body_stays_json_whatever_the_values_hold(template, value, sent):
    _, (request,) = await send(method="POST", body={"kind": "json", "text": template}, inputs={"v": value})
    assert json.loads(request.content) == sent
    assert ("content-type", "application/json") in request.headers


async def test_a_body_is_repaired_only_when_it_is_broken_and_the_run_says_so():
    whole = '{"a": 1.10,   "b": 100000000000000000000}'
    played, (request,) = await send(method="POST", body={"kind": "json", "text": whole})
    assert request.content.decode() == whole
    assert "body_repaired" not in kept(played).process
    played, _ = await send(method="POST", body={"kind": "json", "text": '{"a": [1,2,],}'})
    assert kept(played).process["body_repaired"] is True
    played, requests = await send(method="POST", body={"kind": "json", "text": "{nonsense here"})
    assert failure(played).code == "http_bad_body"
    assert requests == []


async def test_forms_carry_texts_and_files():
    files = HeldFiles({"f1": FileContent(name='b"ee.png', mime_type="image/png", content=b"\x89PNG")})
    picture = {"kind": "file", "id": "f1", "name": "bee.png", "type": "image"}
    fields = [{"name": "title", "value": "{{ inputs.t }}"}, {"name": "files", "file": "inputs.f"}]
    _, (request,) = await send(
        method="POST", body={"kind": "multipart", "fields": fields}, inputs={"t": "Ä & b", "f": [picture]}, files=files
    )
    content_type = dict(request.headers)["content-type"]
    boundary = content_type.partition("boundary=")[2].encode()
    parts = request.content.split(b"--" + boundary)
    assert len(parts) == 4
    assert parts[1].endswith("\r\n\r\nÄ & b\r\n".encode())
    assert b'name="files"; filename="b%22ee.png"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n' in parts[2]
    _, (request,) = await send(method="POST", body={"kind": "form", "fields": fields[:1]}, inputs={"t": "Ä & b"})
    assert request.content == b"title=%C3%84+%26+b"
    _, (request,) = await send(
        method="POST", body={"kind": "binary", "file": "inputs.f"}, inputs={"f": picture}, files=files
    )
    assert (request.content, dict(request.headers)["content-type"]) == (b"\x89PNG", "image/png")
    played, _ = await send(method="POST", body={"kind": "binary", "file": "inputs.f"}, inputs={"f": "no file"})
    assert failure(played).code == "wrong_type"


@pytest.mark.parametrize(
    ("auth", "sent"),
    [
        ({"kind": "bearer", "secret": "{{ env.key }}"}, ("authorization", "Bearer hunter2:x")),
        ({"kind": "basic", "secret": "{{ env.key }}"}, ("authorization", "Basic aHVudGVyMjp4")),
        ({"kind": "basic", "secret": "aHVudGVyMjp4"}, ("authorization", "Basic aHVudGVyMjp4")),
        ({"kind": "custom", "header": "X-Api-Key", "secret": "{{ env.key }}"}, ("x-api-key", "hunter2:x")),
    ],
)
async def test_secrets_are_sent_and_never_kept(auth, sent):
    config = {
        "auth": auth,
        "headers": [{"name": "X-Trace", "value": "t-{{ env.key }}"}, {"name": "Cookie", "value": "id=abc"}],
        "params": [{"name": "k", "value": "{{ env.key }}"}],
        "body": {"kind": "json", "text": '{"k": "{{ env.key }}"}'},
    }
    broken = NodeFailure("http_unreachable", f"hunter2:x and {sent[1]} cannot be reached")
    for gives in (answer(), broken):
        played, (request,) = await send(gives, method="POST", env={"key": "hunter2:x"}, **config)
        assert sent in request.headers
        assert {sent[0], "x-trace", "cookie"} <= request.private
        assert b"hunter2:x" in request.content
        records = json.dumps([kept(played).inputs, kept(played).process, played.finished.error and vars_of(played)])
        assert "hunter2" not in records
        assert sent[1].rpartition(" ")[2] not in records
        assert "id=abc" not in records


def vars_of(played):
    return [played.finished.error.message, dict(played.finished.error.details)]


async def test_only_what_changes_something_is_announced_and_keeps_its_key_when_tried_again():
    for method, announced in [("GET", 0), ("HEAD", 0), ("POST", 1), ("DELETE", 1), ("PATCH", 1)]:
        played, (request,) = await send(method=method)
        assert sum(isinstance(event, NodeIntended) for event in played.events) == announced
        assert ("idempotency-key" in dict(request.headers)) is bool(announced)
    busy = NodeFailure("http_unreachable", "no", retryable=True)
    _, requests = await send(
        [busy, answer()], method="POST", on_error={"retry": {"times": 1, "first": 0.01, "backoff": "fixed"}}
    )
    first, second = (dict(request.headers)["idempotency-key"] for request in requests)
    assert first == second
    _, (request,) = await send(method="POST", headers=[{"name": "Idempotency-Key", "value": "mine"}])
    assert [value for name, value in request.headers if name == "idempotency-key"] == ["mine"]


async def test_a_request_that_cannot_be_made_is_never_announced():
    played, requests = await send(method="POST", body={"kind": "json", "text": "{broken"})
    assert requests == []
    assert not [event for event in played.events if isinstance(event, NodeIntended)]


@pytest.mark.parametrize(
    ("given", "body", "data"),
    [
        (answer(b'{"a": 1}', "application/json; charset=utf-8"), '{"a": 1}', {"a": 1}),
        (answer(b'{"a": 1}', "application/problem+json"), '{"a": 1}', {"a": 1}),
        (answer("grün".encode(), "text/plain"), "grün", None),
        (answer(b"[1]", "application/vnd.unknown"), "[1]", [1]),
        (answer(b"", "application/json"), "", None),
    ],
)
async def test_an_answer_of_text_is_text_and_data(given, body, data):
    played, _ = await send(given)
    outputs = played.finished.outputs
    assert (outputs["status"], outputs["body"], outputs["json"], outputs["files"]) == (200, body, data, [])
    assert outputs["headers"]["content-type"]


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (answer(b"%PDF-1.7", "application/pdf"), "report.pdf"),
        (answer(b"a,b", "text/csv", content_disposition='attachment; filename="a b.csv"'), "a b.csv"),
        (answer(b"x", "text/csv", content_disposition="attachment; filename*=UTF-8''%C3%A4.csv"), "ä.csv"),
        (answer(b"\x00\x01\x02", "application/vnd.unknown"), "report.pdf"),
    ],
)
async def test_an_answer_that_is_a_file_is_kept_as_one(given, name):
    files = HeldFiles()
    played, _ = await send(given, files=files)
    (file,) = played.finished.outputs["files"]
    assert played.finished.outputs["body"] == ""
    assert file["name"] == name
    assert files.held[file["id"]].content == given.content


async def test_text_that_is_too_long_fails_the_node():
    played, _ = await send(answer(b"x" * (1024 * 1024 + 1)))
    assert failure(played).code == "http_too_large"


async def test_a_status_fails_the_node_only_where_it_should():
    played, _ = await send(answer(b"gone", status=404))
    assert played.finished.outputs["status"] == 404
    played, _ = await send(answer(b"gone", status=404), fail_on_status=True)
    assert (failure(played).code, failure(played).details["status"]) == ("http_status", 404)
    retry = {"retry": {"times": 2, "first": 0.01, "backoff": "fixed"}}
    played, requests = await send([answer(status=503), answer(b"ok")], fail_on_status=True, on_error=retry)
    assert (played.finished.outputs["body"], len(requests)) == ("ok", 2)
    _, requests = await send([answer(status=400), answer(b"ok")], fail_on_status=True, on_error=retry)
    assert len(requests) == 1


@pytest.mark.parametrize(
    "header", [{"name": "A\nB", "value": "x"}, {"name": "A", "value": "x\r\nEvil: 1"}, {"name": "Host", "value": "x"}]
)
async def test_a_header_cannot_smuggle_another(header):
    played, requests = await send(headers=[header])
    assert failure(played).code == "http_bad_header"
    assert requests == []
