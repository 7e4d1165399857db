"""Queues: what enters, who gets it, and what becomes of the answers."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from accounts.models import Membership, Role, Team, User
from apps.annotations import services
from apps.annotations.models import Assignment, Correction, QueueItem, ReviewQueue, Score, ScoreConfig
from apps.annotations.selectors.progress import agreement_per_question, own_progress, progress_by_person, progress_of
from apps.annotations.selectors.queues import questions_of
from apps.annotations.services.adjudicating import decide_item
from apps.annotations.services.claiming import claim_next, release_lease, renew_lease
from apps.annotations.services.feeding import fill_queue
from apps.annotations.services.queues import ask_questions, change_overlap, reopen_item
from apps.annotations.services.submitting import save_draft, skip_item, submit_answers, undo_last
from support.errors import Conflict, InvalidInput, NotAllowed
from tests.annotations.conftest import RIGHT, make_app, make_turn


def make_queue(team: Team, *, configs: list[ScoreConfig] | None = None, **fields: Any) -> ReviewQueue:
    queue = ReviewQueue.objects.create(team=team, **{"name": "Dislikes", **fields})
    ask_questions(queue, configs or [make_config(team)])
    return queue


def make_config(team: Team, name: str = "Is it right?", kind: str = "boolean", **fields: Any) -> ScoreConfig:
    return ScoreConfig.objects.create(team=team, name=name, kind=kind, **fields)


def make_items(queue: ReviewQueue, count: int) -> list[QueueItem]:
    rows = [
        QueueItem(
            team=queue.team,
            queue=queue,
            subject_kind="trace",
            subject_id=queue.id.__class__(int=number + 1),
            question=f"Question {number}",
            answer="An answer",
            origin="hand",
            wanted=queue.overlap,
        )
        for number in range(count)
    ]
    return QueueItem.objects.bulk_create(rows)


def person(team: Team, name: str, role: str = Role.OPERATOR) -> User:
    user = User.objects.create_user(username=name, password=f"secret-{name}", is_staff=True)
    Membership.objects.create(team=team, user=user, role=role)
    return user


def answer(queue: ReviewQueue, user: User, value: Any) -> Assignment:
    claimed = claim_next(queue, by=user)
    assert claimed is not None
    return submit_answers(claimed.id, {questions_of(queue.id)[0].key: value}, by=user)


def test_a_dislike_is_in_the_queue_as_soon_as_it_is_noted(team, app, operator):
    queue, other = make_queue(team), make_queue(team, name="Other", feed="errors", configs=[make_config(team, "B")])
    turn = make_turn(app)
    services.record_feedback(turn, rating="like", source="api", end_user="ada")
    assert not queue.items.exists()
    services.record_feedback(turn, rating="dislike", source="api", end_user="ada", reason="wrong", text="No.")
    services.record_feedback(turn, rating="dislike", source="public", end_user="eve")
    item = queue.items.get()
    assert (item.subject_id, item.question, item.answer) == (turn.id, turn.query, turn.answer)
    assert (item.trace_id, item.remark) == (turn.run_id, "Wrong · No.")
    assert not other.items.exists()


def test_dislikes_of_other_teams_and_other_apps_stay_out(team, app):
    stranger = make_app(Team.objects.create(slug="wasps", name="Wasps"), slug="nest")
    second = make_app(team, slug="second")
    queue = make_queue(team, application=app)
    for turn in (make_turn(stranger), make_turn(second)):
        services.record_feedback(turn, rating="dislike", source="api", end_user="ada")
    assert not queue.items.exists()


def test_filling_by_hand_brings_in_earlier_dislikes_once(team, app):
    turn = make_turn(app)
    services.record_feedback(turn, rating="dislike", source="api", end_user="ada", text="No.")
    queue = make_queue(team, is_continuous=False)
    since = timezone.now() - dt.timedelta(days=1)
    assert fill_queue(queue, since=since) == 1
    assert fill_queue(queue, since=since) == 0
    assert queue.items.get().remark == "No."


def test_a_claim_is_held_until_it_is_answered_and_the_next_one_follows(team, operator):
    queue = make_queue(team)
    first, second = make_items(queue, 2)
    claimed = claim_next(queue, by=operator)
    assert claimed is not None
    assert claimed.item_id == first.id
    again = claim_next(queue, by=operator)
    assert again is not None
    assert again.id == claimed.id
    ahead = claim_next(queue, by=operator, beside=[first.id])
    assert ahead is not None
    assert ahead.item_id == second.id
    assert claim_next(queue, by=operator, beside=[first.id, second.id]) is None


def test_an_item_is_never_in_more_hands_than_it_wants_reviews(team, operator):
    queue = make_queue(team, overlap=2)
    make_items(queue, 1)
    others = [person(team, name) for name in ("ben", "cleo")]
    assert claim_next(queue, by=operator)
    assert claim_next(queue, by=others[0])
    assert claim_next(queue, by=others[1]) is None


def test_a_lease_that_ran_out_goes_to_somebody_else_and_its_draft_is_kept(team, operator):
    queue = make_queue(team)
    make_items(queue, 1)
    ben = person(team, "ben")
    mine = claim_next(queue, by=operator)
    assert mine is not None
    key = questions_of(queue.id)[0].key
    save_draft(mine.id, {key: True}, by=operator)
    assert claim_next(queue, by=ben) is None
    Assignment.objects.filter(id=mine.id).update(leased_until=timezone.now() - dt.timedelta(seconds=1))
    theirs = claim_next(queue, by=ben)
    assert theirs is not None
    for late in (lambda: renew_lease(mine.id, by=operator), lambda: submit_answers(mine.id, {key: True}, by=operator)):
        with pytest.raises(Conflict):
            late()
    release_lease(theirs.id, by=ben)
    assert renew_lease(mine.id, by=operator).draft == {key: True}
    assert submit_answers(mine.id, {key: True}, by=operator).state == "submitted"


def test_answers_are_checked_against_their_questions(team, operator):
    rating = make_config(team, "Rating", "numeric", minimum=1, maximum=5)
    tone = make_config(team, "Tone", "categorical", categories=["warm", "cold"])
    queue = make_queue(team, configs=[rating, tone])
    make_items(queue, 1)
    mine = claim_next(queue, by=operator)
    assert mine is not None
    good = {str(rating.id): 4, str(tone.id): "warm"}
    for wrong in ({str(rating.id): 6}, {str(rating.id): True}, {str(tone.id): "hot"}, {str(tone.id): ""}):
        with pytest.raises(InvalidInput):
            submit_answers(mine.id, {**good, **wrong}, by=operator)
    submit_answers(mine.id, good, by=operator)
    assert {(score.number, score.text) for score in Score.objects.all()} == {(4.0, ""), (None, "warm")}
    assert queue.items.get().status == "completed"


def test_two_who_disagree_leave_it_to_somebody_who_decides(team, operator):
    queue = make_queue(team, overlap=2)
    make_items(queue, 2)
    ben, editor = person(team, "ben"), person(team, "edna", Role.EDITOR)
    for user, values in ((operator, (True, True)), (ben, (True, False))):
        for value in values:
            answer(queue, user, value)
    agreed, disputed = queue.items.order_by("id")
    assert (agreed.status, disputed.status) == ("completed", "disagreed")
    [(_question, agreement)] = agreement_per_question(queue, questions_of(queue.id))
    assert (agreement.items, agreement.percent) == (2, 50)
    key = questions_of(queue.id)[0].key
    with pytest.raises(NotAllowed):
        decide_item(disputed.id, {key: False}, by=operator)
    with pytest.raises(Conflict):
        decide_item(agreed.id, {key: False}, by=editor)
    decide_item(disputed.id, {key: False}, by=editor)
    disputed.refresh_from_db()
    assert disputed.status == "adjudicated"
    assert Score.objects.filter(item=disputed, assignment__role="review").count() == 2
    assert progress_of([queue.id])[queue.id].done == 2
    with pytest.raises(Conflict):
        undo_last(queue.id, by=ben)


def test_an_answer_can_be_taken_back_and_given_anew(team, operator):
    queue = make_queue(team)
    make_items(queue, 2)
    first = answer(queue, operator, True)
    back = undo_last(queue.id, by=operator)
    assert back.id == first.id
    assert back.draft == {questions_of(queue.id)[0].key: True}
    assert queue.items.order_by("id")[0].status == "pending"
    assert not Score.objects.exists()
    answered = answer(queue, operator, False)
    assert answered.id == first.id
    assert Score.objects.get().number == 0
    assert own_progress(queue, operator) == {"done": 1, "left": 1}


def test_what_is_skipped_goes_to_others_and_what_is_put_off_comes_last(team, operator):
    queue = make_queue(team)
    first, second = make_items(queue, 2)
    claimed = claim_next(queue, by=operator)
    assert claimed is not None
    with pytest.raises(InvalidInput):
        skip_item(claimed.id, by=operator, reason="")
    skip_item(claimed.id, by=operator, reason="", later=True)
    claimed = claim_next(queue, by=operator)
    assert claimed is not None
    assert claimed.item_id == second.id
    skip_item(claimed.id, by=operator, reason="language", text="Dutch")
    claimed = claim_next(queue, by=operator)
    assert claimed is not None
    assert claimed.item_id == first.id
    skip_item(claimed.id, by=operator, reason="unclear")
    assert claim_next(queue, by=operator) is None
    theirs = claim_next(queue, by=person(team, "ben"))
    assert theirs is not None
    assert theirs.item_id == first.id
    assert {(each.name, each.skipped) for each in progress_by_person(queue)} == {("olga", 2), ("ben", 0)}


def test_what_three_people_skip_is_set_aside_until_somebody_reopens_it(team, operator):
    queue = make_queue(team)
    make_items(queue, 1)
    people = [operator, person(team, "ben"), person(team, "cleo")]
    for user in people:
        claimed = claim_next(queue, by=user)
        assert claimed is not None
        skip_item(claimed.id, by=user, reason="broken")
    item = queue.items.get()
    assert item.status == "set-aside"
    assert claim_next(queue, by=person(team, "dora")) is None
    with pytest.raises(NotAllowed):
        reopen_item(item.id, by=operator)
    reopen_item(item.id, by=person(team, "edna", Role.EDITOR))
    assert claim_next(queue, by=operator) is not None


def test_a_correction_given_in_a_queue_waits_and_is_approved_by_who_decides(team, app, operator):
    fix = make_config(team, "Better answer", "correction")
    right = make_config(team, "Right?")
    queue = make_queue(team, configs=[right, fix], overlap=2)
    ask_questions(queue, [right, fix], optional=[fix.id])
    turn = make_turn(app)
    services.record_feedback(turn, rating="dislike", source="api", end_user="ada")
    ben, editor = person(team, "ben"), person(team, "edna", Role.EDITOR)
    for user, value in ((operator, False), (ben, True)):
        claimed = claim_next(queue, by=user)
        assert claimed is not None
        answers = {str(right.id): value, **({str(fix.id): RIGHT} if user == operator else {})}
        submit_answers(claimed.id, answers, by=user)
    item = queue.items.get()
    proposed = Correction.objects.get()
    assert (proposed.status, proposed.queue_item, proposed.trace_id) == ("proposed", item, turn.run_id)
    decide_item(item.id, {str(right.id): False, str(fix.id): RIGHT}, by=editor, approve=True)
    approved = Correction.objects.get()
    assert (approved.status, approved.author, approved.approved_by) == ("approved", operator, editor)


def test_low_scores_of_one_queue_reach_the_one_that_waits_for_them(team, operator):
    rating = make_config(team, "Rating", "numeric", minimum=1, maximum=5)
    first = make_queue(team, configs=[rating])
    options = {"config": str(rating.id), "below": 3}
    second = make_queue(team, name="Low", configs=[make_config(team)], feed="low-scores", feed_options=options)
    make_items(first, 2)
    answer(first, operator, 3)
    assert not second.items.exists()
    low = answer(first, operator, 2)
    assert second.items.get().subject_id == low.item.subject_id


def test_questions_are_fixed_once_somebody_answered_and_overlap_is_not(team, operator):
    queue = make_queue(team)
    make_items(queue, 2)
    answer(queue, operator, True)
    with pytest.raises(Conflict):
        ask_questions(queue, [make_config(team, "Another")])
    assert change_overlap(queue, overlap=3) == 1
    assert sorted(queue.items.values_list("wanted", flat=True)) == [1, 3]


@pytest.mark.django_db(transaction=True)
def test_many_who_claim_at_once_share_the_items_out(team):
    queue = make_queue(team, overlap=2)
    make_items(queue, 6)
    people = [person(team, f"p{number}") for number in range(8)]

    def work(user: User) -> int:
        try:
            done = 0
            while claimed := claim_next(queue, by=user):
                submit_answers(claimed.id, {questions_of(queue.id)[0].key: True}, by=user)
                done += 1
            return done
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=8) as threads:
        given = sum(threads.map(work, people))
    # Whoever finds everything in other hands stops; nothing is ever in too many.
    while any(work_left(queue, user) for user in people):
        given += sum(work(user) for user in people)
    assert given == 12
    assert set(queue.items.values_list("taken", "submitted", "status")) == {(2, 2, "completed")}
    assert Score.objects.count() == 12


def work_left(queue: ReviewQueue, user: User) -> bool:
    return bool(own_progress(queue, user)["left"])
