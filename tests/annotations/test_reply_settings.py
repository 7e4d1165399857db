"""Annotation reply set over the service API, and answers that move to another embedding model."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from accounts.models import Team
from apps.annotations import services
from apps.annotations.models import Annotation, ReplyJob, ReplySetting
from apps.annotations.services import embedding_jobs
from apps.annotations.services.embedding_jobs import embed_answers
from apps.annotations.services.indexing import index_large_stores
from apps.workflows.models import Application
from tests.annotations.conftest import QUESTION, RIGHT, make_app, make_turn
from tests.annotations.test_feedback import bearer

URL = "/v1/apps/annotation-reply"
NEAR = "How often should one inspect a hive in early spring?"


def switch(client: Any, app: Application, action: str, **body: Any) -> Any:
    return client.post(f"{URL}/{action}", body, content_type="application/json", headers=bearer(app))


def status(client: Any, app: Application, action: str, job_id: str) -> Any:
    return client.get(f"{URL}/{action}/status/{job_id}", headers=bearer(app))


class TurnedEmbedder:
    """An embedder of a space of its own: the built-in one, read backwards. Says when it is at work."""

    def __init__(self, *, fails: bool = False) -> None:
        from model_runtime.providers.hashing import HashingEmbedder

        self._inner, self.fails, self.asked = HashingEmbedder(), fails, 0
        self.name, self.space = "turned", "turned/1"
        self.dim, self.max_tokens = self._inner.dim, self._inner.max_tokens

    async def embed(self, texts: Any) -> list[list[float]]:
        return [await self.embed_query(text) for text in texts]

    async def embed_query(self, text: str) -> list[float]:
        from model_runtime.errors import ProviderUnavailable

        self.asked += 1
        if self.fails:
            raise ProviderUnavailable("Not here.")
        return list(reversed(await self._inner.embed_query(text)))


@pytest.fixture
def turned(monkeypatch: pytest.MonkeyPatch) -> TurnedEmbedder:
    """A second embedding model that the team may choose, under the name lab/turned."""
    from apps.annotations.api import reply_views
    from apps.annotations.services import embedding, few_shot, reply, reply_settings
    from providers.services import open_embedding_model

    model = TurnedEmbedder()

    def opened(name: str, *, team_id: uuid.UUID) -> Any:
        return model if name == "lab/turned" else open_embedding_model(name, team_id=team_id)

    for module in (embedding, embedding_jobs, few_shot, reply, reply_settings, reply_views):
        monkeypatch.setattr(module, "open_embedding_model", opened)
    return model


@pytest.mark.django_db(transaction=True)
def test_it_is_switched_off_and_on_with_a_threshold(client, app, ask):
    services.add_annotation(team_id=app.team_id, application_id=app.id, question=QUESTION, answer=RIGHT)
    off = switch(client, app, "disable").json()
    assert off["job_status"] == "completed"
    assert ask(app, QUESTION) is None
    assert status(client, app, "disable", off["job_id"]).json() == {**off, "error_msg": ""}

    named = {"embedding_provider_name": "built-in", "embedding_model_name": "hashing"}
    on = switch(client, app, "enable", score_threshold=0.8, **named)
    assert on.status_code == 200
    assert on.json()["job_status"] == "completed"
    assert ask(app, NEAR).text == RIGHT
    switch(client, app, "enable", score_threshold=0.999, **named)
    assert ask(app, NEAR) is None
    assert ask(app, QUESTION).text == RIGHT
    # What the team set comes before what the document says.
    assert ask(app, NEAR, annotation_reply={"threshold": 0.5}) is None
    assert ask(app, QUESTION, annotation_reply=False).text == RIGHT


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("toggle", {}),
        ("enable", {"score_threshold": 2}),
        ("enable", {"score_threshold": "high"}),
        ("enable", {"embedding_model_name": 7}),
    ],
)
def test_what_cannot_be_set_is_refused(client, app, action, body):
    answer = switch(client, app, action, **body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_param")
    assert not ReplySetting.objects.filter(is_enabled=True).exists()


@pytest.mark.django_db(transaction=True)
def test_a_job_of_another_app_is_not_told_of(client, app):
    job = switch(client, app, "enable").json()
    other = make_app(Team.objects.create(slug="wasps", name="Wasps"), slug="wasps")
    assert status(client, other, "enable", job["job_id"]).status_code == 400
    assert status(client, app, "disable", job["job_id"]).status_code == 400
    assert status(client, app, "enable", str(uuid.uuid4())).status_code == 400


@pytest.mark.django_db(transaction=True)
def test_answers_are_found_with_the_old_model_until_all_are_embedded_with_the_new_one(
    client, app, ask, turned, monkeypatch
):
    monkeypatch.setattr(embedding_jobs, "BATCH", 2)
    for number in range(4):
        services.add_annotation(team_id=app.team_id, application_id=app.id, question=f"Is {number} odd?", answer="No.")
    services.add_annotation(team_id=app.team_id, application_id=app.id, question=QUESTION, answer=RIGHT)
    begun = switch(
        client,
        app,
        "enable",
        score_threshold=0.8,
        embedding_provider_name="langgenius/lab/lab",
        embedding_model_name="turned",
    ).json()
    assert begun["job_status"] == "waiting"

    job = ReplyJob.objects.get(id=begun["job_id"])
    job.status = "running"
    slot = embedding_jobs._slot_for(job, turned.space)
    assert embedding_jobs._embed_batch(job, turned, slot=slot)
    assert status(client, app, "enable", begun["job_id"]).json()["job_status"] == "processing"
    asked = turned.asked
    assert ask(app, NEAR).text == RIGHT
    assert turned.asked == asked  # the question was placed by the old model
    # One that is saved meanwhile answers at once, and is taken along.
    services.add_annotation(team_id=app.team_id, application_id=app.id, question="Do wasps sting?", answer="They do.")
    assert ask(app, "do wasps sting").text == "They do."

    assert not embed_answers(job.id)
    assert status(client, app, "enable", begun["job_id"]).json()["job_status"] == "completed"
    setting = ReplySetting.objects.get()
    assert (setting.model, setting.space, setting.slot) == ("lab/turned", turned.space, 1)
    asked = turned.asked
    assert ask(app, NEAR).text == RIGHT
    assert turned.asked == asked + 1
    assert Annotation.objects.exclude(second_space=turned.space).count() == 0

    # New and changed answers go where the others are; the old vectors are emptied some time after.
    made = services.add_annotation(
        team_id=app.team_id, application_id=app.id, question="Who eats wax?", answer="Moths."
    )
    assert (made.second_space, made.embedding) == (turned.space, None)
    monkeypatch.setattr(embedding_jobs, "KEPT", -embedding_jobs.KEPT)
    assert embedding_jobs.forget_old_vectors() == 6
    assert not Annotation.objects.exclude(embedding=None).exists()
    assert ask(app, NEAR).text == RIGHT


@pytest.mark.django_db(transaction=True)
def test_a_model_that_does_not_answer_leaves_everything_as_it_was(client, app, ask, turned):
    services.add_annotation(team_id=app.team_id, application_id=app.id, question=QUESTION, answer=RIGHT)
    turned.fails = True
    begun = switch(client, app, "enable", score_threshold=0.8, embedding_model_name="lab/turned").json()
    for _ in range(embedding_jobs.MOST_FAILURES):
        assert not embed_answers(begun["job_id"])
    told = status(client, app, "enable", begun["job_id"]).json()
    assert told["job_status"] == "error"
    assert "lab/turned" in told["error_msg"]
    assert ReplySetting.objects.get().slot == 0
    assert ask(app, NEAR).text == RIGHT


@pytest.mark.django_db(transaction=True)
def test_a_large_store_is_indexed_before_it_is_turned_to(client, app, ask, turned, monkeypatch):
    from django.db import connection

    monkeypatch.setattr("apps.annotations.services.indexing.FROM", 5)
    for number in range(6):
        services.add_annotation(team_id=app.team_id, application_id=app.id, question=f"{QUESTION} {number}", answer="?")
    [first] = index_large_stores()
    begun = switch(client, app, "enable", score_threshold=0.7, embedding_model_name="lab/turned").json()
    assert not embed_answers(begun["job_id"])

    def indexes() -> set[str]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT indexname FROM pg_indexes WHERE indexname LIKE 'annotation_nearest_%'")
            return {name for (name,) in cursor.fetchall()}

    assert len(indexes()) == 2
    assert ask(app, f"{NEAR} 3").text == "?"
    monkeypatch.setattr(embedding_jobs, "KEPT", -embedding_jobs.KEPT)
    embedding_jobs.forget_old_vectors()
    index_large_stores()
    assert len(indexes()) == 1
    assert first not in indexes()
    Annotation.objects.all().delete()
    index_large_stores()
    assert indexes() == set()


@pytest.mark.django_db(transaction=True)
def test_the_hits_of_an_annotation_are_listed(client, app):
    from apps.annotations.services.hits import Hit, record_hit

    row = services.add_annotation(team_id=app.team_id, application_id=app.id, question=QUESTION, answer=RIGHT)
    for number in range(3):
        turn = make_turn(app, f"{QUESTION} {number}")
        record_hit(
            Hit(
                team_id=app.team_id,
                application_id=app.id,
                annotation_id=row.id,
                run_id=turn.run_id,
                message_id=turn.id,
                question=turn.query,
                annotation_question=QUESTION,
                annotation_answer=RIGHT,
                score=0.95,
                source="api",
            )
        )
    address = f"/v1/apps/annotations/{row.id}/hit-histories"
    told = client.get(address, {"limit": 2}, headers=bearer(app)).json()
    assert (told["total"], told["has_more"], told["page"], told["limit"]) == (3, True, 1, 2)
    newest = told["data"][0]
    assert newest.keys() == {"id", "source", "score", "question", "created_at", "match", "response"}
    assert (newest["question"], newest["match"], newest["response"]) == (f"{QUESTION} 2", QUESTION, RIGHT)
    other = make_app(Team.objects.create(slug="wasps", name="Wasps"), slug="wasps")
    assert client.get(address, headers=bearer(other)).status_code == 404
