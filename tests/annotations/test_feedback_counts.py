"""Verdicts as those who watch runs count them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from apps.annotations.models import Feedback
from apps.annotations.services import record_feedback, withdraw_feedback
from apps.workflows.hooks import FeedbackScope, dislikes, feedback_counts
from support.ids import uuid7
from tests.annotations.conftest import make_turn

pytestmark = pytest.mark.django_db


def scope(team: Any, **changes: Any) -> FeedbackScope:
    now = timezone.now()
    given = {"team_ids": (team.id,), "since": now - dt.timedelta(hours=1), "until": now + dt.timedelta(hours=1)}
    return FeedbackScope(**{**given, **changes})


def counted(asked: FeedbackScope, step: str = "hour") -> tuple[int, int]:
    found = feedback_counts(asked, step=step)
    return sum(each.likes for each in found), sum(each.dislikes for each in found)


def test_verdicts_that_stand_are_counted_once(app, team):
    turn = make_turn(app)
    record_feedback(turn, rating="like", source="api", end_user="ada")
    record_feedback(turn, rating="dislike", source="api", end_user="ada", text="Once a year is wrong.")
    record_feedback(turn, rating="like", source="api", end_user="bob")
    record_feedback(turn, rating="dislike", source="api", end_user="eve")
    withdraw_feedback(turn, source="api", end_user="eve")
    assert counted(scope(team)) == counted(scope(team), "day") == (1, 1)
    assert counted(scope(team, team_ids=None)) == (1, 1)
    (told,) = dislikes(scope(team), limit=5)
    assert (told.message_id, told.application_id, told.text) == (turn.id, app.id, "Once a year is wrong.")


def test_verdicts_of_other_teams_apps_and_times_do_not_count(app, team):
    record_feedback(make_turn(app), rating="dislike", source="api", end_user="ada")
    now = timezone.now()
    elsewhere = (
        scope(team, team_ids=(uuid7(),)),
        scope(team, application_id=uuid7()),
        scope(team, since=now + dt.timedelta(minutes=1)),
        scope(team, until=now - dt.timedelta(minutes=1)),
        scope(team, team_ids=()),
    )
    assert [counted(each) for each in elsewhere] == [(0, 0)] * 5
    assert [dislikes(each, limit=5) for each in elsewhere] == [[]] * 5
    assert counted(scope(team, application_id=app.id)) == (0, 1)


def test_counting_takes_one_query_however_many_there_are(app, team, django_assert_num_queries):
    turn = make_turn(app)
    for name in "abcdef":
        record_feedback(turn, rating="dislike", source="api", end_user=name)
    asked = scope(team)
    with django_assert_num_queries(1):
        assert counted(asked) == (0, 6)
    with django_assert_num_queries(1):
        assert len(dislikes(asked, limit=4)) == 4
    assert Feedback.objects.count() == 6
