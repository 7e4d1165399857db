"""Alerts in the admin: who may set them, what the form refuses, and the acts on the page."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core import mail
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Membership, Role, Team, User
from apps.traces.models import Alert, AlertFiring, AlertNotice
from apps.traces.services.alerts.changes import save_alert
from apps.traces.services.alerts.check import check_due_alerts
from tests.annotations.conftest import make_app
from tests.traces import stories
from tests.traces.receiver import Receiver

pytestmark = pytest.mark.django_db(databases=["default", "traces"])
LIST = "admin:traces_alert_changelist"
ANSWERS: dict[str, Any] = {
    "name": "Too many errors",
    "is_enabled": "on",
    "measure": "error_rate",
    "direction": "above",
    "threshold": "5",
    "app": "",
    "window_minutes": "60",
    "least_runs": "5",
    "every_minutes": "5",
    "no_data": "keep",
    "emails": "ops@example.org\nops@example.org\nmei@example.org",
    "webhook_url": "https://hooks.example.org/skep",
    "remind_minutes": "240",
    "tells_recovery": "on",
}


@pytest.fixture
def manager(team: Team, client) -> User:
    """Somebody who manages the team, signed in."""
    user = User.objects.create_user(username="mia", password="a long password", is_staff=True)
    Membership.objects.create(team=team, user=user, role=Role.ADMIN)
    client.force_login(user)
    return user


@pytest.fixture
def alert(team: Team) -> Alert:
    return save_alert(
        Alert(team_id=team.id, name="Slow", measure="latency_p95", threshold=3, emails=["ops@example.org"])
    )


def page_of(alert: Alert, act: str = "change") -> str:
    return reverse(f"admin:traces_alert_{act}", args=[alert.id])


def add(client: Any, **changes: Any) -> Any:
    return client.post(reverse("admin:traces_alert_add"), {**ANSWERS, **changes})


def test_from_an_alert_it_is_one_click_to_the_runs_that_made_it_fire(client, manager, record):
    bad = record(stories.broken_stream)
    good = record()
    later = record(stories.broken_stream, ago=-3600)
    alert = save_alert(Alert(team_id=bad.team_id, name="Errors", measure="errors", threshold=0, window_minutes=15))
    check_due_alerts()
    page = client.get(page_of(alert)).content.decode()
    assert 'href="#alert-firings"' in page
    assert 'id="alert-firings"' in page
    addresses = [unescape(each) for each in re.findall(r'href="([^"]*status=failed[^"]*)"', page)]
    assert len(addresses) == 2, "of the last check, and of the time since it fires"
    for address in addresses:
        rows = client.get(address).content.decode()
        assert str(bad.id) in rows
        assert str(good.id) not in rows
    assert str(later.id) not in client.get(addresses[0]).content.decode()


def test_a_manager_sets_an_alert_for_the_current_team(client, manager, team):
    app = make_app(team, slug="handbook")
    assert add(client, app=str(app.id)).status_code == 302
    alert = Alert.objects.get()
    assert (alert.team_id, alert.application_id, alert.application_name) == (team.id, app.id, "Handbook")
    assert alert.emails == ["ops@example.org", "mei@example.org"]
    assert alert.created_by == "mia"
    assert alert.due_at <= timezone.now()
    page = client.get(page_of(alert)).content.decode()
    assert alert.read_secret().startswith("whsec_")
    assert alert.read_secret() in page
    assert "Share of failed runs above 5 % over 1 hour" in page
    assert "Too many errors" in client.get(reverse(LIST)).content.decode()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"threshold": "-1"}, "threshold"),
        ({"threshold": "101"}, "threshold"),
        ({"threshold": "much"}, "threshold"),
        ({"emails": "not an address"}, "emails"),
        ({"emails": " ".join(f"a{n}@example.org" for n in range(21))}, "emails"),
        ({"webhook_url": "ftp://example.org/"}, "webhook_url"),
        ({"webhook_url": "https://user:secret@example.org/"}, "webhook_url"),
        ({"webhook_url": "https://[::1/"}, "webhook_url"),
        ({"window_minutes": "7"}, "window_minutes"),
        ({"app": "01a20528-db7a-7076-83b5-2b1610ed1c20"}, "app"),
        ({"name": ""}, "name"),
    ],
)
def test_the_form_says_what_it_cannot_take(client, manager, changes, field):
    response = add(client, **changes)
    assert response.status_code == 200
    assert list(response.context["adminform"].form.errors) == [field]
    assert Alert.objects.count() == 0


def test_those_who_look_see_alerts_without_secret_and_change_nothing(client, operator, team, alert):
    alert.webhook_url = "https://hooks.example.org/skep"
    save_alert(alert)
    client.force_login(operator)
    page = client.get(page_of(alert)).content.decode()
    assert "Slow" in page
    assert "whsec_" not in page
    for act in ("test", "mute", "secret"):
        assert client.post(page_of(alert, act)).status_code == 403
    assert client.get(reverse("admin:traces_alert_add")).status_code == 403
    assert client.post(page_of(alert), ANSWERS).status_code == 403


def test_alerts_of_other_teams_are_not_there(client, manager):
    other = Team.objects.create(slug="wasps", name="Wasps")
    theirs = save_alert(Alert(team_id=other.id, name="Theirs", threshold=3))
    assert "Theirs" not in client.get(reverse(LIST)).content.decode()
    assert client.get(page_of(theirs)).status_code == 302
    for act in ("test", "mute", "secret"):
        assert client.post(page_of(theirs, act)).status_code == 403


def test_the_test_button_tells_everybody_and_says_whom_it_did_not_reach(client, manager, team, alert, settings):
    with Receiver().serving() as receiver:
        settings.EGRESS_ALLOW = receiver.place
        alert.webhook_url = receiver.url
        save_alert(alert)
        receiver.answers.append(500)
        page = client.post(page_of(alert, "test"), follow=True).content.decode()
        assert "It answers 500" in page
        assert "&lt;b&gt;not now" in page
        assert "1 test arrived." in page
        assert "Test: Slow" in mail.outbox[0].subject
        page = client.post(page_of(alert, "test"), follow=True).content.decode()
        assert "2 tests arrived." in page
    assert set(AlertNotice.objects.values_list("kind", flat=True)) == {"test"}
    assert not AlertNotice.objects.filter(due_at__isnull=False).exists()


def test_an_alert_that_tells_nobody_says_so(client, manager, team):
    lonely = save_alert(Alert(team_id=team.id, name="Quiet", threshold=3))
    assert "Nobody would be told" in client.post(page_of(lonely, "test"), follow=True).content.decode()


def test_acts_are_posts_only(client, manager, alert):
    for act in ("test", "mute", "secret"):
        assert client.get(page_of(alert, act)).status_code == 405


def test_an_alert_is_muted_and_heard_again(client, manager, alert):
    assert "Muted until" in client.post(page_of(alert, "mute"), {"hours": "8"}, follow=True).content.decode()
    assert "Muted until" not in client.post(page_of(alert, "mute"), {"hours": "0"}, follow=True).content.decode()


def test_a_new_secret_takes_the_place_of_the_old_one(client, manager, alert):
    alert.make_secret()
    alert.save()
    before = alert.read_secret()
    client.post(page_of(alert, "secret"))
    alert.refresh_from_db()
    assert alert.read_secret() != before


def test_a_secret_that_cannot_be_read_any_more_is_said_and_can_be_replaced(client, manager, alert, settings):
    alert.webhook_url = "https://hooks.example.org/skep"
    alert.make_secret()
    alert.save()
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    page = client.get(page_of(alert))
    assert page.status_code == 200
    assert "The secret cannot be read" in page.content.decode()
    assert client.post(page_of(alert, "secret")).status_code == 302
    page = client.get(page_of(alert)).content.decode()
    assert "The secret cannot be read" not in page
    assert "whsec_" in page


def test_a_save_does_not_take_back_what_a_check_found_meanwhile(client, manager, alert):
    Alert.objects.update(state="firing", value=9, since=timezone.now())
    answers = {**ANSWERS, "measure": "latency_p95", "threshold": "3", "name": "Slower"}
    assert client.post(page_of(alert), answers).status_code == 302
    alert.refresh_from_db()
    assert (alert.name, alert.state, alert.value) == ("Slower", "firing", 9)


def test_a_deleted_alert_takes_its_history_along(client, manager, alert):
    AlertFiring.objects.create(
        alert=alert, team_id=alert.team_id, state="firing", direction="above", threshold=1, began_at=timezone.now()
    )
    client.post(page_of(alert, "delete"), {"post": "yes"})
    assert (Alert.objects.count(), AlertFiring.objects.count()) == (0, 0)


def test_pages_ask_the_same_number_of_questions_whatever_there_is(client, manager, team, alert):
    def queries(address: str) -> int:
        with (
            CaptureQueriesContext(connections["default"]) as asked,
            CaptureQueriesContext(connections["traces"]) as asked_of_traces,
        ):
            assert client.get(address).status_code == 200
        return len(asked) + len(asked_of_traces)

    pages = (reverse(LIST), page_of(alert))
    for page in pages:
        queries(page)  # what is kept for later requests
    few = [queries(page) for page in pages]
    sent = {"alert": alert, "team_id": team.id, "target": "x", "channel": "email", "sent_at": timezone.now()}
    AlertNotice.objects.bulk_create([AlertNotice(kind="fired", **sent) for _ in range(50)])
    for number in range(9):
        save_alert(Alert(team_id=team.id, name=f"Alert {number}", threshold=1))
    assert [queries(page) for page in pages] == few
    assert max(few) <= 16
