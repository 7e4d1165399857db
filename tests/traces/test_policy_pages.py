"""The pages of policies, deletions and prices: who may use them, and what they do."""

from __future__ import annotations

import pytest
from django.urls import reverse

from accounts.models import Membership, Role, Team, User
from apps.traces.models import Erasure, Trace, TracePolicy
from providers.models import ModelPrice

pytestmark = pytest.mark.django_db(databases=["default", "traces"])


@pytest.fixture
def manager(team: Team) -> User:
    user = User.objects.create_user(username="mia", password="a long password", is_staff=True)
    Membership.objects.create(team=team, user=user, role=Role.ADMIN)
    return user


def test_a_manager_writes_a_policy_of_the_team_and_changes_it(client, manager, team):
    client.force_login(manager)
    form = {
        "app": "",
        "sample_percent": "25",
        "retention_days": "30",
        "personal": ["email", "phone"],
        "own_rules": "ticket: TCK-\\d+",
    }
    response = client.post(reverse("admin:traces_tracepolicy_add"), form)
    assert response.status_code == 302, response.content
    policy = TracePolicy.objects.get()
    assert (policy.team_id, policy.application_id, policy.retention_days) == (team.id, None, 30)
    assert policy.personal == ["email", "phone"]
    assert policy.own_rules == [{"name": "ticket", "pattern": "TCK-\\d+"}]
    assert client.get(reverse("admin:traces_tracepolicy_changelist")).status_code == 200
    page = client.get(reverse("admin:traces_tracepolicy_change", args=[policy.id]))
    assert "ticket: TCK-" in page.content.decode()
    assert client.post(reverse("admin:traces_tracepolicy_add"), form).status_code == 200, "there is one already"


def test_a_rule_that_is_slow_is_refused_with_a_reason(client, manager):
    client.force_login(manager)
    page = client.post(reverse("admin:traces_tracepolicy_add"), {"own_rules": "bad: (a+)+$"})
    assert page.status_code == 200
    assert "takes too long" in page.content.decode()
    assert not TracePolicy.objects.exists()


def test_a_rule_that_would_fill_the_memory_is_refused_with_its_name_and_a_reason(client, manager):
    client.force_login(manager)
    form = {"own_rules": "ticket: TCK-\\d+\nbomb: (?:(?:ab){1000}){100000}"}
    page = client.post(reverse("admin:traces_tracepolicy_add"), form)
    assert page.status_code == 200
    assert "bomb: its repetitions are too large together" in page.content.decode()
    assert not TracePolicy.objects.exists()


def test_whoever_only_operates_sees_policies_and_changes_nothing(client, operator, team):
    policy = TracePolicy.objects.create(team_id=team.id, retention_days=3)
    client.force_login(operator)
    assert client.get(reverse("admin:traces_tracepolicy_changelist")).status_code == 200
    assert client.post(reverse("admin:traces_tracepolicy_add"), {}).status_code == 403
    assert client.post(reverse("admin:traces_tracepolicy_delete", args=[policy.id]), {"post": "yes"}).status_code == 403
    assert client.get(reverse("admin:traces_erasure_add")).status_code == 403


def test_a_deletion_shows_first_what_is_there_and_then_deletes_it(client, manager, record, monkeypatch):
    from apps.traces import tasks
    from apps.traces.admin import erasure as page

    monkeypatch.setattr(page, "enqueue", lambda name, *args: tasks.erase_person(*args))
    record(end_user="ada")
    record(end_user="bob")
    client.force_login(manager)
    address = reverse("admin:traces_erasure_add")
    assert client.get(address).status_code == 200
    shown = client.post(address, {"end_user": "ada", "count": ""}).content.decode()
    assert "Delete 1 traces" in shown
    assert Trace.objects.count() == 2
    assert client.post(address, {"end_user": "ada", "delete": "1"}).status_code == 302
    assert [trace.end_user for trace in Trace.objects.all()] == ["bob"]
    assert Erasure.objects.get().requested_by == "mia"
    listed = client.get(reverse("admin:traces_erasure_changelist")).content.decode()
    assert "ada" not in listed.replace("metadata", "").partition('id="changelist"')[2]


def test_prices_are_entered_by_managers_and_the_list_says_its_source(client, manager, operator, team):
    client.force_login(manager)
    form = {"team": str(team.id), "model": "house-*", "currency": "USD", "input": "1.5", "output": "2", "tiers": "[]"}
    response = client.post(reverse("admin:providers_modelprice_add"), form)
    assert response.status_code == 302, response.content
    assert ModelPrice.objects.get().team == team
    broken = client.post(reverse("admin:providers_modelprice_add"), {**form, "model": "x", "tiers": '[{"above": 1}]'})
    assert broken.status_code == 200
    page = client.get(reverse("admin:providers_modelprice_changelist"))
    assert page.status_code == 200
    assert ">1.50<" in page.content.decode()
    listed = client.get(reverse("admin:providers_modelprice_listed"), {"q": "gpt-4o"}).content.decode()
    assert "LiteLLM" in listed
    assert "gpt-4o-mini" in listed
    assert "claude-sonnet-4-5" not in listed
    client.force_login(operator)
    assert client.get(reverse("admin:providers_modelprice_changelist")).status_code == 403
