"""Annotations inside real chat turns: from the accepted question to the stored message and the hit history."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from apps.annotations import services
from apps.annotations.models import Annotation, AnnotationHit, FewShotExample, ReplyJob, ReplySetting
from apps.annotations.services.embedding_jobs import embed_answers
from apps.annotations.services.few_shot import similar_examples
from apps.annotations.services.indexing import index_large_stores
from apps.workflows.hooks import RunInfo
from apps.workflows.models import Application, Message
from apps.workflows.selectors.runs import run_info
from apps.workflows.services import import_document
from tests.annotations.conftest import QUESTION, RIGHT, in_own_loop, make_turn
from tests.annotations.test_feedback import bearer

pytestmark = pytest.mark.django_db(transaction=True)
Chat = Callable[[str], Message]
CHAT = """
skep: 1
app: {name: Echo, kind: chat}
nodes:
  - {id: start, type: start}
  - {id: say, type: answer, config: {text: "You said: {{ sys.query }}"}}
edges: [{from: start, to: say}]
"""


@pytest.fixture
def echo(team: Any) -> Application:
    application, _saved = import_document(text=CHAT, team_id=team.id)
    return Application.objects.select_related("live").get(id=application.id)


@pytest.fixture
def chat(server: str, echo: Application) -> Callable[[str], Message]:
    """One whole turn over the service API."""
    headers = bearer(echo)

    def turn(query: str) -> Message:
        body = {"query": query, "inputs": {}, "user": "ada", "response_mode": "blocking"}
        reply = httpx.post(f"{server}/v1/chat-messages", json=body, headers=headers, timeout=30).json()
        message = Message.objects.select_related("run").get(id=reply["message_id"])
        assert reply["answer"] == message.answer
        return message

    return turn


def hits_of(message: Message) -> list[AnnotationHit]:
    """The hits of a turn; they are written just after its end."""
    deadline = time.monotonic() + 5
    while not (found := list(AnnotationHit.objects.filter(message_id=message.id))) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def test_the_workflow_answers_until_a_correction_is_approved_and_again_after_its_withdrawal(
    chat: Chat, operator: User
) -> None:
    first = chat(QUESTION)
    assert first.answer == f"You said: {QUESTION}"
    services.record_feedback(first, rating="dislike", source="api", end_user="ada")
    correction = services.correct_answer(first.id, RIGHT, by=operator)

    second = chat(QUESTION.upper())
    assert second.answer == RIGHT
    assert second.metadata["annotation_reply"]["id"] == str(correction.annotation.id)
    [hit] = hits_of(second)
    assert (hit.annotation, hit.question, hit.score, hit.source) == (
        correction.annotation,
        QUESTION.upper(),
        1.0,
        "api",
    )
    assert (hit.annotation_question, hit.annotation_answer, hit.run_id) == (QUESTION, RIGHT, second.run_id)
    assert Annotation.objects.get().hit_count == 1

    services.withdraw_correction(correction, by=operator)
    assert chat(QUESTION).answer == f"You said: {QUESTION}"


def test_a_deleted_annotation_keeps_its_hits(chat: Chat, echo: Application, operator: User) -> None:
    annotation = services.add_annotation(
        team_id=echo.team_id, application_id=echo.id, question=QUESTION, answer=RIGHT, by=operator
    )
    answered = chat(QUESTION)
    assert hits_of(answered)
    services.delete_annotation(annotation)
    [hit] = AnnotationHit.objects.all()
    assert (hit.annotation_id, hit.annotation_answer) == (None, RIGHT)


@pytest.fixture
def dead_provider(settings: Any) -> str:
    """The name of an embedding model whose provider does not answer."""
    settings.ENV_PROVIDERS = [
        {"name": "dead", "base_url": "http://127.0.0.1:9/v1", "api_key": "k", "embedding_model": "text@8"}
    ]
    return "dead/text@8"


def test_with_the_embedding_provider_down_the_same_question_is_still_answered(
    app: Application, dead_provider: str, ask: Any
) -> None:
    services.add_annotation(team_id=app.team_id, application_id=app.id, question=QUESTION, answer=RIGHT)
    feature = {"embedding_model": dead_provider, "threshold": 0.5}
    assert ask(app, QUESTION, annotation_reply=feature).text == RIGHT
    assert ask(app, "Anything else?", annotation_reply=feature) is None


def test_an_annotation_made_while_the_provider_is_down_is_embedded_later(
    app: Application, dead_provider: str, ask: Any
) -> None:
    services.add_annotation(team_id=app.team_id, application_id=app.id, question=QUESTION, answer=RIGHT)
    ReplySetting.objects.filter(application=app).update(model=dead_provider)
    made = services.add_annotation(
        team_id=app.team_id, application_id=app.id, question="When do bees swarm in my garden?", answer="In May."
    )
    assert made.embedding is None
    near = "In my garden, when do bees swarm?"
    assert ask(app, near, annotation_reply={"threshold": 0.8}) is None
    job = ReplyJob.objects.get()
    assert not embed_answers(job.id)
    job.refresh_from_db()
    assert (job.status, job.done, job.failures) == ("running", 0, 1)
    assert "dead/text@8" in job.error
    # The provider is back, or another one is chosen.
    ReplyJob.objects.update(model="hashing")
    assert not embed_answers(job.id)
    job.refresh_from_db()
    assert (job.status, job.error, job.per_cent) == ("completed", "", 100)
    assert ask(app, near, annotation_reply={"threshold": 0.8}).text == "In May."


def info(app: Application) -> RunInfo:
    return run_info(make_turn(app).run_id)


def test_a_model_is_lent_the_nearest_examples_of_its_own_app(
    app: Application, echo: Application, operator: User
) -> None:
    for question in ("How do I feed a hive in winter?", "How do I feed a dog?", "Who wrote Faust?"):
        services.correct_answer(make_turn(app, question).id, f"Well: {question}", by=operator)
    services.correct_answer(make_turn(echo, "How do I feed a hive?").id, RIGHT, by=operator)
    found = in_own_loop(similar_examples(info(app), "How do I feed my hive in winter?", 2))
    assert [example.question for example in found] == ["How do I feed a hive in winter?", "How do I feed a dog?"]
    assert found[0].score > found[1].score > 0
    assert found[0].answer == "Well: How do I feed a hive in winter?"
    services.toggle_example(FewShotExample.objects.get(question="How do I feed a hive in winter?"), enabled=False)
    [nearest] = in_own_loop(similar_examples(info(app), "How do I feed my hive in winter?", 1))
    assert nearest.question == "How do I feed a dog?"
    assert in_own_loop(similar_examples(info(app), "How?", 0)) == []


def test_the_hot_path_is_one_query(app: Application) -> None:
    from django.db import connection

    from apps.annotations.selectors.nearest import matching_annotation
    from model_runtime.providers.hashing import HashingEmbedder

    services.add_annotation(team_id=app.team_id, application_id=app.id, question=QUESTION, answer=RIGHT)
    model = HashingEmbedder()
    [vector] = model.embed_now([QUESTION])
    with CaptureQueriesContext(
        connection,
    ) as seen:
        found = matching_annotation(app.id, QUESTION, vector=vector, space=model.space, threshold=0.9)
    assert found is not None
    assert found.exact
    assert len(seen) == 1


def test_a_large_store_gets_an_index_and_finds_the_same(
    app: Application, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.annotations.services.indexing.FROM", 20)
    for number in range(25):
        services.add_annotation(
            team_id=app.team_id,
            application_id=app.id,
            question=f"How do I feed hive {number} well?",
            answer=f"{number}",
        )
    near = "How do I well feed hive 17?"
    before = ask(app, near, annotation_reply={"threshold": 0.8})
    [name] = index_large_stores()
    assert index_large_stores() == []
    assert ask(app, near, annotation_reply={"threshold": 0.8}) == before
    assert before.text == "17"
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f'DROP INDEX "{name}"')


def test_the_newest_of_two_answers_to_one_question_is_given(app: Application, ask: Any) -> None:
    for answer in ("Weekly.", RIGHT):
        last = services.add_annotation(team_id=app.team_id, application_id=app.id, question=QUESTION, answer=answer)
    assert ask(app, QUESTION).text == RIGHT
    services.toggle_annotation(last, enabled=False)
    assert ask(app, QUESTION).text == "Weekly."
