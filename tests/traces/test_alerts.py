"""Alerts from the runs that cross a bound to the letters and webhooks that tell of it."""

from __future__ import annotations

import datetime as dt
import hmac
import json
from base64 import b64decode, b64encode
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from apps.traces.models import Alert, AlertFiring, AlertNotice, Trace, TracePolicy
from apps.traces.recorder.fold import fold
from apps.traces.recorder.store import write
from apps.traces.selectors.policies import forget_policies
from apps.traces.services.alerts import webhook
from apps.traces.services.alerts.changes import mute_alert, save_alert
from apps.traces.services.alerts.check import check_due_alerts
from apps.traces.services.alerts.deliver import deliver_notices, send_test
from apps.traces.services.alerts.forget import forget_old_alert_history
from apps.traces.tasks import check_alerts
from support.ids import uuid7
from tests.traces import stories
from tests.traces.receiver import Receiver

pytestmark = pytest.mark.django_db(databases=["default", "traces"])
NOW = timezone.now


@pytest.fixture
def receiver(settings):
    with Receiver().serving() as made:
        settings.EGRESS_ALLOW = made.place
        yield made


@pytest.fixture
def watch(team):
    """Makes an alert of the team that fires above 20 % failed runs within the hour."""

    def make(**changes: Any) -> Alert:
        given = {"name": "Too many errors", "threshold": 20, "least_runs": 2, "emails": ["ops@example.org"]}
        return save_alert(Alert(team_id=team.id, **{**given, **changes}))

    return make


def checked(alert: Alert, *, later: float = 0) -> Alert:
    """The alert after the round of so many minutes from now."""
    check_due_alerts(at=NOW() + dt.timedelta(minutes=later))
    alert.refresh_from_db()
    return alert


def told() -> list[str]:
    return list(AlertNotice.objects.order_by("id").values_list("kind", flat=True))


def test_runs_that_fail_make_an_alert_fire_and_runs_that_succeed_end_it(watch, record):
    alert = watch()
    record(), record(), record(stories.broken_stream)
    assert checked(alert).state == "firing"
    assert alert.value == pytest.approx(100 / 3)
    assert deliver_notices() == 1
    (letter,) = mail.outbox
    assert letter.to == ["ops@example.org"]
    assert "Firing: Too many errors" in letter.subject
    assert "33.3 %" in letter.body
    assert f"/admin/traces/alert/{alert.id}/" in letter.body
    assert "status=failed" in letter.body

    for _ in range(9):
        record()
    assert checked(alert, later=6).state == "ok"
    assert told() == ["fired", "recovered"]
    (firing,) = AlertFiring.objects.all()
    assert firing.ended_at is not None
    assert firing.worst == pytest.approx(100 / 3)


def test_a_state_that_lasts_is_told_once_and_then_as_a_reminder(watch, record):
    alert = watch(remind_minutes=60, window_minutes=1440)
    record(stories.broken_stream), record(stories.broken_stream)
    for later in (0, 6, 12, 30):
        checked(alert, later=later)
    assert told() == ["fired"]
    checked(alert, later=61)
    assert told() == ["fired", "reminder"]
    assert AlertFiring.objects.count() == 1


def test_an_alert_is_checked_as_often_as_it_says(watch, record):
    alert = watch(every_minutes=15)
    first = checked(alert).checked_at
    assert checked(alert, later=14).checked_at == first
    assert checked(alert, later=16).checked_at > first


@pytest.mark.parametrize(
    ("rule", "state", "kinds"), [("keep", "unknown", []), ("ok", "ok", []), ("tell", "no_data", ["no_data"])]
)
def test_too_few_runs_are_no_data(watch, record, rule, state, kinds):
    alert = watch(no_data=rule, least_runs=3)
    record(stories.broken_stream), record(stories.broken_stream)
    assert checked(alert).state == state
    assert alert.value is None
    assert told() == kinds


