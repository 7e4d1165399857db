"""Webhooks over HTTP: what is taken, what is refused, what is answered, and what happens twice."""

from __future__ import annotations

import json
import threading

import httpx
import pytest

from apps.workflows import services
from apps.workflows.models import File, Firing, Run, Trigger
from apps.workflows.services import rotate_address, switch_trigger
from tests.workflows.conftest import WORKFLOW
from tests.workflows.triggers.hooks import address, hooked

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "traces"])


def errors(reply):
    assert reply.status_code == 400, reply.text
    return sorted((each["path"], each["code"]) for each in reply.json()["details"]["errors"])


TYPED = [
    {"name": "text", "required": True},
    {"name": "number", "type": "number"},
    {"name": "count", "type": "integer"},
    {"name": "yes", "type": "boolean"},
    {"name": "thing", "type": "object"},
    {"name": "words", "type": "array[string]"},
    {"name": "things", "type": "array[object]"},
]
GIVEN = {
    "text": "bee",
    "number": 1.5,
    "count": 3,
    "yes": True,
    "thing": {"a": [1]},
    "words": ["a", "b"],
    "things": [{"b": None}],
}
OUTPUTS = {one["name"]: f"hook.{one['name']}" for one in TYPED}


def test_a_json_body_becomes_typed_values_and_the_answer_is_what_the_run_gave(server, make_app):
    app = make_app(
        hooked(
            headers=[{"name": "X-Shop"}],
            params=[{"name": "dry", "type": "boolean"}, {"name": "page", "type": "integer"}],
            body=TYPED,
            outputs={**OUTPUTS, "shop": "hook.X_Shop", "dry": "hook.dry", "page": "hook.page"},
        )
    )
    url = address(server, app)
    reply = httpx.post(f"{url}?dry=yes&page=7", json=GIVEN, headers={"X-Shop": "bees"})
    assert (reply.status_code, reply.json()) == (200, {**GIVEN, "shop": "bees", "dry": True, "page": 7})
    run = Run.objects.get()
    assert (run.source, run.entry, run.status) == ("trigger", "hook", "succeeded")
    trigger = Trigger.objects.get()
    assert (trigger.fired, trigger.refused, trigger.last_error) == (1, 0, "")
    assert Firing.objects.get().run_id == run.id


def test_every_fault_is_said_at_once_and_no_run_begins(server, make_app):
    headers, params = [{"name": "X-Shop", "required": True}], [{"name": "page", "type": "number"}]
    app = make_app(hooked(headers=headers, params=params, body=TYPED))
    reply = httpx.post(
        f"{address(server, app)}?page=many",
        json={"number": "1", "count": 1.5, "yes": 1, "thing": [], "words": ["a", 1], "things": {}},
    )
    assert errors(reply) == [
        ("/body/count", "wrong_type"),
        ("/body/number", "wrong_type"),
        ("/body/text", "required"),
        ("/body/thing", "wrong_type"),
        ("/body/things", "wrong_type"),
        ("/body/words", "wrong_type"),
        ("/body/yes", "wrong_type"),
        ("/headers/X-Shop", "required"),
        ("/params/page", "wrong_type"),
    ]
    trigger = Trigger.objects.get()
    assert (trigger.fired, trigger.refused) == (0, 1)
    assert "text is required." in trigger.last_error
    assert not Run.objects.exists()


@pytest.mark.parametrize("content", [b"{", b'{"a": NaN}', b"\xff"])
def test_a_body_that_is_no_json_is_refused(server, make_app, content):
    url = address(server, make_app(hooked()))
    reply = httpx.post(url, content=content, headers={"Content-Type": "application/json"})
    assert errors(reply) == [("/body", "unreadable")]


def test_the_method_the_type_and_the_size_are_checked(server, make_app):
    url = address(server, make_app(hooked(method="PUT")))
    wrong = httpx.post(url, json={})
    assert (wrong.status_code, wrong.headers["Allow"], wrong.json()["code"]) == (405, "PUT", "method_not_allowed")
    plain = httpx.put(url, content="x", headers={"Content-Type": "text/plain"})
    assert (plain.status_code, plain.json()["code"]) == (415, "unsupported_media_type")
    large = httpx.put(url, json={"text": "x" * 1_000_001})
    assert (large.status_code, large.json()["code"]) == (413, "file_too_large")
    assert httpx.put(url, json={}).status_code == 200
    also = httpx.put(url, content=b"{}", headers={"Content-Type": "application/cloudevents+json; charset=utf-8"})
    assert also.status_code == 200


