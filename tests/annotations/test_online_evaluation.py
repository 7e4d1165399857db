"""Online evaluation: live answers are sampled and judged within the budget of the day, and shown where one looks."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Membership, Role, Team, User
from apps.annotations.models import Evaluator, OnlineEvaluation, TraceScore
from apps.annotations.services.online import begin_online, evaluate_online, spent_today
from apps.traces.models import Trace
from apps.workflows.models import Application
from support.ids import uuid7

pytestmark = pytest.mark.django_db(databases=["default", "traces"])


@pytest.fixture
def editor(team: Team, client: Client) -> User:
    user = User.objects.create_user(username="erna", password="secret-erna", is_staff=True)
    Membership.objects.create(team=team, user=user, role=Role.EDITOR)
    client.force_login(user)
    return user


@pytest.fixture
def polite(team: Team) -> Evaluator:
    config = {"field": "", "words": ["please"], "how_many": "all", "ignore_case": True}
    return Evaluator.objects.create(team=team, name="Polite", kind="contains", config=config)


@pytest.fixture
def online(team: Team, app: Application, polite: Evaluator) -> OnlineEvaluation:
    made = OnlineEvaluation.objects.create(team=team, application=app, name="Live", sample_percent=100, daily_answers=3)
    made.evaluators.add(polite)
    OnlineEvaluation.objects.filter(id=made.id).update(created_at=timezone.now() - dt.timedelta(hours=1))
    return made


def answered(app: Application, text: str, **changes: Any) -> Trace:
    """A trace of an answer that was given a minute ago."""
    facts: dict[str, Any] = {
        "source": "api",
        "status": "succeeded",
        "started_at": timezone.now() - dt.timedelta(minutes=1),
        "input": {"query": "How many frames?", "inputs": {}},
        "output": {"answer": text},
        "duration_us": 1_000,
    }
    return Trace.objects.create(
        id=uuid7(), team_id=app.team_id, application_id=app.id, application_name=app.name, **{**facts, **changes}
    )


def test_what_comes_is_judged_once_and_shown_on_the_trace_and_over_time(
    client: Client, editor: User, app: Application, online: OnlineEvaluation
) -> None:
    good, bad = answered(app, "Ten, please."), answered(app, "Ten.")
    answered(app, "Of an experiment", source="experiment")
    answered(app, "", status="failed")
    assert begin_online() == 1
    assert not evaluate_online(online.id)
    assert not evaluate_online(online.id)
    assert dict(TraceScore.objects.values_list("trace_id", "passed")) == {good.id: True, bad.id: False}
    shown = client.get(reverse("admin:annotations_online", args=[online.id])).content.decode()
    assert "50 % of 2 passed" in shown
    assert "<polyline" in shown
    assert reverse("admin:traces_trace_change", args=[bad.id]) in shown
    page = client.get(reverse("admin:traces_trace_change", args=[bad.id])).content.decode()
    assert "Polite" in page
    assert "not passed" in page
    assert reverse("admin:annotations_golden_from_trace", args=[bad.id]) not in page  # it has no run


def test_what_could_not_be_judged_says_why_in_words_on_the_page_and_on_the_trace(
    client: Client, editor: User, app: Application, online: OnlineEvaluation
) -> None:
    trace = answered(app, "Ten, please.")
    evaluate_online(online.id)
    raw = "TypeError: unhashable type (line 4)"
    failed = {"score": None, "passed": None, "explanation": "", "error_code": "code_error", "error_message": raw}
    TraceScore.objects.update(**failed)
    words = "stopped with an error. Correct it in the evaluator. It was line 4."
    shown, folded = (
        client.get(reverse("admin:annotations_online", args=[online.id])).content.decode().split("Technical")
    )
    assert words in shown
    assert ("TypeError" in shown, "TypeError" in folded) == (False, True)
    page = client.get(reverse("admin:traces_trace_change", args=[trace.id])).content.decode()
    assert (words in page, "TypeError" in page) == (True, False)


def test_the_budget_of_the_day_ends_judging(app: Application, online: OnlineEvaluation) -> None:
    for _n in range(9):
        answered(app, "Ten, please.")
    evaluate_online(online.id)
    # Four are judged side by side before the budget is asked again.
    assert spent_today(online).answers == 4
    evaluate_online(online.id)
    assert spent_today(online).answers == 4


def test_one_worker_at_a_time_and_none_where_it_is_off(app: Application, online: OnlineEvaluation) -> None:
    answered(app, "Ten, please.")
    held = OnlineEvaluation.objects.filter(id=online.id)
    held.update(leased_until=timezone.now() + dt.timedelta(minutes=5))
    assert begin_online() == 0
    assert not evaluate_online(online.id)
    held.update(leased_until=None, is_enabled=False)
    assert not evaluate_online(online.id)
    assert not TraceScore.objects.exists()


def test_only_evaluators_that_need_nothing_expected_can_be_chosen(
    client: Client, editor: User, team: Team, app: Application, polite: Evaluator
) -> None:
    exact = Evaluator.objects.create(team=team, name="Exact", kind="exact", config={"field": ""})
    form = {"name": "Live", "application": str(app.id), "sample_percent": "5", "currency": "USD", "source": "public"}
    address = reverse("admin:annotations_onlineevaluation_add")
    refused = client.post(address, {**form, "evaluators": [str(exact.id)]})
    assert "evaluators" in refused.context["adminform"].form.errors
    taken = client.post(address, {**form, "evaluators": [str(polite.id)], "is_enabled": "on"})
    made = OnlineEvaluation.objects.get()
    assert taken["Location"] == reverse("admin:annotations_online", args=[made.id])
    assert made.filters == {"source": "public"}
    assert "No scores yet" in client.get(taken["Location"]).content.decode()
    stranger = User.objects.create_user(username="stan", is_staff=True)
    Membership.objects.create(team=Team.objects.create(slug="wasps", name="Wasps"), user=stranger, role=Role.OWNER)
    client.force_login(stranger)
    assert client.get(taken["Location"]).status_code == 404