@pytest.mark.parametrize("window", [15, 60])
def test_only_runs_of_the_team_the_app_and_the_window_count(watch, record, window):
    app = uuid7()
    alert = watch(measure="errors", threshold=1, application_id=app, application_name="Handbook", window_minutes=window)
    record(stories.broken_stream, application_id=app)
    record(stories.broken_stream)
    record(stories.broken_stream, team_id=uuid7(), application_id=app)
    record(stories.broken_stream, application_id=app, ago=3 * 3600)
    assert checked(alert).state == "ok"
    assert alert.value == 1
    record(stories.broken_stream, application_id=app)
    assert checked(alert, later=6).state == "firing"


@pytest.mark.parametrize("window", [15, 60])
@pytest.mark.parametrize(
    ("measure", "low", "high"),
    [("latency_p50", 0.5, 5), ("latency_p95", 0.5, 5), ("latency_p99", 0.5, 5), ("first_text_p95", 0.1, 5)],
)
def test_durations_are_read_in_seconds(watch, record, measure, low, high, window):
    record(), record()
    slow = watch(measure=measure, threshold=low, window_minutes=window)
    fast = watch(measure=measure, threshold=high, window_minutes=window)
    checked(slow)
    fast.refresh_from_db()
    assert (slow.state, fast.state) == ("firing", "ok")
    assert low < slow.value < high


@pytest.mark.parametrize("window", [15, 60])
def test_runs_tokens_and_cost_are_sums(watch, record, window):
    trace = record()
    alerts = [
        watch(measure=measure, threshold=1_000_000, window_minutes=window) for measure in ("runs", "tokens", "cost")
    ]
    check_due_alerts(at=NOW())
    for alert in alerts:
        alert.refresh_from_db()
    assert [alert.value for alert in alerts] == [1, trace.total_tokens, float(trace.cost or 0)]


@pytest.mark.parametrize("window", [15, 60])
@pytest.mark.parametrize(
    ("costs", "watched"),
    [([("1", "USD"), ("7", "CNY"), ("0.5", "USD")], 1.5), ([("1", "EUR"), ("7", "CNY")], 7)],
)
def test_costs_of_different_currencies_are_never_added(watch, team, window, costs, watched):
    alert = watch(measure="cost", threshold=1_000_000, window_minutes=window)
    for cost, currency in costs:
        story = stories.moved(stories.retrieval_chat(team_id=team.id), ago=60)
        told = fold(story.run, story.log)
        thoughts = [replace(told.thoughts[0], price=cost, currency=currency)]
        write([replace(told, thoughts=tuple(thoughts))])
    assert checked(alert).value == watched


@pytest.mark.parametrize("window", [15, 60])
def test_runs_of_experiments_are_no_traffic(watch, record, window):
    alert = watch(measure="errors", threshold=0, window_minutes=window)
    record(stories.broken_stream, source="experiment")
    record()
    assert checked(alert).state == "ok"
    runs = watch(measure="runs", threshold=1, window_minutes=window)
    assert (checked(runs).state, round(runs.value)) == ("ok", 1)


def test_a_quiet_app_can_be_watched_for(watch):
    alert = watch(measure="runs", direction="below", threshold=1)
    assert checked(alert).state == "firing"
    assert alert.value == 0


def test_verdicts_of_people_are_watched(watch, team, settings):
    from apps.workflows import hooks

    class Told:
        """What annotations would count."""

        def counts(self, scope, *, step):
            app = uuid7()
            return [hooks.FeedbackCount(at=scope.since, application_id=app, likes=1, dislikes=3)] * (
                team.id in scope.team_ids
            )

        def dislikes(self, scope, *, limit):
            return []

    source = Told()
    hooks.register_feedback_source(source)
    try:
        share = watch(measure="dislike_rate", threshold=50)
        number = watch(measure="dislikes", threshold=3)
        checked(share), checked(number)
        number.refresh_from_db()
        assert (share.value, share.state) == (75.0, "firing")
        assert (number.value, number.state) == (3, "ok")
    finally:
        hooks._feedback_sources.remove(source)


def test_a_muted_alert_tells_nobody_and_keeps_its_history(watch, record):
    alert = watch()
    mute_alert(alert, for_=dt.timedelta(hours=1))
    record(stories.broken_stream), record(stories.broken_stream)
    assert checked(alert).state == "firing"
    assert told() == []
    assert AlertFiring.objects.count() == 1