def test_a_form_has_texts_that_mean_values(server, make_app):
    app = make_app(hooked(content_type="application/x-www-form-urlencoded", body=TYPED, outputs=OUTPUTS))
    form = {
        "text": "bee", "number": "1.5", "count": "3", "yes": "on", "thing": '{"a": [1]}', "words": ["a", "b"],
        "things": '[{"b": null}]',
    }  # fmt: skip
    url = address(server, app)
    assert httpx.post(url, data=form).json() == GIVEN
    faults = httpx.post(url, data={"text": "", "count": "1.5", "number": "1e999", "thing": "{", "yes": "maybe"})
    assert errors(faults) == [
        ("/body/count", "wrong_type"),
        ("/body/number", "wrong_type"),
        ("/body/text", "required"),
        ("/body/thing", "wrong_type"),
        ("/body/yes", "wrong_type"),
    ]


def test_files_of_a_form_become_files_of_the_team(server, make_app, team):
    app = make_app(
        hooked(
            content_type="multipart/form-data",
            body=[
                {"name": "paper", "type": "file", "required": True},
                {"name": "more", "type": "array[file]"},
                {"name": "note"},
            ],
            outputs={
                "name": "hook.paper.name",
                "size": "hook.paper.size",
                "second": "hook.more.1.name",
                "note": "hook.note",
            },
        )
    )
    url = address(server, app)
    files = [("paper", ("a.txt", b"Bees")), ("more", ("b.txt", b"1")), ("more", ("c.txt", b"2"))]
    reply = httpx.post(url, data={"note": "x"}, files=files)
    assert reply.json() == {"name": "a.txt", "size": 4, "second": "c.txt", "note": "x"}
    assert {(file.team_id, file.source, file.application_id) for file in File.objects.all()} == {
        (team.id, "trigger", app.id)
    }
    assert errors(httpx.post(url, data={"paper": "no file"}, files=[("note", ("n.txt", b"n"))])) == [
        ("/body/note", "wrong_type"),
        ("/body/paper", "wrong_type"),
    ]


def test_a_text_and_a_binary_body_are_one_value(server, make_app):
    text = make_app(hooked("Text", content_type="text/plain", body=[{"name": "said"}], outputs={"said": "hook.said"}))
    reply = httpx.post(address(server, text), content="蜂王".encode(), headers={"Content-Type": "text/plain"})
    assert reply.json() == {"said": "蜂王"}
    kind = "application/octet-stream"
    binary = make_app(
        hooked("Binary", content_type=kind, body=[{"name": "it", "type": "file"}], outputs={"size": "hook.it.size"})
    )
    content = bytes(range(256)) * 8_000  # more than is kept in memory
    reply = httpx.post(address(server, binary), content=content, headers={"Content-Type": kind})
    assert reply.json() == {"size": len(content)}


def test_a_get_has_parameters_and_no_body(server, make_app):
    app = make_app(hooked(method="GET", params=[{"name": "q", "required": True}], outputs={"q": "hook.q"}))
    assert httpx.get(address(server, app), params={"q": "1"}).json() == {"q": "1"}
    assert httpx.get(address(server, app).rstrip("/"), params={"q": "2"}).json() == {"q": "2"}


def test_no_value_can_change_the_form_of_an_answer_that_is_json(server, make_app):
    respond = {"body": '{"said": "It is {{ hook.text }}", "as_it_is": {{ hook.text }}, "none": {{ hook.more }}}'}
    app = make_app(hooked(body=[{"name": "text"}, {"name": "more", "type": "object"}], respond=respond))
    nasty = 'a "quote", a \\ and\na line", "admin": true'
    reply = httpx.post(address(server, app), json={"text": nasty})
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.json() == {"said": f"It is {nasty}", "as_it_is": nasty, "none": None}


