"""The page of an app's triggers: what it shows to whom, and its switches."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import Membership, Role, Team, User
from apps.workflows.models import Run, Trigger
from apps.workflows.pages.triggers import in_words
from tests.workflows.conftest import WORKFLOW
from tests.workflows.triggers.hooks import hooked, ticking

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "traces"])


def browser(team, role):
    user = User.objects.create_user(f"{role}@{team.slug}", password="irrelevant here")
    Membership.objects.create(team=team, user=user, role=role)
    client = Client()
    client.force_login(user)
    return client


def page(client, app):
    response = client.get(f"/apps/{app.slug}/triggers/")
    assert response.status_code == 200
    return response.content.decode()


def test_the_page_shows_addresses_to_editors_and_times_to_everybody(team, make_app):
    hook, tick = make_app(hooked()), make_app(ticking(every="day", at="09:30", timezone="Asia/Shanghai"))
    address = f"http://testserver/hooks/{Trigger.objects.get(application=hook).read_secret()}/"
    editor, viewer = browser(team, Role.EDITOR), browser(team, Role.VIEWER)
    assert address in page(editor, hook)
    assert "curl -X POST" in page(editor, hook)
    assert "/hooks/" not in page(viewer, hook)
    assert editor.get(f"/apps/{hook.slug}/triggers/")["Cache-Control"] == "no-store"
    shown = page(viewer, tick)
    assert "Every day at 09:30" in shown
    assert "Asia/Shanghai" in shown
    assert shown.count(" 09:30 ") == 5


def test_an_app_without_triggers_says_how_to_add_one(team, make_app):
    app = make_app(WORKFLOW)
    assert "Add a trigger-webhook or trigger-schedule node" in page(browser(team, Role.EDITOR), app)


def test_an_app_that_only_triggers_begin_offers_no_call_that_would_be_refused(team, make_app):
    app, other = make_app(hooked()), make_app(WORKFLOW)
    editor = browser(team, Role.EDITOR)
    for name in ("", "keys/"):
        shown = editor.get(f"/apps/{app.slug}/{name}").content.decode()
        assert "/v1/workflows/run" not in shown
        assert "its triggers begin its runs" in shown
        assert "/v1/workflows/run" in editor.get(f"/apps/{other.slug}/{name}").content.decode()


def test_triggers_are_switched_and_addresses_changed_by_editors_of_the_team_alone(team, make_app):
    app = make_app(hooked())
    trigger = Trigger.objects.get()
    before, base = trigger.token_hash, f"/apps/{app.slug}/triggers/{trigger.id}"
    stranger = browser(Team.objects.create(slug="wasps", name="Wasps"), Role.OWNER)
    for client, status in ((browser(team, Role.VIEWER), 403), (stranger, 404)):
        assert client.post(f"{base}/switch/").status_code == status
        assert client.post(f"{base}/address/").status_code == status
    trigger.refresh_from_db()
    assert (trigger.is_enabled, trigger.token_hash) == (True, before)
    editor = browser(team, Role.EDITOR)
    assert editor.get(f"{base}/address/").status_code == 405
    editor.post(f"{base}/switch/")
    editor.post(f"{base}/address/")
    trigger.refresh_from_db()
    assert trigger.is_enabled is False
    assert trigger.token_hash != before
    editor.post(f"{base}/switch/", {"is_enabled": "on"})
    trigger.refresh_from_db()
    assert trigger.is_enabled


def test_a_trigger_of_another_app_is_not_reached(team, make_app):
    app, other = make_app(hooked()), make_app(hooked("Other"))
    foreign = Trigger.objects.get(application=other)
    browser(team, Role.EDITOR).post(f"/apps/{app.slug}/triggers/{foreign.id}/switch/")
    foreign.refresh_from_db()
    assert foreign.is_enabled


def test_a_schedule_is_run_now_from_its_page(team, make_app, empty_queue):
    app = make_app(ticking(every="day"))
    response = browser(team, Role.EDITOR).post(f"/apps/{app.slug}/triggers/{Trigger.objects.get().id}/run/")
    run = Run.objects.get()
    assert response["Location"] == f"/apps/{app.slug}/runs/{run.id}/"
    assert (run.source, run.entry) == ("trigger", "tick")


def test_every_form_of_a_schedule_has_words():
    assert in_words({"every": "hour", "minute": 5}) == "Every hour, at minute 05"
    assert in_words({"every": "week", "weekdays": ["mon", "fri"], "at": "07:30"}) == "Every week on Mon, Fri at 07:30"
    assert in_words({"every": "month", "days": [1, "last"]}) == "Every month on day 1, the last at 00:00"
    assert in_words({"cron": "0 9 * * 1"}) == "0 9 * * 1"


def test_the_admin_lists_triggers_without_their_secret(make_app, member):
    make_app(hooked())
    trigger = Trigger.objects.get()
    User.objects.filter(id=member.id).update(is_superuser=True)
    client = Client()
    client.force_login(User.objects.get(id=member.id))
    assert "hook" in client.get("/admin/workflows/trigger/").content.decode()
    shown = client.get(f"/admin/workflows/trigger/{trigger.id}/change/").content.decode()
    assert trigger.read_secret() not in shown
    assert trigger.encrypted_secret not in shown
