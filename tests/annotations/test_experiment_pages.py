"""Experiments as people read them in the admin: begun, followed, compared in a sentence, looked into item by item."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Membership, Role, Team, User
from apps.annotations.golden.item import NewItem
from apps.annotations.models import Evaluator, Experiment, GoldenSet, Result, ResultScore
from apps.annotations.selectors.golden import items_of
from apps.annotations.services.golden_items import add_items
from apps.workflows.models import Application, Version
from support.ids import uuid7
from tests.annotations.test_queue_put import content_of

pytestmark = pytest.mark.django_db(databases=["default", "traces"])


@pytest.fixture
def editor(team: Team, client: Client) -> User:
    user = User.objects.create_user(username="erna", password="secret-erna", is_staff=True)
    Membership.objects.create(team=team, user=user, role=Role.EDITOR)
    client.force_login(user)
    return user


@pytest.fixture
def golden(team: Team, app: Application, editor: User) -> GoldenSet:
    made = GoldenSet.objects.create(team=team, application=app, name="Spring")
    items = [NewItem(question=f"Question {n}?", expected=f"Right answer {n}") for n in range(1, 61)]
    add_items(made, items, by=editor)
    return made


@pytest.fixture
def exact(team: Team) -> Evaluator:
    return Evaluator.objects.create(team=team, name="Exact", kind="exact", config={"field": ""})


def measured(
    golden: GoldenSet,
    app: Application,
    evaluator: Evaluator,
    *,
    number: int,
    right: set[int],
    status: str = "completed",
) -> Experiment:
    """An experiment that is over, in which these items were answered well."""
    version = app.versions.filter(number=number).first() or Version.objects.create(
        application=app, number=number, document={"skep": 1, "nodes": [], "edges": []}, digest=str(number)
    )
    items = list(items_of(golden, golden.version))
    experiment = Experiment.objects.create(
        team=golden.team,
        number=golden.experiments.count() + 1,
        name=f"Handbook v{number}",
        application=app,
        version=version,
        golden_set=golden,
        set_version=golden.version,
        evaluators=[evaluator.as_spec()],
        status="completed",
        total=len(items),
    )
    for item in items:
        passed = item.number in right
        result = Result.objects.create(
            team=golden.team,
            experiment=experiment,
            item=item,
            number=item.number,
            status="completed",
            run_id=uuid7(),
            answer=item.expected if passed else f"Wrong answer {item.number}",
            elapsed=0.5,
        )
        ResultScore.objects.create(
            team=golden.team,
            experiment=experiment,
            result=result,
            place=0,
            score=float(passed),
            passed=passed,
            explanation="=compared word for word",
        )
    return experiment


def page(experiment: Experiment, name: str = "experiment", *more: Any) -> str:
    return reverse(f"admin:annotations_{name}", args=[experiment.id, *more])


def test_the_form_begins_an_experiment_with_what_was_chosen(
    client: Client, golden: GoldenSet, app: Application, exact: Evaluator
) -> None:
    address = reverse("admin:annotations_experiment_add")
    assert app.draft is not None
    chosen = {
        "asked": f"{golden.id}@1",
        "measured": f"{app.slug}@{app.draft.number}",
        "evaluators": [str(exact.id)],
        "calls": "100",
        "currency": "eur",
        "parallel": "8",
        "item_seconds": "60",
    }
    assert "published and draft: version 1" in client.get(address).content.decode()
    response = client.post(address, chosen)
    begun = Experiment.objects.get()
    assert response["Location"] == page(begun)
    assert (begun.total, begun.parallel, begun.max_calls, begun.currency) == (60, 8, 100, "EUR")
    moving = client.get(page(begun), headers={"HX-Request": "true"}).content.decode()
    assert "hx-get" in moving
    assert "0 of 60 items" in moving
    client.post(page(begun, "experiment_stop"))
    over = client.get(page(begun), headers={"HX-Request": "true"})
    assert over["HX-Refresh"] == "true"
    assert "hx-get" not in over.content.decode()


@pytest.mark.django_db(transaction=True, databases=["default", "traces"])
def test_evaluators_stand_in_the_order_in_which_they_were_picked(
    client: Client, golden: GoldenSet, app: Application, exact: Evaluator
) -> None:
    facts = {"team": golden.team, "kind": "exact", "config": {"field": ""}}
    aunt, zoe = (Evaluator.objects.create(name=name, **facts) for name in ("Aunt", "Zoe"))
    address = reverse("admin:annotations_experiment_add")
    picked = [str(zoe.id), str(aunt.id), str(exact.id)]
    chosen = {"asked": f"{golden.id}@1", "measured": f"{app.slug}@1", "evaluators": picked}
    rest = {"currency": "USD", "parallel": "4", "item_seconds": "60"}
    refused = client.post(address, {**chosen, **rest, "currency": "?", "evaluators": [*picked[:2], "nobody"]})
    assert list(refused.context["form"].fields["evaluators"].queryset) == [zoe, aunt, exact]
    assert client.post(address, {**chosen, **rest}).status_code == 302
    begun = Experiment.objects.get()
    assert [spec["name"] for spec in begun.specs] == ["Zoe", "Aunt", "Exact"]
    client.post(page(begun, "experiment_stop"))
    shown = client.get(page(begun)).content.decode()
    assert re.findall(r'id="figure-\d">(\w+)<', shown) == ["Zoe", "Aunt", "Exact"]
    file = content_of(client.get(page(begun, "experiment_export", "csv")))
    assert re.findall(r"(\w+): score", file.decode("utf-8-sig")) == ["Zoe", "Aunt", "Exact"]
    again = client.get(f"{address}?baseline={begun.id}").context["form"]
    assert list(again.fields["evaluators"].queryset) == [zoe, aunt, exact]
    assert again["evaluators"].value() == picked


def test_what_cannot_be_measured_is_said_in_the_form(client: Client, golden: GoldenSet, app: Application) -> None:
    address = reverse("admin:annotations_experiment_add")
    assert "No evaluators yet" in client.get(address).content.decode()
    pairwise = Evaluator.objects.create(team=golden.team, name="Pair", kind="pairwise", config={"rubric": "Better"})
    chosen = {"asked": f"{golden.id}@1", "measured": f"{app.slug}@1", "evaluators": [str(pairwise.id)]}
    rest = {"currency": "USD", "parallel": "4", "item_seconds": "60"}
    response = client.post(address, {**chosen, **rest})
    assert response.status_code == 400
    assert "needs an experiment to compare with" in response.content.decode()
    assert not Experiment.objects.exists()


def test_a_better_version_is_told_in_a_sentence_with_its_interval(
    client: Client, golden: GoldenSet, app: Application, exact: Evaluator
) -> None:
    before = measured(golden, app, exact, number=1, right=set(range(1, 31)))
    after = measured(golden, app, exact, number=2, right=set(range(2, 51)))
    shown = client.get(f"{page(after)}?against={before.id}").content.decode()
    assert "Version 2 is better than version 1 by 31.7 points (95 % interval" in shown
    assert "unlikely to be chance, p &lt; 0.001." in shown
    assert "Item by item: 20 better, 1 worse, 39 the same." in shown
    # Those that became worse are one click away.
    worse = client.get(f"{page(after)}?against={before.id}&show=worse").content.decode()
    assert "Question 1?" in worse
    assert "Question 2?" not in worse


def test_a_difference_that_may_be_chance_says_how_many_items_would_tell(
    client: Client, golden: GoldenSet, app: Application, exact: Evaluator
) -> None:
    before = measured(golden, app, exact, number=1, right=set(range(1, 31)))
    after = measured(golden, app, exact, number=2, right=set(range(4, 37)))
    shown = client.get(f"{page(after)}?against={before.id}").content.decode()
    assert "No difference can be told between version 2 and version 1: +5.0 points" in shown
    assert "items would tell; there are 60." in shown
    same = client.get(f"{page(before)}?against={before.id}").content.decode()
    assert "got the same score for every item" in same


def test_experiments_on_the_same_version_are_told_apart_wherever_they_are_named(
    client: Client, golden: GoldenSet, app: Application, exact: Evaluator
) -> None:
    before = measured(golden, app, exact, number=1, right=set(range(1, 31)))
    after = measured(golden, app, exact, number=1, right=set(range(1, 51)))
    assert before.name == after.name
    listed = client.get(reverse("admin:annotations_experiment_changelist")).content.decode()
    assert ("Handbook v1 · #1" in listed, "Handbook v1 · #2" in listed) == (True, True)
    for asked, found in (("#2", [after]), ("handbook", [after, before]), ("#", []), ("#9", []), ("#²", [])):
        searched = client.get(reverse("admin:annotations_experiment_changelist"), {"q": asked})
        assert list(searched.context["cl"].result_list) == found, asked
    shown = client.get(f"{page(after)}?against={before.id}").content.decode()
    assert "“Handbook v1 · #2” is better than “Handbook v1 · #1” by 33.3 points" in shown
    assert "<h1>Handbook v1 · #2</h1>" in re.sub(r"<h1[^>]*>\s*(.*?)\s*</h1>", r"<h1>\1</h1>", shown)
    assert "Handbook v1 · #1 · version 1 ·" in shown  # to compare with
    item = client.get(f"{page(after, 'experiment_result', 1)}?against={before.id}").content.decode()
    assert ("“Handbook v1 · #1”" in item, "“Handbook v1 · #2”" in item) == (True, True)
    form = client.get(reverse("admin:annotations_experiment_add")).content.decode()
    assert ("Handbook v1 · #1 · Spring" in form, "Handbook v1 · #2 · Spring" in form) == (True, True)
    file = client.get(page(after, "experiment_export", "csv"))
    assert file["Content-Disposition"] == 'attachment; filename="experiment-handbook-v1-2.csv"'


def test_an_item_is_shown_beside_the_other_version_with_both_traces(
    client: Client, golden: GoldenSet, app: Application, exact: Evaluator
) -> None:
    before = measured(golden, app, exact, number=1, right={1})
    after = measured(golden, app, exact, number=2, right=set())
    shown = client.get(f"{page(after, 'experiment_result', 1)}?against={before.id}").content.decode()
    assert "<del>Right</del><ins>Wrong</ins> answer 1" in shown
    for experiment in (before, after):
        run_id = experiment.results.get(number=1).run_id
        assert reverse("admin:traces_trace_change", args=[run_id]) in shown
    assert f"{page(after, 'experiment_result', 2)}?against={before.id}" in shown
    assert client.get(page(after, "experiment_result", 61)).status_code == 404


@pytest.mark.django_db(transaction=True, databases=["default", "traces"])
def test_results_are_exported_with_what_every_evaluator_says(
    client: Client, golden: GoldenSet, app: Application, exact: Evaluator
) -> None:
    done = measured(golden, app, exact, number=2, right={3})
    text = content_of(client.get(page(done, "experiment_export", "csv"))).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 60
    assert rows[2]["Exact: passed"] == "1"
    assert rows[3]["answer"] == "Wrong answer 4"
    # Nothing that a spreadsheet would calculate.
    assert rows[3]["Exact: why"] == "'=compared word for word"


def test_what_was_not_answered_or_judged_says_why_in_words(
    client: Client, golden: GoldenSet, app: Application, exact: Evaluator
) -> None:
    done = measured(golden, app, exact, number=2, right={1})
    raw = "KeyError: 'answer' (line 7)"
    ResultScore.objects.filter(result__experiment=done, result__number=1).update(
        score=None, passed=None, explanation="", error_code="code_error", error_message=raw
    )
    done.results.filter(number=2).update(status="failed", error_code="rate_limited", error_message="429 from upstream")
    done.results.filter(number=3).update(
        status="failed", error_code="item_timeout", error_message="No answer within 9 s."
    )
    listed = client.get(page(done)).content.decode()
    judge = "The evaluator&#x27;s code stopped with an error. Correct it in the evaluator. It was line 7."
    asked = "The provider was asked too much at once. Ask fewer items at once."
    assert (judge in listed, asked in listed, "No answer within 9 s." in listed) == (True, True, True)
    assert ("KeyError" in listed, "429" in listed) == (False, False)
    for number, words, technical in (
        (1, judge, "KeyError"),
        (2, asked, "429 from upstream"),
        (3, "within 9 s", "item_"),
    ):
        before, _marker, folded = (
            client.get(page(done, "experiment_result", number)).content.decode().partition("Technical details")
        )
        assert words in before
        assert technical not in before
        assert technical in folded


def test_results_come_page_by_page_with_as_many_queries(
    client: Client, golden: GoldenSet, app: Application, exact: Evaluator, django_assert_max_num_queries: Any
) -> None:
    before = measured(golden, app, exact, number=1, right=set())
    after = measured(golden, app, exact, number=2, right={55})
    for address, most in (
        (f"{page(after)}?against={before.id}&show=missed&by=1&after=10", 40),
        (f"{page(after, 'experiment_result', 7)}?against={before.id}", 40),
        (reverse("admin:annotations_experiment_changelist"), 24),
        (reverse("admin:annotations_experiment_add"), 30),
    ):
        with django_assert_max_num_queries(most):
            assert client.get(address).status_code == 200
    second = client.get(f"{page(after)}?after=50").content.decode()
    assert "Question 51?" in second
    assert "Question 50?" not in second


def test_nobody_reaches_the_experiments_of_others(
    client: Client, golden: GoldenSet, app: Application, exact: Evaluator, team: Team
) -> None:
    done = measured(golden, app, exact, number=2, right=set())
    others = Team.objects.create(slug="wasps", name="Wasps")
    stranger = User.objects.create_user(username="stan", is_staff=True)
    Membership.objects.create(team=others, user=stranger, role=Role.OWNER)
    client.force_login(stranger)
    names: list[tuple[Any, ...]] = [("experiment",), ("experiment_result", 1), ("experiment_export", "csv")]
    assert [client.get(page(done, *each)).status_code for each in names] == [404, 404, 404]
    operator = User.objects.create_user(username="olga", is_staff=True)
    Membership.objects.create(team=team, user=operator, role=Role.OPERATOR)
    client.force_login(operator)
    assert [client.get(page(done, *each)).status_code for each in names] == [200, 200, 200]
    for name in ("experiment_stop", "experiment_retry", "experiment_remove"):
        assert client.post(page(done, name)).status_code == 403
    assert Experiment.objects.filter(id=done.id).exists()


@pytest.mark.parametrize(
    ("kind", "settings", "config"),
    [
        ("contains", {"words": "bee\nhive", "how_many": "any"}, {"words": ["bee", "hive"], "how_many": "any"}),
        ("json-schema", {"schema": '{"type": "object"}'}, {"field": "", "schema": {"type": "object"}}),
        ("judge", {"rubric": "Be right.", "model": "default", "steps": "5"}, {"rubric": "Be right.", "steps": 5}),
    ],
)
def test_an_evaluator_is_made_with_what_its_kind_needs(
    client: Client, team: Team, editor: User, kind: str, settings: dict[str, Any], config: dict[str, Any]
) -> None:
    form = {"name": "Mine", "description": "", "kind": kind, "pass_at": "1", **settings}
    address = reverse("admin:annotations_evaluator_add")
    assert 'name="is_archived"' not in client.get(address).content.decode()  # nobody archives what is not there yet
    response = client.post(address, form)
    assert response.status_code == 302, response.context["adminform"].form.errors
    made = Evaluator.objects.get()
    assert made.team_id == team.id
    assert config.items() <= made.config.items()
    assert not made.is_archived
    change = client.get(reverse("admin:annotations_evaluator_change", args=[made.id]))
    assert 'name="is_archived"' in change.content.decode()


def test_an_evaluator_that_cannot_judge_is_refused(client: Client, editor: User) -> None:
    for kind, settings, words in (
        ("regex", {"pattern": "("}, "This is no pattern"),
        ("judge", {"model": "default"}, "This is needed."),
        ("code", {"language": "python3", "code": "x = 1", "seconds": "5"}, "must define the function main"),
    ):
        form = {"name": "Mine", "description": "", "kind": kind, "pass_at": "1", **settings}
        response = client.post(reverse("admin:annotations_evaluator_add"), form)
        assert words in response.content.decode()
    assert not Evaluator.objects.exists()
