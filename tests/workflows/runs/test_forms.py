"""Questions by e-mail: who gets a letter, what its link opens, and what it says when there is nothing to answer."""

from __future__ import annotations

import datetime as dt
import re
import smtplib
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.mail.backends.locmem import EmailBackend as LocmemBackend
from django.core.mail.message import sanitize_address
from django.test import Client
from django.utils import timezone

from apps.workflows.models import File, Run, Wait
from apps.workflows.pages import public_form
from apps.workflows.services import deliver_questions, give_up_waiting, go_on_with_runs, reply_to, stop_run
from apps.workflows.services.deliver import form_link
from tests.workflows.runs.conftest import KeyOf, MakeApp

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "traces"])

FIELDS = [
    {"name": "note", "type": "paragraph", "label": "Note", "default": "for {{ inputs.sum }}"},
    {"name": "amount", "type": "number", "label": "Amount", "required": True},
    {"name": "kind", "type": "select", "options": ["cash", "card"]},
    {"name": "sure", "type": "boolean", "label": "Sure"},
    {"name": "proof", "type": "files", "label": "Proof"},
]


def asking(**config: Any) -> dict[str, Any]:
    """A workflow that asks two people by e-mail."""
    ask = {
        "form": "Pay **{{ inputs.sum }}**?",
        "fields": FIELDS,
        "actions": [{"id": "yes", "title": "Pay", "style": "primary"}, {"id": "no", "title": "Do not"}],
        "timeout": "2d",
        "deliver": [
            {"kind": "email", "to": ["{{ inputs.boss }}", "cy@example.org"], "subject": "Pay {{ inputs.sum }}?"}
        ],
        **config,
    }
    outputs = {name: f"ask.{name}" for name in ("action", "note", "amount", "kind", "sure", "proof")}
    return {
        "skep": 1,
        "app": {"name": "Approval", "kind": "workflow"},
        "inputs": [
            {"name": "sum", "type": "number", "default": 100},
            {"name": "boss", "type": "text", "default": "ben@example.org"},
        ],
        "nodes": [
            {"id": "start", "type": "start"},
            {"id": "ask", "type": "human-input", "title": "May we?", "config": ask},
            {"id": "end", "type": "end", "config": {"outputs": outputs}},
        ],
        "edges": [
            {"from": "start", "to": "ask"},
            *({"from": "ask", "to": "end", "when": way} for way in ("yes", "no", "timeout")),
        ],
    }


@pytest.fixture
def run_of(server: str, make_app: MakeApp, key_of: KeyOf) -> Any:
    """Begin a run of a document and let it come to its question."""

    def begin(document: dict[str, Any], **inputs: Any) -> Run:
        headers = key_of(make_app(document))
        body = {"inputs": inputs, "user": "ada", "response_mode": "blocking"}
        httpx.post(f"{server}/v1/workflows/run", json=body, headers=headers, timeout=30)
        return Run.objects.get()

    return begin


def path_in(message: Any) -> str:
    found = re.search(r"http://localhost:8000(/forms/\S+)", message.body)
    assert found is not None
    return found[1]


def answer_of(wait: Wait, **values: Any) -> dict[str, Any]:
    """What a browser sends."""
    prefix = f"q{wait.id.hex[-8:]}"
    action = values.pop("action", "yes")
    return {"action": action, **{f"{prefix}-{name}": value for name, value in values.items()}}


def test_everybody_named_gets_one_letter_with_a_link_that_works_once(run_of: Any, client: Client) -> None:
    run = run_of(asking(), sum=7)
    assert run.status == "paused"
    assert (deliver_questions(), deliver_questions()) == (1, 0)
    assert [message.to for message in mail.outbox] == [["ben@example.org"], ["cy@example.org"]]
    assert {message.subject for message in mail.outbox} == {"Pay 7?"}
    path, wait = path_in(mail.outbox[0]), Wait.objects.get()
    page = client.get(path)
    assert (page.status_code, page["Referrer-Policy"]) == (200, "same-origin")
    assert "Pay **7**?" in page.text
    assert "for 7" in page.text
    proof = SimpleUploadedFile("proof.txt", b"honey", "text/plain")
    done = client.post(path, answer_of(wait, note="ok", amount="7.5", kind="card", sure="on", proof=[proof]))
    assert (done.status_code, "has arrived" in done.text) == (200, True)
    again = client.post(path, answer_of(wait, amount="1", action="no"))
    assert (again.status_code, "This has been answered" in again.text) == (410, True)
    go_on_with_runs()
    run.refresh_from_db()
    assert {name: run.outputs[name] for name in ("action", "note", "amount", "kind", "sure")} == {
        "action": "yes", "note": "ok", "amount": 7.5, "kind": "card", "sure": True,
    }  # fmt: skip
    assert run.outputs["proof"][0]["name"] == "proof.txt"
    file = File.objects.get()
    assert (file.team_id, file.end_user) == (run.team_id, "ada")
    wait.refresh_from_db()
    assert wait.answered_by == "ben@example.org"


