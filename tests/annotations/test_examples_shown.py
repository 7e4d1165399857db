"""The list of few-shot examples says which nodes show them, and leads to where that is changed."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from django.test import Client
from django.urls import reverse

from accounts.models import Team, User
from apps.annotations import services
from apps.workflows import services as workflows
from apps.workflows.models import Application
from tests.annotations.conftest import make_app
from tests.workflows.pages.test_few_shot import DOCUMENT, asking

pytestmark = pytest.mark.django_db(databases=["default", "traces"])


def shown(client: Client, **asked: Any) -> str:
    address = reverse("admin:annotations_fewshotexample_changelist")
    return " ".join(client.get(address, asked).content.decode().split())


def with_node(node: dict[str, Any]) -> dict[str, Any]:
    nodes = [{**node, "id": "reply", "title": "Reply"} if each["type"] == "llm" else each for each in DOCUMENT["nodes"]]
    return {**DOCUMENT, "nodes": nodes}


def test_the_list_says_who_shows_its_examples(
    client: Client, team: Team, operator: User, django_assert_max_num_queries: Any
) -> None:
    made, _saved = workflows.import_document(text=yaml.safe_dump(with_node(asking("reply"))), team_id=team.id)
    app = Application.objects.get(id=made.id)
    client.force_login(operator)
    assert "examples-shown" not in shown(client)
    for number in range(2):
        services.add_example(team_id=team.id, application_id=app.id, question=f"Q {number}?", answer="A", by=operator)
    assert "No node shows examples yet" in shown(client)
    assert f'href="{reverse("workflows:document", args=[app.slug])}#examples"' in shown(client)
    saved = workflows.save_version(application=app, document=with_node(asking("reply", few_shot={"k": 4})))
    assert "“Reply” shows examples in the draft." in shown(client)
    app.refresh_from_db()
    workflows.publish_version(application=app, version=saved.version)
    with django_assert_max_num_queries(30):
        assert "“Reply” shows its model up to 4 examples." in shown(client)
    mute = make_app(team, slug="mute")
    services.add_example(team_id=team.id, application_id=mute.id, question="Q?", answer="A", by=operator)
    assert "The app asks no model" in shown(client)
    only = shown(client, app=str(mute.id))
    assert "up to 4" not in only
    wasps = make_app(Team.objects.create(slug="wasps", name="Wasps"), slug="nest")
    services.add_example(team_id=wasps.team_id, application_id=wasps.id, question="Q?", answer="A", by=operator)
    assert "Nest" not in shown(client)