def test_the_answer_is_as_configured(server, make_app):
    respond = {"status": 201, "body": '{"id": {{ hook.id }}, "said": "{{ end.said }}"}'}
    body = [{"name": "id", "type": "integer"}]
    app = make_app(hooked(body=body, respond=respond, outputs={"said": "Got {{ hook.id }}"}))
    reply = httpx.post(address(server, app), json={"id": 5})
    assert (reply.status_code, reply.json()) == (201, {"id": 5, "said": "Got 5"})
    assert reply.headers["Content-Type"] == "application/json"
    html = make_app(hooked("Html", body=[{"name": "x"}], respond={"body": "<b>{{ hook.x }}</b>"}))
    reply = httpx.post(address(server, html), json={"x": "<script>"})
    assert (reply.text, reply.headers["Content-Type"]) == ("<b><script></b>", "text/plain; charset=utf-8")
    nothing = make_app(hooked("Nothing", respond={"status": 204}))
    reply = httpx.post(address(server, nothing), json={})
    assert (reply.status_code, reply.content) == (204, b"")


def test_an_async_webhook_answers_before_its_run_which_is_followed_with_a_key(server, make_app, key_of, empty_queue):
    app = make_app(hooked(body=[{"name": "x"}], outputs={"x": "hook.x"}, **{"async": True}))
    reply = httpx.post(address(server, app), json={"x": "later"})
    assert (reply.status_code, reply.json()["status"]) == (202, "running")
    run_id = reply.json()["run_id"]
    assert services.go_on_with_run(run_id)
    found = httpx.get(f"{server}/v1/workflows/run/{run_id}", headers=key_of(app)).json()
    assert (found["status"], found["outputs"]) == ("succeeded", {"x": "later"})
    said = {"status": 200, "body": "Thanks for {{ hook.x }}"}
    told = make_app(hooked("Told", body=[{"name": "x"}], respond=said, **{"async": True}))
    reply = httpx.post(address(server, told), json={"x": "it"})
    assert (reply.status_code, reply.text) == (200, "Thanks for it")


def test_a_run_that_fails_is_told_without_what_is_for_the_team_alone(server, make_app):
    document = hooked()
    document["nodes"].insert(1, {"id": "no", "type": "unavailable", "config": {"reason": "secret reason"}})
    document["edges"] = [{"from": "hook", "to": "no"}, {"from": "no", "to": "end"}]
    reply = httpx.post(address(server, make_app(document)), json={})
    assert (reply.status_code, reply.json()["code"]) == (500, "run_failed")
    assert reply.json()["details"] == {"run_id": str(Run.objects.get().id)}
    assert "secret reason" not in reply.text


def test_an_address_ends_when_it_is_switched_off_rotated_or_no_longer_published(server, make_app, team):
    app = make_app(hooked())
    first, trigger = address(server, app), Trigger.objects.get()

    def status(url=None):
        reply = httpx.post(url or address(server, app), json={})
        if reply.status_code == 404:
            assert reply.json() == {"code": "not_found", "message": "There is nothing here.", "status": 404}
        return reply.status_code

    assert status() == 200
    switch_trigger(trigger, is_enabled=False)
    assert status() == 404
    switch_trigger(trigger, is_enabled=True)
    rotate_address(trigger)
    assert (status(first), status()) == (404, 200)
    second = address(server, app)
    hookless = WORKFLOW.replace("name: Shout", "name: Hooked")
    make_app(hookless)
    assert status(second) == 404
    make_app(hooked(method="PUT"))
    assert httpx.put(second, json={}).status_code == 200  # the address outlives versions
    assert status(f"{server}/hooks/{'x' * 32}/") == 404
    assert Trigger.objects.get().token_hash not in second


def test_a_key_makes_two_requests_one_run(server, make_app):
    app = make_app(hooked(body=[{"name": "x"}], outputs={"x": "hook.x", "run": "sys.run_id"}))
    url, once = address(server, app), {"Idempotency-Key": "order-7"}
    first = httpx.post(url, json={"x": "a"}, headers=once)
    again = httpx.post(url, content=b'{ "x": "a" }', headers={**once, "Content-Type": "application/json"})
    assert (again.status_code, again.json()) == (200, first.json())
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")
    other = httpx.post(url, json={"x": "b"}, headers=once)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    assert httpx.post(url, json={"x": "a"}, headers={"Idempotency-Key": "x" * 256}).status_code == 400
    assert Run.objects.count() == 1


