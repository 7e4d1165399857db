"""What an answer cites is kept with it, and shown wherever the answer is: also after its document is gone."""

import json

import pytest
from django.urls import reverse

from accounts.models import Membership, Role, User
from accounts.services import create_api_key
from apps.datasets.services.documents import delete_document, purge_document
from apps.workflows import services
from apps.workflows.dsl import dump
from apps.workflows.models import Message
from apps.workflows.pages.starters import starter_document
from tests.datasets.making import pdf, put

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "traces"])
FACT = "A queen lays up to two thousand eggs each day in early summer."


@pytest.fixture
def document(dataset):
    return put(dataset, "bees.pdf", pdf([["Bees live in a skep."], [FACT]])).document


@pytest.fixture
def answer(client, team, dataset, document):
    """An answer over the API that cites the second page."""
    text = dump(starter_document("retrieval", name="Ask the bees", dataset=dataset.slug))
    application, _saved = services.import_document(text=text, team_id=team.id)
    secret = create_api_key(team_id=team.id, subject_kind="app", subject_id=application.id)[1]
    asked = {"query": "How many eggs does a queen lay each day?", "inputs": {}, "user": "ada"}
    response = client.post(
        "/v1/chat-messages",
        json.dumps({**asked, "response_mode": "blocking"}),
        content_type="application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )
    assert response.status_code == 200, response.content
    return {**response.json(), "secret": secret, "application": application}


def test_a_citation_is_kept_with_its_words_when_its_document_is_gone(client, team, document, answer):
    (first, *_more) = answer["metadata"]["retriever_resources"]
    assert (first["document_name"], first["page"], first["content"]) == ("bees.pdf", 2, FACT)
    delete_document(document)
    purge_document(document.id)

    history = client.get(
        "/v1/messages",
        {"conversation_id": answer["conversation_id"], "user": "ada"},
        headers={"Authorization": f"Bearer {answer['secret']}"},
    ).json()
    assert history["data"][0]["retriever_resources"][0]["content"] == FACT

    message = Message.objects.get()
    root = User.objects.create_superuser(username="root", password="a long enough password")
    Membership.objects.create(team=team, user=root, role=Role.OWNER)
    client.force_login(root)
    passage = reverse("datasets:passage", args=[first["segment_id"]])
    for place in (
        reverse("workflows:run", args=[answer["application"].slug, message.run_id]),
        reverse("admin:workflows_conversation_change", args=[message.conversation_id]),
    ):
        page = client.get(place, follow=True).content.decode()
        assert FACT in page, place
        assert "page 2" in page
        assert passage in page
    gone = client.get(passage)
    assert gone.status_code == 404
    assert "This passage cannot be shown" in gone.content.decode()


def test_what_a_node_made_up_is_shown_without_a_link(client, team, answer):
    message = Message.objects.get()
    message.metadata["retriever_resources"] = [
        {"document_name": "made up", "content": "<b>Words</b>", "segment_id": "x"}
    ]
    message.save()
    client.force_login(User.objects.create_superuser(username="root", password="a long enough password"))
    page = client.get(reverse("admin:workflows_conversation_change", args=[message.conversation_id]), follow=True)
    assert page.status_code == 200
    assert "&lt;b&gt;Words&lt;/b&gt;" in page.content.decode()
    assert "Show it in its page" not in page.content.decode()