def test_an_alert_that_asks_something_else_begins_anew(watch, record):
    alert = watch()
    record(stories.broken_stream), record(stories.broken_stream)
    checked(alert)
    alert.name = "Another name"
    save_alert(alert)
    assert alert.state == "firing"
    alert.threshold = 100
    save_alert(alert)
    assert alert.state == "unknown"
    assert AlertFiring.objects.get().ended_at is not None
    assert checked(alert).state == "ok"
    assert told() == ["fired"]


def test_what_is_switched_off_is_not_checked(watch):
    alert = watch(is_enabled=False)
    assert check_due_alerts(at=NOW() + dt.timedelta(hours=1)) == 0
    alert.refresh_from_db()
    assert alert.checked_at is None


def test_one_alert_that_cannot_be_checked_does_not_keep_the_others(watch, monkeypatch):
    from django.db import OperationalError

    from apps.traces.services.alerts import check

    broken, whole = watch(name="A"), watch(name="B", measure="runs")
    real = check.read_figure

    def read(alert, *, at):
        if alert.id == broken.id:
            raise OperationalError("canceling statement due to statement timeout")
        return real(alert, at=at)

    monkeypatch.setattr(check, "read_figure", read)
    assert check_due_alerts(at=NOW() + dt.timedelta(seconds=1)) == 1
    broken.refresh_from_db(), whole.refresh_from_db()
    assert (broken.failure, whole.value) == ("OperationalError", 0)
    assert broken.due_at > NOW()


def test_a_webhook_is_signed_and_says_what_happened(watch, record, receiver):
    alert = watch(emails=[], webhook_url=receiver.url)
    record(stories.broken_stream), record(stories.broken_stream)
    check_alerts()
    assert deliver_notices() == 1
    ((headers, body),) = receiver.seen
    key = b64decode(alert.read_secret().removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    assert headers["webhook-signature"] == "v1," + b64encode(hmac.new(key, signed, sha256).digest()).decode()
    said = json.loads(body)
    assert said["type"] == "alert.fired"
    assert said["value"] == 100
    assert said["text"].startswith("Firing: Too many errors (all apps). It is 100 %")
    assert said["alert"]["id"] == str(alert.id)
    assert alert.read_secret() not in body.decode()


@pytest.mark.parametrize(
    ("answers", "state"),
    [([503], "again"), ([429], "again"), ([400], "lost"), ([302], "lost"), ([410], "lost"), ([204], "sent")],
)
def test_a_webhook_that_is_not_taken_is_tried_again_unless_it_was_refused(watch, receiver, answers, state):
    receiver.location = receiver.url if answers == [302] else ""
    alert = watch(emails=[], webhook_url=receiver.url)
    receiver.answers.extend(answers)
    notice = AlertNotice.objects.create(
        alert=alert, team_id=alert.team_id, kind="fired", channel="webhook", target=receiver.url, due_at=NOW()
    )
    deliver_notices()
    notice.refresh_from_db()
    assert len(receiver.seen) == 1
    assert (notice.sent_at is not None, notice.due_at is not None) == {
        "again": (False, True),
        "lost": (False, False),
        "sent": (True, False),
    }[state]
    if state == "again":
        assert notice.due_at > NOW()
        AlertNotice.objects.update(due_at=NOW())
        assert deliver_notices() == 1
        assert [headers["webhook-id"] for headers, _body in receiver.seen] == [str(notice.id)] * 2


def test_an_address_that_cannot_be_one_keeps_no_other_notice_from_being_sent(watch, receiver, monkeypatch):
    alert = watch(emails=[], webhook_url=receiver.url)
    facts = {"alert": alert, "team_id": alert.team_id, "kind": "fired", "channel": "webhook", "due_at": NOW()}
    strange = AlertNotice.objects.create(target="http://xn--/", **facts)
    AlertNotice.objects.create(target=receiver.url, **facts)
    assert deliver_notices() == 1
    strange.refresh_from_db()
    assert (strange.sent_at, strange.due_at) == (None, None)
    AlertNotice.objects.update(due_at=NOW(), sent_at=None)
    real = webhook.post

    def post(url: str, **given: object) -> None:
        if url == "http://xn--/":
            raise RuntimeError("nobody foresaw this")
        real(url, **given)

    monkeypatch.setattr(webhook, "post", post)
    assert deliver_notices() == 1
    strange.refresh_from_db()
    assert (strange.error, strange.due_at is not None) == ("RuntimeError", True)


def test_tries_end(watch, settings):
    settings.EGRESS_ALLOW = "127.0.0.1:9"
    alert = watch(emails=[], webhook_url="http://127.0.0.1:9/")
    notice = AlertNotice.objects.create(
        alert=alert, team_id=alert.team_id, kind="fired", channel="webhook", target=alert.webhook_url, due_at=NOW()
    )
    for _ in range(7):
        AlertNotice.objects.filter(due_at__isnull=False).update(due_at=NOW())
        deliver_notices()
    notice.refresh_from_db()
    assert notice.is_lost
    assert notice.tries == 7


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "http://169.254.169.254/latest/", "http://[::1]:9/"])
def test_a_webhook_does_not_reach_what_the_operator_keeps_closed(watch, url):
    alert = watch(emails=[], webhook_url=url)
    (notice,) = send_test(alert)
    assert notice.is_lost
    assert "may not be reached" in notice.error