def test_what_does_not_fit_is_said_beside_its_field(run_of: Any, client: Client) -> None:
    run_of(asking())
    wait = Wait.objects.get()
    path = f"/forms/{wait.token}/"
    empty = client.post(path, answer_of(wait, note="kept as written"))
    assert empty.status_code == 422
    assert "This field is required." in empty.text
    assert "kept as written" in empty.text
    wrong = client.post(path, answer_of(wait, amount="many", kind="gold"))
    assert "Enter a number." in wrong.text
    assert "Select a valid choice" in wrong.text
    other = client.post(path, answer_of(wait, amount="1", action="perhaps"))
    assert "action must be one of" in other.text
    wait.refresh_from_db()
    assert wait.answered_at is None


def test_a_form_says_that_its_time_is_over_or_its_run_was_stopped(run_of: Any, client: Client) -> None:
    run = run_of(asking())
    wait = Wait.objects.get()
    path = f"/forms/{wait.token}/"
    assert client.get("/forms/nothing/").status_code == 404
    Wait.objects.update(until=timezone.now() - dt.timedelta(seconds=1))
    late = client.post(path, answer_of(wait, amount="1"))
    assert (late.status_code, "The time for this is over" in late.text) == (410, True)
    Wait.objects.update(until=timezone.now() + dt.timedelta(days=1))
    stop_run(run)
    stopped = client.get(path)
    assert (stopped.status_code, "not needed any more" in stopped.text) == (410, True)
    assert deliver_questions() == 0
    assert not mail.outbox


def test_a_question_that_timed_out_says_so(run_of: Any, client: Client) -> None:
    run = run_of(asking())
    wait = Wait.objects.get()
    Wait.objects.update(until=timezone.now() - dt.timedelta(seconds=1))
    give_up_waiting()
    assert "The time for this is over" in client.get(f"/forms/{wait.token}/").text
    go_on_with_runs()
    run.refresh_from_db()
    assert run.outputs["action"] == "timeout"


def test_a_letter_that_cannot_be_sent_is_tried_again(run_of: Any, settings: Any) -> None:
    run_of(asking())
    sends = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    assert deliver_questions() == 0
    wait = Wait.objects.get()
    assert (wait.delivery, wait.delivery_attempts, wait.delivery_error) == ("due", 1, "EMAIL_HOST is not set.")
    settings.EMAIL_BACKEND = sends
    assert deliver_questions() == 1


class _RefusesBen(LocmemBackend):
    """A mail server that does not know one person."""

    def send_messages(self, messages: Any) -> int:
        for message in messages:
            if message.to == ["ben@example.org"]:
                raise smtplib.SMTPRecipientsRefused({"ben@example.org": (550, b"nobody here")})
        return super().send_messages(messages)


def test_an_address_that_is_refused_keeps_no_letter_from_others_and_repeats_none(run_of: Any, settings: Any) -> None:
    run_of(asking())
    wait = Wait.objects.get()
    Wait.objects.update(delivery=Wait.Delivery.DUE, asks={**wait.asks, "sent": []})
    mail.outbox.clear()
    settings.EMAIL_BACKEND = f"{__name__}._RefusesBen"
    for _ in range(3):
        assert deliver_questions() == 0
    assert [message.to for message in mail.outbox] == [["cy@example.org"]]
    wait.refresh_from_db()
    assert (wait.delivery, wait.delivery_error) == (Wait.Delivery.DUE, "SMTPRecipientsRefused")
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert deliver_questions() == 1
    assert [message.to for message in mail.outbox] == [["cy@example.org"], ["ben@example.org"]]


def test_a_letter_that_can_never_be_written_holds_up_nobody_elses(run_of: Any, settings: Any) -> None:
    run = run_of(asking())
    first = Wait.objects.get()
    asks = {**first.asks, "letters": [{"to": ["(a@example.org"], "subject": ""}], "sent": []}
    Wait.objects.filter(id=first.id).update(delivery=Wait.Delivery.DUE, asks=asks)
    facts = {"team_id": run.team_id, "run": run, "node_id": "other", "delivery": Wait.Delivery.DUE}
    Wait.objects.create(asks={**first.asks, "sent": []}, **facts)
    mail.outbox.clear()
    settings.EMAIL_BACKEND = f"{__name__}._Strict"
    assert deliver_questions() == 1
    assert [message.to for message in mail.outbox] == [["ben@example.org"], ["cy@example.org"]]
    first.refresh_from_db()
    assert (first.delivery, first.delivery_error) == (Wait.Delivery.DUE, "ValueError")


class _Strict(LocmemBackend):
    """Reads addresses as the real one does."""

    def send_messages(self, messages: Any) -> int:
        for message in messages:
            sanitize_address(message.to[0], "utf-8")
        return super().send_messages(messages)


