"""Examples from corrections put into a document by its editor: what the server makes of the text."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from django.test import Client
from django.urls import reverse

from accounts.models import Membership, Role, Team, User
from apps.workflows import services
from apps.workflows.dsl import dump, load, validate
from apps.workflows.models import Application
from apps.workflows.nodes.examples_wanted import asking_nodes, with_examples

pytestmark = pytest.mark.django_db(databases=["default", "traces"])


def asking(node_id: str, **config: Any) -> dict[str, Any]:
    prompt = [{"role": "user", "text": "{{ sys.query }}"}]
    return {"id": node_id, "type": "llm", "config": {"model": {"name": "default"}, "prompt": prompt, **config}}


DOCUMENT: dict[str, Any] = {
    "skep": 1,
    "app": {"name": "Handbook", "kind": "chat"},
    "nodes": [
        {"id": "start", "type": "start"},
        {**asking("reply", few_shot={"k": 2, "place": "system"}), "title": "Reply"},
        {"id": "say", "type": "answer", "config": {"text": "{{ reply.text }}"}},
    ],
    "edges": [{"from": "start", "to": "reply"}, {"from": "reply", "to": "say"}],
}


@pytest.fixture
def team(db: None) -> Team:
    return Team.objects.create(slug="bees", name="Bees")


@pytest.fixture
def app(team: Team) -> Application:
    application, _saved = services.import_document(text=yaml.safe_dump(DOCUMENT), team_id=team.id)
    return application


def sign_in(client: Client, team: Team, role: str) -> None:
    user = User.objects.create_user(username=role, password="secret-of-one")
    Membership.objects.create(team=team, user=user, role=role)
    client.force_login(user)


def test_nodes_are_found_in_containers_too_and_keep_what_else_is_set() -> None:
    inner = {"nodes": [asking("deep")], "edges": []}
    document = {"nodes": [*DOCUMENT["nodes"], {"id": "each", "type": "iteration", "config": {"body": inner}}]}
    assert [(node.id, node.title, node.path, node.k) for node in asking_nodes(document)] == [
        ("reply", "Reply", "/nodes/1", 2),
        ("deep", "deep", "/nodes/3/config/body/nodes/0", 0),
    ]
    changed = with_examples(document, "deep", k=5, token_budget=900, min_score=0.25)
    found = {node.id: node for node in asking_nodes(changed)}
    assert (found["deep"].k, found["deep"].token_budget, found["deep"].min_score) == (5, 900, 0.25)
    assert found["reply"].k == 2
    changed = with_examples(document, "reply", k=4, token_budget=None, min_score=0.0)
    assert changed["nodes"][1]["config"]["few_shot"] == {"k": 4, "place": "system"}
    assert "few_shot" not in with_examples(document, "reply", k=0, token_budget=9, min_score=0)["nodes"][1]["config"]
    assert document["nodes"][1]["config"]["few_shot"] == {"k": 2, "place": "system"}
    broken: Any = {"nodes": [7, {"type": "llm", "config": [1]}, {"type": "llm", "config": {"few_shot": "many"}}]}
    assert [node.k for node in asking_nodes(broken)] == [0, 0]


def test_the_text_with_examples_is_valid_and_is_not_saved(client: Client, team: Team, app: Application) -> None:
    sign_in(client, team, Role.EDITOR)
    address = reverse("workflows:few-shot", args=[app.slug])
    text = dump(DOCUMENT)
    (node,) = client.post(address, {"document": text}).json()["nodes"]
    assert (node["id"], node["k"], node["token_budget"]) == ("reply", 2, None)
    given = {"document": text, "node": "reply", "k": "3", "token_budget": "800", "min_score": "0.4"}
    answer = client.post(address, given).json()
    assert answer["path"] == "/nodes/1/config/few_shot"
    document = load(answer["text"])
    assert not list(validate(document))
    assert document["nodes"][1]["config"]["few_shot"] == {
        "k": 3,
        "token_budget": 800,
        "min_score": 0.4,
        "place": "system",
    }
    assert app.versions.count() == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"k": "21"}, "20"),
        ({"k": ""}, "required"),
        ({"min_score": "1.2"}, "1"),
        ({"token_budget": "0"}, "1"),
        ({"node": "gone"}, "no such node"),
        ({"document": "nodes: ["}, "cannot be read"),
        ({"document": "- 1"}, "cannot be read"),
    ],
)
def test_what_cannot_be_inserted_is_said(
    client: Client, team: Team, app: Application, change: dict[str, str], words: str
) -> None:
    sign_in(client, team, Role.EDITOR)
    given = {"document": dump(DOCUMENT), "node": "reply", "k": "3"}
    response = client.post(reverse("workflows:few-shot", args=[app.slug]), {**given, **change})
    assert response.status_code == 422
    assert words in response.content.decode()
    assert "text" not in response.json()


def test_only_editors_are_offered_it(client: Client, team: Team, app: Application) -> None:
    address = reverse("workflows:few-shot", args=[app.slug])
    sign_in(client, team, Role.VIEWER)
    assert client.post(address, {"document": dump(DOCUMENT)}).status_code == 403
    assert "data-few-shot-open" not in client.get(reverse("workflows:document", args=[app.slug])).content.decode()