def test_requests_with_one_key_at_one_moment_are_one_run(server, make_app):
    app = make_app(hooked(outputs={"run": "sys.run_id"}))
    url, replies = address(server, app), []

    def send():
        replies.append(httpx.post(url, json={}, headers={"Idempotency-Key": "k"}, timeout=30))

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [reply.status_code for reply in replies] == [200] * 6
    assert {reply.json()["run"] for reply in replies} == {str(Run.objects.get().id)}
    assert sorted(reply.headers.get("Idempotency-Replayed", "") for reply in replies) == ["", *["true"] * 5]


def test_headers_that_look_like_secrets_are_not_kept(server, make_app):
    url = address(server, make_app(hooked()))
    headers = {"Authorization": "Bearer hush", "X-Api-Key": "hush", "X-Hub-Signature": "hush", "X-Event": "push"}
    request = httpx.post(url, json={}, headers=headers).json()["request"]
    assert request["headers"]["X-Event"] == "push"
    assert "hush" not in json.dumps(Run.objects.get().inputs)


def test_an_app_that_only_triggers_begin_is_not_begun_otherwise(server, make_app, key_of):
    body = {"inputs": {}, "user": "ada"}
    reply = httpx.post(f"{server}/v1/workflows/run", json=body, headers=key_of(make_app(hooked())))
    assert (reply.status_code, reply.json()["code"]) == (400, "no_start_node")


def test_no_log_has_an_address(client, make_app, caplog):
    make_app(hooked(body=[{"name": "x", "required": True}]))
    token = Trigger.objects.get().read_secret()
    sent = [
        client.post(f"/hooks/{token}/", "{}", content_type=kind).status_code for kind in ("application/json", "a/b")
    ]
    assert [*sent, client.get(f"/hooks/{token}/").status_code] == [400, 415, 405]
    assert client.post("/hooks/nobody/").status_code == 404
    assert token not in caplog.text
    assert "/hooks/" not in caplog.text


def test_what_an_app_lacks_is_told_to_its_team_and_not_to_the_caller(server, make_app):
    document = hooked(outputs={"token": "hook.request"})
    document["variables"] = {"environment": [{"name": "shop_token", "type": "string"}]}
    document["nodes"].insert(
        1, {"id": "use", "type": "variable-aggregator", "config": {"variables": ["env.shop_token"]}}
    )
    document["edges"] = [{"from": "hook", "to": "use"}, {"from": "use", "to": "end"}]
    reply = httpx.post(address(server, make_app(document)), json={})
    assert (reply.status_code, reply.json()["code"]) == (503, "unavailable")
    assert "shop_token" not in reply.text
    trigger = Trigger.objects.get()
    assert (trigger.refused, "shop_token" in trigger.last_error) == (1, True)


def test_a_body_that_is_nested_too_deeply_to_keep_is_cut_and_not_a_fault_of_ours(server, make_app):
    url = address(server, make_app(hooked(body=[{"name": "o", "type": "object"}], outputs={"o": "hook.o"})))
    deep = b'{"o":' + b'{"a":' * 900 + b"1" + b"}" * 901
    reply = httpx.post(url, content=deep, headers={"Content-Type": "application/json"})
    assert reply.status_code == 200
    assert "…" in json.dumps(reply.json(), ensure_ascii=False)


def test_a_fault_of_ours_and_a_refused_address_are_noted_without_the_webhooks_address(
    client, make_app, monkeypatch, caplog
):
    def broken(*_args, **_kwargs):
        raise RuntimeError("broken")

    path = "/" + address("", make_app(hooked())).strip("/") + "/"
    assert client.post(f"{path}?a=%00", {}, content_type="application/json").status_code == 400
    monkeypatch.setattr("apps.workflows.api.hook_views.read_values", broken)
    reply = client.post(path, {}, content_type="application/json")
    assert (reply.status_code, reply.json()["code"]) == (500, "internal_error")
    assert "RuntimeError: broken" in caplog.text
    assert path.split("/")[2] not in caplog.text
