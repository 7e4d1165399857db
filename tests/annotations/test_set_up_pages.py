"""What a team sets up in forms: everybody of the team sees it, some make and change it, and nobody else knows of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from accounts.models import Membership, Role, Team, User
from apps.annotations.admin.team_form import TeamForm
from apps.annotations.admin.team_set_up import TeamSetUpAdmin
from apps.annotations.golden.item import NewItem
from apps.annotations.models import (
    Evaluator,
    GoldenSet,
    OnlineEvaluation,
    PublishGate,
    ReviewQueue,
    ScoreConfig,
    TrainingSet,
)
from apps.annotations.services.gates import save_gate
from apps.annotations.services.golden_items import add_items
from apps.workflows.models import Application

pytestmark = pytest.mark.django_db(databases=["default", "traces"])
#: What is made and changed by the same rules; whether it can be deleted, and from which role on it is made.
KINDS: dict[type[Model], tuple[bool, str]] = {
    GoldenSet: (True, Role.EDITOR),
    TrainingSet: (True, Role.EDITOR),
    OnlineEvaluation: (True, Role.EDITOR),
    ReviewQueue: (False, Role.EDITOR),
    ScoreConfig: (False, Role.EDITOR),
    Evaluator: (False, Role.EDITOR),
    PublishGate: (True, Role.ADMIN),
}
ROLES = [Role.OPERATOR, Role.EDITOR, Role.ADMIN]


def address(kind: type[Model], name: str, *args: Any) -> str:
    return reverse(f"admin:annotations_{kind._meta.model_name}_{name}", args=args)


def member(team: Team, role: str) -> User:
    user = User.objects.create_user(username=f"{team.slug}-{role}", is_staff=True)
    Membership.objects.create(team=team, user=user, role=role)
    return user


@pytest.fixture
def row_of(team: Team, app: Application) -> Callable[[type[Model]], Any]:
    """A row of a kind, made by nobody."""

    def make(kind: type[Model]) -> Any:
        if kind is ScoreConfig:
            return ScoreConfig.objects.create(team=team, name="Is it right?", kind="boolean")
        if kind is Evaluator:
            return Evaluator.objects.create(team=team, name="Exact", kind="exact", config={})
        if kind is OnlineEvaluation:
            return OnlineEvaluation.objects.create(team=team, name="Live", application=app, sample_percent=5)
        if kind is PublishGate:
            golden_set, owner = make(GoldenSet), member(team, Role.OWNER)
            add_items(golden_set, [NewItem(question="How many frames?", expected="Ten")], by=owner)
            golden_set.refresh_from_db()
            return save_gate(app=app.slug, golden_set=golden_set, evaluator=make(Evaluator), threshold=0.5, by=owner)
        return kind.objects.create(team=team, name="Spring")  # type: ignore[attr-defined]

    return make


def test_all_that_a_team_sets_up_keeps_to_the_same_rules() -> None:
    found = {each.model: each for each in admin.site._registry.values() if isinstance(each, TeamSetUpAdmin)}
    assert set(found) == set(KINDS)
    assert all(issubclass(each.form, TeamForm) for each in found.values())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_members_see_and_those_with_the_right_make_change_and_delete(
    client: Client, team: Team, row_of: Callable[[type[Model]], Any], kind: type[Model]
) -> None:
    row = row_of(kind)
    is_deletable, first_role = KINDS[kind]
    for role in ROLES:
        may = ROLES.index(role) >= ROLES.index(Role(first_role))
        client.force_login(member(team, role))
        assert client.get(address(kind, "changelist")).status_code == 200
        assert client.get(address(kind, "add")).status_code == (200 if may else 403)
        shown = client.get(address(kind, "change", row.pk))
        assert shown.status_code == 200
        assert ('name="_save"' in shown.content.decode()) is may
        if not may:
            assert client.post(address(kind, "change", row.pk), {}).status_code == 403
        assert client.get(address(kind, "delete", row.pk)).status_code == (200 if may and is_deletable else 403)
    client.force_login(member(Team.objects.create(slug="wasps", name="Wasps"), Role.OWNER))
    assert client.get(address(kind, "changelist")).status_code == 200
    # The admin leads away from what it does not find.
    assert client.get(address(kind, "change", row.pk)).status_code == 302
    assert client.post(address(kind, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert kind.objects.filter(pk=row.pk).exists()  # type: ignore[attr-defined]


def test_a_new_row_is_of_the_team_one_works_in_and_says_who_made_it(client: Client, team: Team) -> None:
    editor = member(team, Role.EDITOR)
    client.force_login(editor)
    made = client.post(address(GoldenSet, "add"), {"name": "Spring", "description": ""})
    golden_set = GoldenSet.objects.get()
    assert (golden_set.team, golden_set.created_by) == (team, editor)
    assert made["Location"] == reverse("admin:annotations_golden_set", args=[golden_set.id])
    other = User.objects.create_user(username="eve", is_staff=True)
    Membership.objects.create(team=team, user=other, role=Role.EDITOR)
    client.force_login(other)
    changed = client.post(address(GoldenSet, "change", golden_set.id), {"name": "Summer", "description": ""})
    golden_set.refresh_from_db()
    assert (golden_set.name, golden_set.created_by) == ("Summer", editor)
    assert changed["Location"] == made["Location"]
    question = {"name": "Right?", "description": "", "kind": "boolean", "categories": "", "tolerance": "0"}
    assert client.post(address(ScoreConfig, "add"), question)["Location"] == address(ScoreConfig, "changelist")
    assert ScoreConfig.objects.get().team == team