@pytest.mark.parametrize(
    "address",
    ["(a@example.org", "a[b@example.org", ":@example.org", "a)@example.org", f"a@{'x' * 64}.org", "a\x00@b.org"],
)
def test_an_address_that_no_letter_could_have_fails_the_node(run_of: Any, address: str) -> None:
    run = run_of(asking(), boss=address)
    assert (run.status, run.error["code"]) == ("failed", "bad_address")


def test_an_address_that_is_none_fails_the_node(run_of: Any) -> None:
    run = run_of(asking(), boss="ben at example")
    assert run.error is not None
    assert (run.status, run.error["code"], run.error["node_id"]) == ("failed", "bad_address", "ask")


def test_the_name_in_a_link_cannot_be_made_up(run_of: Any, client: Client) -> None:
    run_of(asking())
    wait = Wait.objects.get()
    path = f"/forms/{wait.token}/"
    stranger = form_link(wait, "eve@example.org").partition("localhost:8000")[2]  # signed, but never sent
    assert client.get(stranger).status_code == 200
    client.post(stranger, answer_of(wait, amount="1"))
    wait.refresh_from_db()
    assert wait.answered_by == "somebody with the link"
    assert client.post(path + "?for=ben@example.org").status_code == 410


def test_several_questions_of_one_run_each_have_a_form(run_of: Any, client: Client) -> None:
    document = asking(fields=[], deliver=[{"kind": "email", "to": ["ben@example.org"]}])
    ask = document["nodes"][1]
    document["nodes"].append({**ask, "id": "also", "title": "And that?"})
    document["edges"].append({"from": "start", "to": "also"})
    document["nodes"][2]["config"]["outputs"] = {"action": "ask.action"}
    run = run_of(document)
    assert deliver_questions() == 2
    first, second = Wait.objects.order_by("id")
    client.post(f"/forms/{second.token}/", answer_of(second, action="no"))
    go_on_with_runs()
    run.refresh_from_db()
    assert run.status == "paused"
    reply_to(first, {"action": "yes"}, by="ben")
    go_on_with_runs()
    run.refresh_from_db()
    assert run.status == "succeeded"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("amount", value) for value in ("nan", "inf", "9" * 400, True, [])),
        *(("kind", value) for value in ({}, 0, False, [], "bank")),
        *(("proof", value) for value in (0, {}, "x")),
        *(("note", value) for value in (0, {}, [], "x" * 100_001)),
        *(("sure", value) for value in (0, {}, [], "nan")),
    ],
)
def test_the_api_takes_no_reply_that_its_field_could_not_have(
    run_of: Any, key_of: KeyOf, server: str, name: str, value: Any
) -> None:
    run = run_of(asking())
    wait = Wait.objects.get()
    body = {"action": "yes", "inputs": {"amount": 1, name: value}, "user": "ada"}
    url = f"{server}/v1/form/human_input/{wait.token}"
    refused = httpx.post(url, json=body, headers=key_of(run.application), timeout=30)
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_param")
    wait.refresh_from_db()
    assert wait.answered_at is None


def kept_on_disk(settings: Any) -> list[Path]:
    folder = Path(settings.MEDIA_ROOT) / "run-files"
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_reply_that_is_refused_leaves_no_file_behind(
    run_of: Any, client: Client, settings: Any, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path
    run = run_of(asking(fields=[*FIELDS, {"name": "more", "type": "files"}]))
    wait = Wait.objects.get()
    path = f"/forms/{wait.token}/"

    def sent(size: int, *, action: str = "yes", name: str = "proof.bin") -> Any:
        given = {each: [SimpleUploadedFile(name, each[:1].encode() * size)] for each in ("proof", "more")}
        return client.post(path, answer_of(wait, amount="1", action=action, **given))

    wrong = sent(3_000, action="perhaps")
    assert (wrong.status_code, "action must be one of" in wrong.text) == (422, True)
    big = sent(8 * 1024 * 1024)  # either field alone would do
    assert (big.status_code, "over the limit of 15 MB" in big.text) == (422, True)
    settings.MAX_UPLOAD_BYTES = 2_000
    assert sent(3_000).status_code == 422
    stop_run(run)
    assert sent(300).status_code == 410
    assert (File.objects.count(), kept_on_disk(settings)) == (0, [])


def test_who_is_a_moment_late_with_files_keeps_none(
    run_of: Any, client: Client, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MEDIA_ROOT = tmp_path
    run_of(asking())
    wait = Wait.objects.get()
    opened = public_form.open_wait

    def then_somebody_replies(token: str) -> Wait:
        found = opened(token)
        reply_to(found, {"action": "no"}, by="ben")
        return found

    monkeypatch.setattr(public_form, "open_wait", then_somebody_replies)
    late = client.post(
        f"/forms/{wait.token}/", answer_of(wait, amount="1", proof=[SimpleUploadedFile("proof.txt", b"honey")])
    )
    assert late.status_code == 410
    assert (File.objects.count(), kept_on_disk(settings)) == (0, [])
