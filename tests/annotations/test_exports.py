"""Results of experiments and corrections as files: nothing a spreadsheet calculates, nothing of other teams."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Membership, Role, Team, User
from apps.annotations import services
from apps.annotations.golden.item import NewItem
from apps.annotations.models import Evaluator, Experiment, GoldenSet, ResultScore
from apps.annotations.services import exporting_corrections, exporting_golden, exporting_results
from apps.annotations.services.golden_items import add_items
from apps.workflows.models import Application
from tests.annotations.conftest import make_app, make_turn
from tests.annotations.test_experiment_pages import measured
from tests.annotations.test_queue_put import content_of
from tests.annotations.test_queues import person

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "traces"])
#: What spreadsheets would calculate, or send somewhere.
FORMULAS = ('=HYPERLINK("https://evil.example","x")', "+1", "-1", "@SUM(A1)", "\t=1", " =1", "＝1+1")


@pytest.fixture
def editor(client: Client, team: Team) -> User:
    user = User.objects.create_user(username="erna", password="secret-erna", is_staff=True)
    Membership.objects.create(team=team, user=user, role=Role.EDITOR)
    client.force_login(user)
    return user


@pytest.fixture
def done(team: Team, app: Application, editor: User) -> Experiment:
    """An experiment whose every text wants to be a formula."""
    golden = GoldenSet.objects.create(team=team, name="=Spring")
    items = [NewItem(question=text.strip(), expected=text.strip(), inputs={"n": n}) for n, text in enumerate(FORMULAS)]
    add_items(golden, items, by=editor)
    exact = Evaluator.objects.create(team=team, name="=Exact", kind="exact", config={"field": ""})
    made = measured(golden, app, exact, number=2, right=set(range(1, 8)))
    for row, text in zip(made.results.order_by("number"), FORMULAS, strict=True):
        made.results.filter(id=row.id).update(answer=text, error_message=text)
    made.scores.filter(result__number=2).update(label="-bad", error_message="@out")
    return made


def results(client: Client, experiment: Experiment, format: str) -> bytes:
    return content_of(client.get(reverse("admin:annotations_experiment_export", args=[experiment.id, format])))


def cells(data: bytes) -> list[list[str]]:
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def is_calculated(cell: str) -> bool:
    return cell.lstrip(" \n").startswith(("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"))


def test_no_cell_of_any_file_is_calculated(client: Client, app: Application, done: Experiment, editor: User) -> None:
    for text in FORMULAS:
        services.correct_answer(make_turn(app, text, text).id, f"{text} better", by=editor)
    golden = reverse("admin:annotations_golden_export", args=[done.golden_set_id, 1, "csv"])
    corrections = reverse("admin:annotations_correction_export", args=["csv"])
    for data in (
        results(client, done, "csv"),
        content_of(client.get(corrections)),
        content_of(client.get(golden)),
    ):
        found = cells(data)
        assert len(found) == len(FORMULAS) + 1
        assert sum(cell.startswith("'") for row in found for cell in row) >= len(FORMULAS)
        assert [cell for row in found for cell in row if is_calculated(cell)] == []


def test_results_as_json_lines_hold_every_score_by_name(
    client: Client, done: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting_results, "PAGE", 3)
    told = [json.loads(line) for line in results(client, done, "jsonl").splitlines()]
    assert [line["number"] for line in told] == list(range(1, 8))
    assert [line["answer"] for line in told] == list(FORMULAS)
    assert told[0]["inputs"] == {"n": 0}
    (score,) = told[1]["scores"]
    assert score == {
        "evaluator": "=Exact",
        "kind": "exact",
        "score": 1.0,
        "passed": True,
        "verdict": "-bad",
        "why": "=compared word for word",
        "error": "@out",
    }
    assert client.get(f"/admin/annotations/experiment/{done.id}/results.docx").status_code == 404


def test_evaluators_of_one_name_have_columns_of_their_own(client: Client, done: Experiment) -> None:
    Experiment.objects.filter(id=done.id).update(evaluators=[*done.specs, {**done.specs[0], "id": "x"}])
    head, first, *_rest = cells(results(client, done, "csv"))
    assert len(set(head)) == len(head)
    row = dict(zip(head, first, strict=True))
    assert (row["'=Exact (1): passed"], row["'=Exact (2): passed"]) == ("1", "")


def test_corrections_are_exported_under_the_filters_of_their_list(
    client: Client, app: Application, team: Team, editor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting_corrections, "PAGE", 2)
    turns = [make_turn(app, f"Question {number}?", "Wrong") for number in range(5)]
    for turn in turns:
        services.correct_answer(turn.id, "Right and good", by=editor)
    services.correct_answer(make_turn(app, "Draft?", "Wrong").id, "Later", by=editor, approve=False)
    wasps = Team.objects.create(slug="wasps", name="Wasps")
    stranger = person(wasps, "stan", Role.EDITOR)
    services.correct_answer(make_turn(make_app(wasps, slug="nest"), "Theirs?").id, "Secret", by=stranger)
    listed = client.get(reverse("admin:annotations_correction_changelist"), {"status": "approved"}).content.decode()
    address = reverse("admin:annotations_correction_export", args=["jsonl"])
    assert f'href="{address}?status=approved"' in listed

    def told(**asked: Any) -> list[dict[str, Any]]:
        return [json.loads(line) for line in content_of(client.get(address, asked)).splitlines()]

    approved = told(status="approved")
    assert [line["question"] for line in approved] == [f"Question {number}?" for number in (4, 3, 2, 1, 0)]
    assert (
        approved[-1].items()
        >= {
            "original": "Wrong",
            "corrected": "Right and good",
            "author": "erna",
            "approved_by": "erna",
            "app": app.name,
            "message_id": str(turns[0].id),
            "trace_id": str(turns[0].run_id),
        }.items()
    )
    assert len(told()) == 6
    assert client.get(reverse("admin:annotations_correction_export", args=["docx"])).status_code == 404
    assert client.get(address, {"nonsense": "1"}).status_code == 400
    client.force_login(User.objects.create_user(username="nina", is_staff=True))
    assert client.get(address).status_code == 403


def test_a_golden_set_is_written_page_by_page(
    client: Client, done: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting_golden, "PAGE", 3)
    address = reverse("admin:annotations_golden_export", args=[done.golden_set_id, 1, "jsonl"])
    response = client.get(address)
    assert response["Content-Disposition"] == 'attachment; filename="spring-v1.jsonl"'
    told = [json.loads(line) for line in content_of(response).splitlines()]
    assert [line["question"] for line in told] == [text.strip() for text in FORMULAS]
    assert ResultScore.objects.count() == len(FORMULAS)