def test_a_letter_without_a_mail_server_is_kept_and_says_why(watch, settings):
    settings.EMAIL_BACKEND, settings.EMAIL_HOST = "django.core.mail.backends.smtp.EmailBackend", ""
    (notice,) = send_test(watch())
    assert notice.sent_at is None
    assert "EMAIL_HOST" in notice.error


def test_a_name_cannot_add_lines_to_the_head_of_a_letter(watch):
    alert = watch(name="Errors\r\nBcc: everybody@example.org")
    (notice,) = send_test(alert)
    assert notice.sent_at is not None
    assert "\n" not in mail.outbox[0].subject
    assert mail.outbox[0].recipients() == ["ops@example.org"]


def test_old_history_is_forgotten(watch):
    alert = watch()
    send_test(alert)
    AlertFiring.objects.create(
        alert=alert,
        team_id=alert.team_id,
        state="firing",
        direction="above",
        threshold=1,
        began_at=NOW(),
        ended_at=NOW(),
    )
    assert forget_old_alert_history() == 0
    AlertNotice.objects.update(created_at=NOW() - dt.timedelta(days=91))
    AlertFiring.objects.update(ended_at=NOW() - dt.timedelta(days=401))
    assert forget_old_alert_history() == 2


@pytest.mark.parametrize(("percent", "rate"), [(50, 20), (25, 100 / 9), (100, 100 / 3)])
def test_in_a_short_window_kept_runs_stand_for_those_that_were_not_kept(watch, record, team, percent, rate):
    record(), record(), record(stories.broken_stream)
    TracePolicy.objects.create(team_id=team.id, sample_percent=percent)
    forget_policies()
    alert = watch(window_minutes=15)
    runs = watch(measure="runs", threshold=1_000_000, window_minutes=15)
    assert checked(alert).value == pytest.approx(rate)
    runs.refresh_from_db()
    assert runs.value == pytest.approx(1 + 2 * 100 / percent)


def test_where_nothing_that_succeeds_is_kept_a_short_window_reads_the_sums(watch, record, team):
    TracePolicy.objects.create(team_id=team.id, sample_percent=0)
    forget_policies()
    story = [stories.moved(stories.retrieval_chat(team_id=team.id), ago=5) for _ in range(3)]
    write([fold(each.run, each.log) for each in story])
    assert not Trace.objects.exists()
    alert = watch(window_minutes=15, least_runs=1)
    record(stories.broken_stream, ago=5)
    assert checked(alert).value == pytest.approx(25)


def test_percentiles_of_a_short_window_are_weighed(watch, record, team):
    for _ in range(3):
        record(stories.broken_stream)
    fast = record()
    Trace.objects.filter(id=fast.id).update(duration_us=1_000)
    TracePolicy.objects.create(team_id=team.id, sample_percent=10)
    forget_policies()
    assert checked(watch(measure="latency_p50", threshold=60, window_minutes=15)).value == pytest.approx(0.001)
