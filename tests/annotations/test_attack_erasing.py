"""After a deletion on request, nothing in the tables of the annotations holds the person's words any more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Membership, Role, Team, User
from apps.annotations import services
from apps.annotations.golden.item import NewItem
from apps.annotations.models import (
    Annotation,
    AnnotationHit,
    Calibration,
    CalibrationCase,
    Correction,
    CorrectionSettings,
    Evaluator,
    Experiment,
    Feedback,
    FewShotExample,
    GoldenSet,
    OnlineEvaluation,
    Result,
    ResultScore,
    ReviewQueue,
    ScoreConfig,
    TraceScore,
)
from apps.annotations.selectors.golden import items_of
from apps.annotations.services.erasing import erase_copies
from apps.annotations.services.golden_items import add_items, restore_version
from apps.traces.services.erasure import erase
from apps.workflows.models import Application
from tests.annotations.conftest import RIGHT, make_turn
from tests.annotations.test_queues import make_queue

pytestmark = pytest.mark.django_db(databases=["default", "traces"])
SECRET = "my iban is DE02120300000000202051"


@pytest.fixture
def editor(team: Team) -> User:
    user = User.objects.create_user(username="erna", password="secret-erna", is_staff=True)
    Membership.objects.create(team=team, user=user, role=Role.EDITOR)
    return user


@pytest.fixture(autouse=True)
def files(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


def holding(words: str) -> set[str]:
    """The tables of the annotations in which the words stand, wherever in a row."""
    found = set()
    with connection.cursor() as cursor:
        for model in apps.get_app_config("annotations").get_models():
            table = model._meta.db_table
            cursor.execute(f'SELECT count(*) FROM "{table}" AS each WHERE each::text ILIKE %s', [f"%{words}%"])
            if cursor.fetchone()[0]:
                found.add(table)
    return found


def kept_everywhere(app: Application, editor: User, end_user: str, words: str) -> GoldenSet:
    """A person's question in every place that copies one."""
    team, live = app.team, app.live
    assert live is not None
    golden, _new = GoldenSet.objects.get_or_create(team=team, application=app, name="Spring")
    CorrectionSettings.objects.update_or_create(
        application=app, defaults={"team": team, "golden_set": golden, "changed_by": editor}
    )
    queue = ReviewQueue.objects.filter(team=team).first() or make_queue(team)
    turn = make_turn(app, f"{words}?", f"Noted: {words}", end_user=end_user)
    services.record_feedback(turn, rating="dislike", source="api", end_user=end_user, text=words)
    made = services.correct_answer(turn.id, f"{RIGHT} ({words})", by=editor)
    annotation = Annotation.objects.get(correction=made)
    other = make_turn(app, f"{words} again?", end_user=end_user)
    golden.refresh_from_db()
    add_items(golden, [NewItem(question=other.query, source_message_id=other.id)], by=editor)
    hit = {"team": team, "application": app, "annotation": annotation, "score": 1.0, "source": "api"}
    for run, asked in ((other, other.query), (make_turn(app, "Somebody else asks?", end_user="zoe"), "Else?")):
        AnnotationHit.objects.create(
            **hit,
            run_id=run.run_id,
            message_id=run.id,
            question=asked,
            annotation_question=annotation.question,
            annotation_answer=annotation.answer,
        )
    judge = Evaluator.objects.create(team=team, name=f"judge {end_user}", kind="regex", config={"pattern": "x"})
    experiment = Experiment.objects.create(
        team=team,
        number=golden.experiments.count() + 1,
        application=app,
        version=live,
        golden_set=golden,
        set_version=1,
        evaluators=[judge.as_spec()],
        status="completed",
        total=1,
    )
    result = Result.objects.create(
        team=team,
        experiment=experiment,
        item=golden.items.get(correction=made),
        number=1,
        status="completed",
        answer=words,
        outputs={"text": words},
    )
    ResultScore.objects.create(team=team, experiment=experiment, result=result, place=0, score=1, explanation=words)
    online = OnlineEvaluation.objects.create(team=team, application=app, name=f"Live {end_user}")
    item = queue.items.get(subject_id=turn.id)
    calibration = Calibration.objects.create(
        team=team,
        evaluator=judge,
        spec=judge.as_spec(),
        config=ScoreConfig.objects.create(team=team, name=f"Good {end_user}", kind="boolean"),
        status="completed",
        total=1,
        beat_at=timezone.now(),
    )
    CalibrationCase.objects.create(
        team=team,
        calibration=calibration,
        position=1,
        item=item,
        question=turn.query,
        answer=turn.answer,
        inputs={"a": words},
        human_label="yes",
        human_score=1,
        human_passed=True,
        explanation=words,
    )
    assert online.id
    return golden


