"""People who try doors that are not theirs: other teams' rows, queues they left, approvals of their own."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import NoReverseMatch, reverse

from accounts.models import Membership, Role, Team, User
from accounts.services import create_api_key
from apps.annotations import services
from apps.annotations.models import (
    Annotation,
    AnswerImport,
    Assignment,
    CorrectionSettings,
    Evaluator,
    GoldenSet,
    OnlineEvaluation,
    PublishGate,
    ReviewQueue,
    TrainingSet,
)
from apps.annotations.services.claiming import claim_next
from apps.workflows.models import Application
from support.patterns import BadPattern, compiled_pattern
from tests.annotations.conftest import RIGHT, make_app, make_turn
from tests.annotations.test_queues import make_items, make_queue

pytestmark = pytest.mark.django_db(databases=["default", "traces"])


@pytest.fixture
def wasps() -> Team:
    return Team.objects.create(slug="wasps", name="Wasps")


@pytest.fixture
def walt(wasps: Team) -> User:
    """He owns the team of the wasps and knows nobody among the bees."""
    user = User.objects.create_user(username="walt", password="secret-walt", is_staff=True)
    Membership.objects.create(team=wasps, user=user, role=Role.OWNER)
    return user


@pytest.fixture
def second(team: Team) -> User:
    user = User.objects.create_user(username="sara", password="secret-sara", is_staff=True)
    Membership.objects.create(team=team, user=user, role=Role.OPERATOR)
    return user


def test_who_was_taken_out_of_a_team_answers_nothing_there_by_the_address_of_another_queue(
    client: Client, app: Application, operator: User, wasps: Team
) -> None:
    bees = make_queue(app.team)
    make_items(bees, 1)
    held = claim_next(bees, by=operator)
    assert held is not None
    Membership.objects.filter(user=operator).delete()
    Membership.objects.create(team=wasps, user=operator, role=Role.OPERATOR)
    own = make_queue(wasps)
    client.force_login(operator)
    question = str(bees.questions.get().config_id)
    for verb in ("draft", "submit", "heartbeat", "skip", "release"):
        body = {"answers": {question: True}, "reason": "other"}
        answer = client.post(
            reverse("admin:annotations_queue_act", args=[own.id, held.id, verb]),
            json.dumps(body),
            content_type="application/json",
        )
        assert answer.status_code == 409, verb
    assert Assignment.objects.get(id=held.id).state == "leased"


def test_an_approved_answer_is_not_rewritten_by_one_person_where_two_are_asked_for(
    client: Client, app: Application, operator: User, second: User
) -> None:
    CorrectionSettings.objects.create(
        team=app.team, application=app, needs_second_person=True, makes_annotation=True, makes_example=True
    )
    made = services.correct_answer(make_turn(app).id, RIGHT, by=operator)
    services.approve_correction(made, by=second)
    annotation = Annotation.objects.get()
    client.force_login(operator)
    page = reverse("admin:annotations_annotation_change", args=[annotation.id])
    fields = {"question": annotation.question, "answer": "Never.", "is_enabled": "on"}
    assert 'name="answer"' not in client.get(page).content.decode()
    client.post(page, fields)
    _key, secret = create_api_key(team_id=app.team_id, subject_kind="app", subject_id=app.id, scopes=("annotations",))
    by_program = client.put(
        f"/v1/apps/annotations/{annotation.id}",
        {"question": annotation.question, "answer": "Never."},
        content_type="application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )
    assert by_program.status_code == 409
    annotation.refresh_from_db()
    assert annotation.answer == RIGHT
    services.edit_annotation(annotation, question=annotation.question, answer=RIGHT)


def test_an_answer_that_is_too_long_is_refused_in_words_by_the_form(
    client: Client, app: Application, operator: User
) -> None:
    row = services.add_annotation(team_id=app.team_id, application_id=app.id, question="Q?", answer="A.")
    client.force_login(operator)
    fields = {"question": "Q?", "answer": "x" * 60_001, "is_enabled": "on"}
    told = client.post(reverse("admin:annotations_annotation_change", args=[row.id]), fields, follow=True)
    assert "at most 60000 characters" in told.content.decode()
    row.refresh_from_db()
    assert row.answer == "A."
    new = {"application": str(app.id), "question": "Q2?", "answer": "x" * 60_001}
    told = client.post(reverse("admin:annotations_annotation_add"), new, follow=True)
    assert "at most 60000 characters" in told.content.decode()
    assert Annotation.objects.count() == 1


@pytest.mark.parametrize(
    "pattern",
    [
        "a{2000000000}", "(?:(?:ab){1000}){100000}", "((a{1000}){1000}){1000}", "(" * 900 + ")" * 900,
        "(?x)a{1 0 0 0 0 0 0 0}", "[ab]{3000000,}", "a{" + "9" * 1900 + "}", "[",
    ],
)  # fmt: skip
def test_a_pattern_that_would_fill_the_memory_is_refused_before_it_is_compiled(pattern: str) -> None:
    with pytest.raises(BadPattern):
        compiled_pattern(pattern)


def test_patterns_that_people_need_are_taken() -> None:
    for pattern in (r"\d{4}-\d{2}-\d{2}", r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", r"(?i)\bhive\b", r"a{1,5000}"):
        assert compiled_pattern(pattern)


def test_nothing_of_another_team_is_opened_by_any_address(client: Client, app: Application, walt: User) -> None:
    team = app.team
    turn = make_turn(app)
    owner = User.objects.create_user(username="olli", password="secret-olli", is_staff=True)
    Membership.objects.create(team=team, user=owner, role=Role.OWNER)
    correction = services.correct_answer(turn.id, RIGHT, by=owner)
    queue = make_queue(team)
    golden = GoldenSet.objects.create(team=team, application=app, name="Spring")
    judge = Evaluator.objects.create(team=team, name="pattern", kind="regex", config={"pattern": "x"})
    asked = {"golden_set": golden, "set_version": 1, "evaluator": judge, "threshold": 0.5}
    gate = PublishGate.objects.create(team=team, application=app, **asked)
    online = OnlineEvaluation.objects.create(team=team, application=app, name="Live")
    bees = TrainingSet.objects.create(team=team, name="Bees", sources=["liked"])
    brought = AnswerImport.objects.create(
        team=team, application=app, file_name="a.csv", format="csv", beat_at=turn.created_at
    )
    annotation = Annotation.objects.get()
    client.force_login(walt)
    addresses: list[tuple[str, list[Any]]] = [
        ("correction", [correction.id]),
        ("message_review", [turn.id]),
        ("queue_work", [queue.id]),
        ("queue_overview", [queue.id]),
        ("queue_news", [queue.id]),
        ("golden_set", [golden.id]),
        ("golden_versions", [golden.id]),
        ("golden_import", [golden.id]),
        ("golden_from_message", [turn.id]),
        ("golden_from_trace", [turn.run_id]),
        ("answer_import", [brought.id]),
        ("online", [online.id]),
        ("training_overview", [bees.id]),
        ("reply_app", [app.slug]),
        ("evaluator_change", [judge.id]),
        ("publishgate_change", [gate.id]),
        ("annotation_change", [annotation.id]),
    ]
    tried = 0
    for name, args in addresses:
        try:
            address = reverse(f"admin:annotations_{name}", args=args)
        except NoReverseMatch:
            continue
        tried += 1
        answer: Any = client.get(address)
        # A form of another team's row is left for the start page, as Django does with ids that do not exist.
        assert answer.status_code in (403, 404) or (answer.status_code == 302 and "annotations" not in answer.url), name
    assert tried >= 14
    for name in ("publishgate", "evaluator", "goldenset", "annotation", "correction", "feedback", "annotationhit"):
        listed = client.get(f"/admin/annotations/{name}/").content.decode()
        assert not any(words in listed for words in (turn.query, RIGHT, "Spring", "Handbook")), name
    # Choices of forms: nothing of the other team is taken.
    wasp = make_app(walt.teams.get(), slug="wasp-app")
    own_set = GoldenSet.objects.create(team=wasp.team, name="Own")
    fields = {
        "application": wasp.id,
        "golden_set": own_set.id,
        "evaluator": judge.id,
        "figure": "lower",
        "threshold": "0.5",
        "against_live": "none",
    }
    told = client.post("/admin/annotations/publishgate/add/", fields)
    assert told.status_code == 200
    assert PublishGate.objects.count() == 1
    assert ReviewQueue.objects.filter(team=team).count() == 1
