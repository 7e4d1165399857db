"""The page of a run as its members read it: steps in words, long texts by their beginning, the rest folded away."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Membership, Role, Team, User
from apps.workflows import services
from apps.workflows.engine.events import ErrorInfo, Event, NodeFailed, NodeStarted, NodeSucceeded, to_dict
from apps.workflows.models import Application, Run, RunEvent
from apps.workflows.pages.shown_values import BEGINNING, MOST
from console import demo

pytestmark = pytest.mark.django_db
REFUSED = "The model <m> is not there."


@pytest.fixture
def app() -> Application:
    team = Team.objects.create(slug="acme", name="Acme")
    return services.import_document(text=next(iter(demo.app_documents())), team_id=team.id)[0]


def page_of(client: Client, app: Application, *events: Event, **facts: object) -> str:
    """The page of a run of these events, as a viewer of the team opens it."""
    user = User.objects.create_user("vera", password="irrelevant here")
    Membership.objects.create(team=app.team, user=user, role=Role.VIEWER)
    client.force_login(user)
    values = {"source": "api", "status": "succeeded", "started_at": timezone.now(), **facts}
    run = Run.objects.create(team=app.team, application=app, version=app.live, **values)
    for seq, event in enumerate(events, start=1):
        RunEvent.objects.create(run=run, seq=seq, last_seq=seq, kind=event.kind, payload=to_dict(event))
    answer = client.get(f"/apps/{app.slug}/runs/{run.id}/")
    assert answer.status_code == 200
    return answer.content.decode()


def asked(outputs: dict[str, object], **process: object) -> list[Event]:
    return [
        NodeStarted(at=1.0, node_id="ask", node_type="llm", title="Ask the model", index=1),
        NodeSucceeded(at=2.5, node_id="ask", outputs=outputs, process=process, elapsed=1.5),
    ]


def test_each_step_says_how_it_went_how_long_it_took_and_what_went_wrong(client: Client, app: Application) -> None:
    failed = NodeFailed(
        at=4.0, node_id="say", error=ErrorInfo(code="model_not_found", message=REFUSED), process={}, elapsed=0.5
    )
    began = NodeStarted(at=3.0, node_id="say", node_type="llm", title="Say it", index=2)
    page = page_of(client, app, *asked({"text": "Yes."}), began, failed, status="failed")
    heads = [" ".join(re.sub(r"<[^>]+>", " ", head).split()) for head in re.findall(r"<summary>(.*?)</summary>", page)]
    first, second = (next(head for head in heads if head.startswith(name)) for name in ("Ask the model", "Say it"))
    assert ("1.50 s" in first, "Succeeded" in first) == (True, True)
    assert ("The model &lt;m&gt; is not there." in second, "Failed" in second) == (True, True)
    assert "<m>" not in page


def test_what_only_machines_need_is_folded_away(client: Client, app: Application) -> None:
    outputs = {"text": "Yes.", "usage": {"total_tokens": 7}, "finish_reason": "stop", "citations": []}
    page = page_of(client, app, *asked(outputs))
    shown, folded = page.split('class="fold run-rest"')
    assert "Yes." in shown
    assert "finish_reason" not in shown
    assert "3 more values" in folded
    assert "finish_reason" in folded


def test_a_very_long_text_is_shown_by_its_beginning(client: Client, app: Application) -> None:
    text = "honey " * 180_000
    page = page_of(client, app, *asked({"text": text}), outputs={"letter": text})
    assert len(page) < 4 * MOST
    assert page.count(f"{MOST - BEGINNING:,} more characters") == 2
    assert f"{len(text) - MOST:,} characters are left out here." in page


def test_a_long_prompt_is_folded_too(client: Client, app: Application) -> None:
    page = page_of(client, app, *asked({"text": "Yes."}, messages=[{"role": "system", "text": "p" * (BEGINNING + 7)}]))
    assert "7 more characters" in page
