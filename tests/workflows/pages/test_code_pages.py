"""Code and templates on an app's pages."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Membership, Role, Team, User
from apps.workflows import services
from apps.workflows.engine.events import ErrorInfo, NodeFailed, NodeStarted, NodeSucceeded, to_dict
from apps.workflows.models import Application, Run, RunEvent
from console import demo

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    return Team.objects.create(slug="acme", name="Acme")


@pytest.fixture
def client(team: Team) -> Client:
    user = User.objects.create_user("ada", password="irrelevant here")
    Membership.objects.create(team=team, user=user, role=Role.EDITOR)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def app(team: Team) -> Application:
    text = next(text for text in demo.app_documents() if "type: code" in text)
    application, saved = services.import_document(text=text, team_id=team.id)
    assert saved.warnings == []
    return application


def test_the_apps_page_shows_code_and_templates_as_they_are_written(client: Client, app: Application) -> None:
    page = client.get(f"/apps/{app.slug}/").content.decode()
    assert "def main(lines, tax, discount):" in page
    assert "{{ customer | trim or &quot;a customer&quot; }}" in page
    assert page.count("icon-code") >= 2  # in the drawing and over its text
    assert "inputs.lines" in page
    assert "array[object]" in page


def test_a_run_shows_the_code_what_it_printed_and_where_it_failed(client: Client, app: Application) -> None:
    trace = 'Traceback (most recent call last):\n  File "main.py", line 16, in read\nValueError: <Line 2>\n'
    run = Run.objects.create(
        team=app.team, application=app, version=app.live, source="api", status="failed", started_at=timezone.now()
    )
    process = {"stdout": "3 lines <read>", "usage": {"wall_ms": 12.5, "cpu_ms": 4.0, "peak_kb": 9_000}}
    events = [
        NodeStarted(at=1.0, node_id="sums", node_type="code", title="Add it up", index=1),
        NodeFailed(
            at=2.0,
            node_id="sums",
            error=ErrorInfo(code="code_error", message="ValueError: <Line 2> (line 16)", details={"line": 16}),
            process={**process, "traceback": trace},
        ),
        NodeStarted(at=3.0, node_id="page", node_type="template-transform", title="Write the invoice", index=2),
        NodeSucceeded(at=4.0, node_id="page", outputs={"output": "x"}, process={"usage": process["usage"]}),
    ]
    for seq, event in enumerate(events, start=1):
        RunEvent.objects.create(run=run, seq=seq, last_seq=seq, kind=event.kind, payload=to_dict(event))
    page = client.get(f"/apps/{app.slug}/runs/{run.id}/").content.decode()
    for text in (
        "File &quot;main.py&quot;, line 16, in read",
        "3 lines &lt;read&gt;",
        "code_error",
        "ValueError: &lt;Line 2&gt; (line 16)",
        "def main(lines, tax, discount):",
        "In the sandbox: 12 ms",
        "9.2 MB of memory",
    ):
        assert text in page, text
    assert "<Line 2>" not in page
    bad = re.findall(r'class="numbered-line numbered-bad">([^<]*)<', page)
    assert bad == [
        "    return {&quot;count&quot;: count, &quot;name&quot;: match[2], &quot;price&quot;: str(cents(price)), "
        "&quot;sum&quot;: str(cents(count * price))}\n"
    ]


def test_a_run_of_a_version_that_means_nothing_any_more_still_has_its_page(client: Client, app: Application) -> None:
    run = Run.objects.create(team=app.team, application=app, version=app.live, source="api", started_at=timezone.now())
    for nodes in ("nonsense", None, [3, {"type": "code", "id": "x"}]):
        type(app.live).objects.filter(id=app.live_id).update(document={**app.live.document, "nodes": nodes})
        assert client.get(f"/apps/{app.slug}/runs/{run.id}/").status_code == 200
