"""Values that a document names and does not hold: set by people, used by runs, secret where they are secrets."""

from __future__ import annotations

import io
import json
from itertools import pairwise
from typing import Any

import httpx
import pytest
from django.core.management import call_command
from django.test import Client

from accounts.models import Membership, Role, Team, User
from apps.traces.models import Span, Trace
from apps.traces.services.rebuild_trace import rebuild_trace
from apps.workflows import services
from apps.workflows.engine.events import NodeSucceeded, RunStarted
from apps.workflows.models import EnvironmentValue, ReplacedSecret, Run
from apps.workflows.selectors.events import stored_events
from providers.services import rotate_encryption_keys
from tests.workflows.conftest import Application
from tests.workflows.runs.conftest import KeyOf, MakeApp
from tests.workflows.talking import eventually

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "traces"])

SECRET = "tok-4711-honey"


def calling(*environment: dict[str, Any]) -> dict[str, Any]:
    """A workflow that passes what its environment holds through a node, and returns what is no secret."""
    nodes = [
        {"id": "start", "type": "start"},
        {"id": "pass", "type": "variable-aggregator", "config": {"variables": ["env.token"]}},
        {"id": "where", "type": "variable-aggregator", "config": {"variables": ["env.region"]}},
        {"id": "end", "type": "end", "config": {"outputs": {"region": "where.output", "has": "sys.app_id"}}},
    ]
    declared = [{"name": "token", "type": "secret"}, {"name": "region", "type": "string", "default": "eu"}]
    return {
        "skep": 1,
        "app": {"name": "Calling", "kind": "workflow"},
        "variables": {"environment": [*declared, *environment]},
        "nodes": nodes,
        "edges": [{"from": one["id"], "to": other["id"]} for one, other in pairwise(nodes)],
    }


def run_it(server: str, headers: dict[str, str], mode: str = "blocking") -> httpx.Response:
    body = {"inputs": {}, "user": "ada", "response_mode": mode}
    return httpx.post(f"{server}/v1/workflows/run", json=body, headers=headers, timeout=30)


def test_a_run_without_its_secret_is_refused_before_it_begins(server: str, make_app: MakeApp, key_of: KeyOf) -> None:
    headers = key_of(make_app(calling({"name": "unused", "type": "secret"})))
    refused = run_it(server, headers)
    assert (refused.status_code, refused.json()["code"]) == (400, "environment_incomplete")
    assert refused.json()["details"] == {"missing": ["token"]}
    assert not Run.objects.exists()


def test_runs_use_values_and_nobody_sees_the_secret(server: str, make_app: MakeApp, key_of: KeyOf) -> None:
    application = make_app(calling())
    headers = key_of(application)
    services.set_environment_value(application, name="token", value=SECRET)
    services.set_environment_value(application, name="region", value="us")
    assert SECRET not in EnvironmentValue.objects.get(name="token").encrypted_secret
    streamed = run_it(server, headers, "streaming")
    assert '"region":"us"' in streamed.text.replace(" ", "")
    assert "•••" in streamed.text
    assert SECRET not in streamed.text
    run = Run.objects.get()
    trace = eventually(lambda: Trace.objects.filter(run_id=run.id).first())
    for _ in range(2):  # as it was recorded, and as it is made again from the log
        told = json.dumps(list(Span.objects.filter(trace_id=trace.pk).values()), default=str, ensure_ascii=False)
        assert "us" in told
        assert SECRET not in told
        rebuild_trace(run.id)
    # The log keeps what nodes pass on, for whoever takes the run over; but nothing that is only there to be looked at.
    passed = next(e for _, e in stored_events(run.id) if isinstance(e, NodeSucceeded) and e.node_id == "pass")
    assert passed.outputs == {"output": SECRET}
    assert SECRET not in json.dumps([passed.inputs, passed.process])


@pytest.mark.parametrize("change", ["replace", "clear"])
def test_a_secret_that_was_changed_stays_covered_up_in_earlier_runs(
    server: str, make_app: MakeApp, key_of: KeyOf, member: User, client: Client, change: str
) -> None:
    document = calling()
    document["nodes"][3]["config"]["outputs"]["token"] = "pass.output"
    application = make_app(document)
    headers = key_of(application)
    services.set_environment_value(application, name="token", value=SECRET)
    services.set_environment_value(application, name="token", value=SECRET)
    run_it(server, headers)
    run = Run.objects.get()
    trace = eventually(lambda: Trace.objects.filter(run_id=run.id).first())
    if change == "replace":
        for other in ("tok-other-bread", SECRET, "tok-other-bread"):
            services.set_environment_value(application, name="token", value=other)
    else:
        services.clear_environment_value(application, name="token")
    assert ReplacedSecret.objects.count() == (2 if change == "replace" else 1)
    assert SECRET not in json.dumps(list(ReplacedSecret.objects.values()), default=str)
    assert rotate_encryption_keys()[1] == 0
    client.force_login(member)
    page = client.get(f"/apps/{application.slug}/runs/{run.id}/")
    assert (page.status_code, "•••" in page.text, SECRET in page.text) == (200, True, False)
    rebuild_trace(run.id)
    told = json.dumps(list(Span.objects.filter(trace_id=trace.pk).values()), default=str, ensure_ascii=False)
    assert ("•••" in told, SECRET in told) == (True, False)


