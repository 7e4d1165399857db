"""A role counts in its own team: what a person may do in one team opens nothing in another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import ApiKey, Membership, Role
from accounts.services import create_api_key
from apps.datasets.models import Dataset, Document
from providers.models import ProviderCredential
from tests.security.conftest import Tenant

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "traces"])
SignedIn = Callable[..., Client]


def membership_form(tenant: Tenant, member: Membership, role: str) -> dict[str, Any]:
    return {
        "name": tenant.team.name,
        "slug": tenant.team.slug,
        "memberships-TOTAL_FORMS": "1",
        "memberships-INITIAL_FORMS": "1",
        "memberships-0-id": str(member.id),
        "memberships-0-team": str(tenant.team.id),
        "memberships-0-user": str(member.user_id),
        "memberships-0-role": role,
    }


def test_a_manager_of_one_team_cannot_make_himself_owner_of_a_team_he_looks_into(
    bees: Tenant, wasps: Tenant, signed_in: SignedIn
) -> None:
    client = signed_in(bees=Role.OWNER, wasps=Role.VIEWER)
    own = Membership.objects.get(team=wasps.team)
    answer = client.post(f"/admin/accounts/team/{wasps.team.id}/change/", membership_form(wasps, own, "owner"))
    assert answer.status_code in (302, 403)
    own.refresh_from_db()
    assert own.role == Role.VIEWER
    mine = Membership.objects.get(team=bees.team)
    client.post(f"/admin/accounts/team/{bees.team.id}/change/", membership_form(bees, mine, "admin"))
    mine.refresh_from_db()
    assert mine.role == Role.ADMIN, "in his own team he may"


def test_a_manager_of_one_team_neither_sees_nor_plants_providers_in_another(
    bees: Tenant, wasps: Tenant, signed_in: SignedIn
) -> None:
    client = signed_in(bees=Role.OWNER, wasps=Role.VIEWER)
    shown = client.get("/admin/providers/providercredential/").content.decode()
    assert "bees-models" in shown
    assert "wasps-models" not in shown
    planted = {"name": "trap", "kind": "openai_compatible", "base_url": "https://trap.example/v1", "is_enabled": "on"}
    for tenant, count in ((wasps, 0), (bees, 1)):
        client.post("/admin/providers/providercredential/add/", {**planted, "team": str(tenant.team.id)})
        assert ProviderCredential.objects.filter(team=tenant.team, name="trap").count() == count


def test_a_manager_of_one_team_revokes_no_key_of_another(bees: Tenant, wasps: Tenant, signed_in: SignedIn) -> None:
    client = signed_in(bees=Role.OWNER, wasps=Role.VIEWER)
    keys = [
        create_api_key(team_id=each.team.id, subject_kind="app", subject_id=each.app.id)[0] for each in (bees, wasps)
    ]
    client.post("/admin/accounts/apikey/", {"action": "revoke", "_selected_action": [str(key.id) for key in keys]})
    assert [ApiKey.objects.get(id=key.id).is_usable for key in keys] == [False, True]


def test_an_editor_of_one_team_changes_no_dataset_of_another(bees: Tenant, wasps: Tenant, signed_in: SignedIn) -> None:
    client = signed_in(bees=Role.EDITOR, wasps=Role.VIEWER)
    for tenant, name in ((wasps, "wasps-papers"), (bees, "taken over")):
        client.post(
            f"/admin/datasets/dataset/{tenant.dataset.id}/change/",
            {"name": "taken over", "description": "", "settings": "{}"},
        )
        assert Dataset.objects.get(id=tenant.dataset.id).name == name
    both = [str(bees.dataset.id), str(wasps.dataset.id)]
    gone = {"action": "delete_selected", "_selected_action": both, "post": "yes"}
    client.post("/admin/datasets/dataset/", gone)
    assert [Dataset.objects.get(id=each).deleted_at is None for each in both] == [False, True]


def test_an_editor_of_one_team_stops_no_document_of_another(bees: Tenant, wasps: Tenant, signed_in: SignedIn) -> None:
    client = signed_in(bees=Role.EDITOR, wasps=Role.VIEWER)
    documents = [
        Document.objects.create(
            team=each.team, dataset=each.dataset, name="a.md", status=Document.Status.ERROR, is_enabled=True
        )
        for each in (bees, wasps)
    ]
    chosen = {"_selected_action": [str(each.id) for each in documents]}
    client.post("/admin/datasets/document/", {"action": "delete_selected", "post": "yes", **chosen})
    assert [Document.objects.get(id=each.id).deleted_at is None for each in documents] == [False, True]


@pytest.mark.parametrize(
    "path",
    [
        "accounts/apikey",
        "datasets/dataset",
        "datasets/document",
        "providers/providercredential",
        "workflows/application",
        "workflows/conversation",
        "workflows/message",
        "workflows/run",
    ],
)
def test_the_filters_of_the_admin_name_nothing_of_other_teams(
    bees: Tenant, wasps: Tenant, signed_in: SignedIn, path: str
) -> None:
    client = signed_in(bees=Role.OWNER)
    answer = client.get(f"/admin/{path}/")
    assert answer.status_code == 200
    assert "wasps" not in answer.content.decode().lower()
    both = signed_in(bees=Role.OWNER, wasps=Role.OWNER)
    assert "wasps" in both.get(f"/admin/{path}/").content.decode().lower(), "those of one's own teams are offered"