def test_no_table_of_the_annotations_holds_the_words_of_the_person_and_all_hold_those_of_others(
    app: Application, editor: User
) -> None:
    kept_everywhere(app, editor, "eve", "eve likes honey")
    others = holding("eve likes honey")
    golden = kept_everywhere(app, editor, "ada", SECRET)
    assert holding(SECRET) >= {
        "annotations_correction",
        "annotations_annotation",
        "annotations_fewshotexample",
        "annotations_goldenitem",
        "annotations_annotationhit",
        "annotations_preferencepair",
        "annotations_result",
        "annotations_resultscore",
        "annotations_feedback",
        "annotations_calibrationcase",
        "annotations_queueitem",
    }

    erase(team_id=app.team_id, end_user="ada", requested_by="dana")

    assert holding(SECRET) == set()
    assert holding("eve likes honey") == others
    # What counts goes on counting.
    assert AnnotationHit.objects.count() == 4
    assert Feedback.objects.count() == 2
    assert Correction.objects.count() == 1
    golden.refresh_from_db()
    assert [row.question for row in items_of(golden, golden.version)] == ["eve likes honey?", "eve likes honey again?"]
    for version in golden.versions.all():
        assert version.items == items_of(golden, version.number).count()
    assert sorted(Experiment.objects.values_list("total", flat=True)) == [0, 1]
    # No way back brings them back.
    restore_version(golden, 3, by=editor)
    assert holding(SECRET) == set()


def test_the_audit_quotes_nothing_of_the_person_and_still_says_who_did_what(
    client: Client, app: Application, editor: User
) -> None:
    for end_user, words in (("eve", "eve likes honey"), ("ada", SECRET)):
        kept_everywhere(app, editor, end_user, words)
    # Somebody changes an answer, deletes another one, and deletes what was made of a question by hand.
    client.force_login(editor)
    by_hand = services.add_annotation(
        team_id=app.team_id, application_id=app.id, question=f"{SECRET} again?", answer="No.", by=editor
    )
    same = services.add_annotation(team_id=app.team_id, application_id=app.id, question="Honey?", answer="Yes.")
    for row in (*Annotation.objects.all(), *FewShotExample.objects.all()):
        page = f"admin:annotations_{row._meta.model_name}"
        fields = {"question": row.question, "answer": f"{row.answer} Changed.", "is_enabled": ""}
        assert client.post(reverse(f"{page}_change", args=[row.id]), fields).status_code == 302
    for row in (by_hand, same, FewShotExample.objects.get(question=f"{SECRET}?")):
        client.post(reverse(f"admin:annotations_{row._meta.model_name}_delete", args=[row.id]), {"post": "yes"})
    done = LogEntry.objects.count()
    assert LogEntry.objects.filter(object_repr__contains=SECRET).count() == 5
    others = list(LogEntry.objects.exclude(object_repr__contains=SECRET).values_list("object_repr", flat=True))
    assert others

    erase(team_id=app.team_id, end_user="ada", requested_by="dana")

    assert not LogEntry.objects.filter(object_repr__contains=SECRET).exists()
    assert not LogEntry.objects.filter(change_message__contains=SECRET).exists()
    neutral = LogEntry.objects.filter(object_repr="Deleted on request")
    assert (neutral.count(), LogEntry.objects.count()) == (5, done)
    assert set(neutral.values_list("user", flat=True)) == {editor.id}
    left = LogEntry.objects.exclude(object_repr="Deleted on request").values_list("object_repr", flat=True)
    assert list(left) == others


def test_what_judges_said_of_the_persons_live_answers_loses_its_words_and_not_its_score(
    app: Application, editor: User
) -> None:
    online = OnlineEvaluation.objects.create(team=app.team, application=app, name="Live")
    turn = make_turn(app, SECRET, end_user="ada")
    TraceScore.objects.create(
        team=app.team,
        online=online,
        application_id=app.id,
        trace_id=turn.run_id,
        happened_at=timezone.now(),
        evaluator_id=online.id,
        score=1.0,
        passed=True,
        explanation=SECRET,
    )
    erase_copies(app.team_id, "ada", [turn.run_id])
    row = TraceScore.objects.get()
    assert (row.score, row.explanation) == (1.0, "")


def test_a_person_of_the_same_name_in_another_team_keeps_everything(app: Application, editor: User) -> None:
    kept_everywhere(app, editor, "ada", SECRET)
    before = holding(SECRET)
    wasps = Team.objects.create(slug="wasps", name="Wasps")
    erase(team_id=wasps.id, end_user="ada", requested_by="walt")
    assert holding(SECRET) == before
