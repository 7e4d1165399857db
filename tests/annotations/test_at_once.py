"""What people do at the same time, on connections of their own: whoever wins, the tables hold what they promise."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from accounts.models import Team, User
from apps.annotations import services
from apps.annotations.models import (
    Annotation,
    AnswerImport,
    Assignment,
    Correction,
    CorrectionSettings,
    CorrectionStep,
    FewShotExample,
    GoldenItem,
    GoldenSet,
    PreferencePair,
    Score,
)
from apps.annotations.selectors.queues import questions_of
from apps.annotations.services.claiming import claim_next
from apps.annotations.services.correction_settings import Switches, change_settings
from apps.annotations.services.import_jobs import work_on_import
from apps.annotations.services.importing_answers import bring_answers, take_in, undo_import
from apps.annotations.services.submitting import submit_answers
from apps.workflows.models import Application, Message
from support.errors import Conflict, ConsoleError, NotAllowed, NotFound
from tests.annotations.conftest import QUESTION, RIGHT, WRONG, make_turn
from tests.annotations.test_queues import make_config, make_items, make_queue, person

pytestmark = pytest.mark.django_db(databases=["default", "traces"], transaction=True)
#: Each race is run so often: which of the two is first changes.
ROUNDS = 6
Work = Callable[[], Any]


@pytest.fixture(autouse=True)
def files(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def second(team: Team) -> User:
    return person(team, "otto")


def at_once(*works: Work) -> list[Any]:
    """What each gives back, or the error that it is told; begun together, each on a connection of its own."""
    ready = threading.Barrier(len(works))

    def one(work: Work) -> Any:
        try:
            ready.wait(timeout=30)
            return work()
        except ConsoleError as exc:
            return exc
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=len(works)) as threads:
        return list(threads.map(one, works))


def errors(results: Collection[Any], *allowed: type[ConsoleError]) -> int:
    """How many were refused, all of them for a reason that may be."""
    refused = [each for each in results if isinstance(each, ConsoleError)]
    assert all(isinstance(each, allowed) for each in refused), refused
    return len(refused)


def in_use(turn: Message) -> list[str]:
    """The texts that are in use for a message, of all kinds of products."""
    found: list[str] = []
    for kind, text in ((Annotation, "answer"), (FewShotExample, "answer"), (PreferencePair, "chosen")):
        rows = kind.objects.filter(correction__message=turn, is_enabled=True)
        found += rows.values_list(text, flat=True)
    items = GoldenItem.objects.filter(correction__message=turn, valid_to_version=None)
    return found + list(items.values_list("expected", flat=True))


def with_all_products(app: Application) -> None:
    golden = GoldenSet.objects.create(team=app.team, name="Spring")
    CorrectionSettings.objects.create(team=app.team, application=app, golden_set=golden)


def test_of_two_corrections_that_are_approved_at_once_one_is_in_force_with_all_that_comes_of_it(
    app: Application, operator: User, second: User
) -> None:
    with_all_products(app)
    for number in range(ROUNDS):
        turn = make_turn(app, f"{QUESTION} {number}")
        mine = services.correct_answer(turn.id, f"{RIGHT} By Olga.", by=operator, approve=False, propose=True)
        other = services.correct_answer(turn.id, f"{RIGHT} By Otto.", by=second, approve=False, propose=True)
        results = at_once(
            partial(services.approve_correction, Correction.objects.get(id=mine.id), by=second),
            partial(services.approve_correction, Correction.objects.get(id=other.id), by=operator),
        )
        errors(results, Conflict)
        approved = Correction.objects.get(message=turn, status="approved")
        assert in_use(turn) == [approved.corrected] * 4


def test_the_same_correction_approved_twice_is_approved_once(app: Application, operator: User, second: User) -> None:
    with_all_products(app)
    for number in range(ROUNDS):
        turn = make_turn(app, f"{QUESTION} {number}")
        made = services.correct_answer(turn.id, RIGHT, by=operator, approve=False, propose=True)
        people = [person(app.team, f"p{number}{each}") for each in "ab"]
        results = at_once(
            *(partial(services.approve_correction, Correction.objects.get(id=made.id), by=each) for each in people)
        )
        assert errors(results) == 0
        assert CorrectionStep.objects.filter(correction=made, kind="approved").count() == 1
        assert in_use(turn) == [RIGHT] * 4


def test_one_who_saves_twice_at_once_has_one_correction(app: Application, operator: User) -> None:
    with_all_products(app)
    for number in range(ROUNDS):
        turn = make_turn(app, f"{QUESTION} {number}")
        results = at_once(*[partial(services.correct_answer, turn.id, RIGHT, by=operator)] * 3)
        assert errors(results) == 0
        assert Correction.objects.filter(message=turn).count() == 1
        assert in_use(turn) == [RIGHT] * 4


def test_approving_and_withdrawing_at_once_leaves_all_products_or_none(
    app: Application, operator: User, second: User
) -> None:
    with_all_products(app)
    for number in range(ROUNDS):
        turn = make_turn(app, f"{QUESTION} {number}")
        made = services.correct_answer(turn.id, RIGHT, by=operator, approve=False, propose=True)
        results = at_once(
            partial(services.approve_correction, Correction.objects.get(id=made.id), by=second),
            partial(services.withdraw_correction, Correction.objects.get(id=made.id), by=operator),
        )
        errors(results, Conflict)
        made.refresh_from_db()
        assert in_use(turn) == ([RIGHT] * 4 if made.is_approved else [])


def test_the_last_place_of_an_item_goes_to_one_of_those_who_ask_for_it(
    team: Team, operator: User, second: User
) -> None:
    config = make_config(team)
    for number in range(ROUNDS):
        queue = make_queue(team, overlap=1, name=f"Queue {number}", configs=[config])
        (item,) = make_items(queue, 1)
        results = at_once(*(partial(claim_next, queue, by=each) for each in (operator, second)))
        assert errors(results) == 0
        (held,) = Assignment.objects.filter(item=item)
        item.refresh_from_db()
        assert (held.state, item.taken) == ("leased", 1)
        assert [each for each in results if each is not None] == [held]


def test_answers_that_are_given_twice_at_once_count_once(team: Team, operator: User) -> None:
    queue = make_queue(team, overlap=2)
    question = questions_of(queue.id)[0].key
    for item in make_items(queue, ROUNDS):
        lease = claim_next(queue, by=operator)
        assert lease is not None
        results = at_once(*[partial(submit_answers, lease.id, {question: True}, by=operator)] * 3)
        assert errors(results) == 0
        item.refresh_from_db()
        assert (item.submitted, item.taken, item.status) == (1, 1, "pending")
        assert Score.objects.filter(item=item).count() == 1


def test_a_correction_that_is_given_in_a_queue_and_on_the_page_at_once_is_one(
    team: Team, app: Application, operator: User
) -> None:
    fix = make_config(team, "Better answer", "correction")
    for number in range(ROUNDS):
        turn = make_turn(app, f"{QUESTION} {number}")
        queue = make_queue(team, name=f"Queue {number}", configs=[fix])
        (item,) = make_items(queue, 1)
        item.subject_kind, item.subject_id, item.answer = "message", turn.id, turn.answer
        item.save()
        lease = claim_next(queue, by=operator)
        assert lease is not None
        results = at_once(
            partial(submit_answers, lease.id, {str(fix.id): RIGHT}, by=operator),
            partial(services.correct_answer, turn.id, RIGHT, by=operator),
        )
        assert errors(results) == 0
        assert Correction.objects.get(message=turn).corrected == RIGHT
        item.refresh_from_db()
        assert (item.submitted, item.status) == (1, "completed")


LINES = [{"question": f"Question {number}?", "answer": "From the file."} for number in range(30)]


def file_of(lines: list[dict[str, Any]]) -> list[bytes]:
    return ["\n".join(map(json.dumps, lines)).encode()]


def work(found: AnswerImport) -> None:
    while work_on_import(found.id):
        pass
    found.refresh_from_db()


def test_of_two_files_that_are_brought_at_once_one_is_worked_on(
    app: Application, operator: User, tmp_path: Path
) -> None:
    for _round in range(ROUNDS):
        bring = partial(bring_answers, file_of(LINES), application=app, file_name="bees.jsonl", by=operator)
        results = at_once(bring, bring)
        assert errors(results, Conflict) == 1
        (found,) = AnswerImport.objects.all()
        work(found)
        found.delete()
    # The file of the one that was refused is not left behind.
    assert len(list(tmp_path.glob("answer-imports/*"))) == ROUNDS


def test_a_file_that_is_taken_in_twice_at_once_by_two_workers_is_there_once(app: Application, operator: User) -> None:
    for _round in range(ROUNDS):
        found = bring_answers(file_of(LINES), application=app, file_name="bees.jsonl", by=operator)
        work(found)
        assert errors(at_once(*[partial(take_in, found)] * 2), Conflict) == 1
        at_once(*[partial(work_on_import, found.id)] * 2)
        work(found)
        assert found.done == {"new": 30}
        assert Annotation.objects.count() == 30
        assert errors(at_once(*[partial(undo_import, found)] * 2), Conflict) == 1
        at_once(*[partial(work_on_import, found.id)] * 2)
        work(found)
        assert (found.status, found.left, Annotation.objects.count()) == ("completed", 0, 0)


def test_an_answer_that_is_changed_while_its_file_is_taken_out_is_kept_or_gone_and_never_half(
    app: Application, operator: User
) -> None:
    for _round in range(ROUNDS):
        Annotation.objects.all().delete()
        found = bring_answers(file_of(LINES[:1]), application=app, file_name="bees.jsonl", by=operator)
        work(found)
        take_in(found)
        work(found)
        row = Annotation.objects.get()
        undo_import(found)
        results = at_once(
            partial(work_on_import, found.id),
            partial(services.edit_annotation, row, question=row.question, answer="Since.", by=operator),
        )
        was_refused = errors(results, NotFound) == 1
        found.refresh_from_db()
        texts = list(Annotation.objects.values_list("answer", flat=True))
        assert (texts, found.left) == (([], 0) if was_refused else (["Since."], 1))


def test_nothing_slips_past_the_second_person_while_the_switch_is_turned(
    app: Application, operator: User, second: User
) -> None:
    manager = person(app.team, "mona", "admin")
    for number in range(ROUNDS):
        facts = {"team_id": app.team_id, "application_id": app.id, "answer": RIGHT, "by": operator}
        off = services.add_annotation(**facts, question=f"Off {number}?")
        services.toggle_annotation(off, enabled=False, by=operator)
        at_once(
            partial(change_settings, app, Switches(needs_second_person=True), by=manager),
            partial(services.add_annotation, **facts, question=f"New {number}?"),
            partial(services.toggle_annotation, off, enabled=True, by=operator),
            partial(services.correct_answer, make_turn(app, f"Corrected {number}?").id, RIGHT, by=operator),
        )
        assert not Annotation.objects.filter(is_enabled=True, approved_at=None).exists()
        assert not FewShotExample.objects.filter(is_enabled=True, approved_at=None).exists()
        change_settings(app, Switches(), by=manager)


def test_a_text_that_its_author_changes_meanwhile_is_not_approved_unread(
    app: Application, operator: User, second: User
) -> None:
    CorrectionSettings.objects.create(team=app.team, application=app, needs_second_person=True)
    for number in range(ROUNDS):
        row = services.add_annotation(
            team_id=app.team_id, application_id=app.id, question=f"Q {number}?", answer=RIGHT, by=operator
        )
        mine, theirs = Annotation.objects.get(id=row.id), Annotation.objects.get(id=row.id)
        results = at_once(
            partial(services.edit_annotation, mine, question=mine.question, answer=WRONG, by=operator),
            partial(services.toggle_annotation, theirs, enabled=True, by=second),
        )
        errors(results, Conflict, NotAllowed)
        row.refresh_from_db()
        assert (row.answer, row.is_enabled, row.is_waiting) == (WRONG, False, True)