def test_the_page_takes_a_secret_and_never_shows_it(make_app: MakeApp, member: User, client: Client) -> None:
    application = make_app(calling({"name": "limits", "type": "object", "default": {"a": 1}}))
    client.force_login(member)
    url = f"/apps/{application.slug}/environment/"
    page = client.get(url)
    assert "Not set" in page.text
    assert "Environment" in client.get(f"/apps/{application.slug}/").text
    after = client.post(f"{url}token/", {"value": SECRET}, follow=True)
    assert SECRET not in after.text
    assert "Not set" not in after.text
    wrong = client.post(f"{url}limits/", {"value": "[1, 2]"}, follow=True)
    assert "limits must be of the type object" in wrong.text
    assert "No version of this app" in client.post(f"{url}nothing/", {"value": "1"}, follow=True).text
    client.post(f"{url}limits/", {"value": '{"a": 2}'})
    assert EnvironmentValue.objects.get(name="limits").value == {"a": 2}
    cleared = client.post(f"{url}token/clear/", follow=True)
    assert "Not set" in cleared.text
    assert not EnvironmentValue.objects.filter(name="token").exists()


def test_only_members_who_may_edit_get_there(make_app: MakeApp, team: Team, client: Client) -> None:
    application = make_app(calling())
    url = f"/apps/{application.slug}/environment/"
    reader = User.objects.create_user(username="rob", password="x")
    client.force_login(reader)
    assert client.post(f"{url}token/", {"value": SECRET}).status_code == 404
    Membership.objects.create(team=team, user=reader, role=Role.VIEWER)
    assert client.post(f"{url}token/", {"value": SECRET}).status_code == 403
    assert not EnvironmentValue.objects.exists()


def test_the_shell_reads_a_value_from_standard_input(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    application = make_app(calling())
    monkeypatch.setattr("sys.stdin", io.StringIO(SECRET + "\n"))
    out = io.StringIO()
    call_command("set_environment", application.slug, "token", stdout=out)
    assert SECRET not in out.getvalue()
    assert json.loads(out.getvalue())[0] == {"name": "token", "type": "secret", "set": True, "missing": False}
    assert EnvironmentValue.objects.get(name="token").read_secret() == SECRET
    call_command("set_environment", application.slug, "token", "--clear", stdout=out)
    assert not EnvironmentValue.objects.exists()


def test_a_change_of_the_encryption_key_takes_the_secrets_along(make_app: MakeApp) -> None:
    application = make_app(calling())
    row = services.set_environment_value(application, name="token", value=SECRET)
    before = row.encrypted_secret
    assert rotate_encryption_keys() == (1, 0)
    row.refresh_from_db()
    assert row.encrypted_secret != before
    assert row.read_secret() == SECRET


def test_a_document_holds_no_secret_and_is_warned_of_showing_one() -> None:
    document = calling()
    document["variables"]["environment"][0]["default"] = SECRET
    document["nodes"][-1]["config"]["outputs"]["told"] = "env.token"
    found = {(p.path, p.code, p.severity) for p in services.check_document(document, team_id=Team().id)}
    assert ("/variables/environment/0/default", "secret_in_document", "error") in found
    assert ("/nodes/3/config/outputs/told", "secret_shown", "warning") in found


def test_what_sys_holds_is_recorded(server: str, make_app: MakeApp, key_of: KeyOf) -> None:
    document: dict[str, Any] = {
        "skep": 1,
        "app": {"name": "Turns", "kind": "chat"},
        "nodes": [
            {"id": "start", "type": "start"},
            {"id": "say", "type": "answer", "config": {"text": "{{ sys.dialogue_count }} {{ sys.workflow_id }}"}},
        ],
        "edges": [{"from": "start", "to": "say"}],
    }
    application: Application = make_app(document)
    headers = key_of(application)
    body: dict[str, Any] = {"query": "hi", "inputs": {}, "user": "ada", "response_mode": "blocking"}
    first = httpx.post(f"{server}/v1/chat-messages", json=body, headers=headers, timeout=30).json()
    assert application.live is not None
    assert first["answer"] == f"1 {application.live.id}"
    body["conversation_id"] = first["conversation_id"]
    second = httpx.post(f"{server}/v1/chat-messages", json=body, headers=headers, timeout=30).json()
    assert second["answer"].startswith("2 ")
    run = Run.objects.first()
    assert run is not None
    begun = next(event for _, event in stored_events(run.id) if isinstance(event, RunStarted))
    assert begun.sys == {
        "run_id": str(run.id),
        "app_id": str(application.id),
        "workflow_id": str(application.live.id),
        "user": "ada",
        "conversation_id": first["conversation_id"],
        "dialogue_count": 2,
        "timestamp": int(run.started_at.timestamp()),
    }
