"""What is kept of a refusal, for how long, and who sees it."""

from __future__ import annotations

import datetime as dt
import hashlib

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from apps.sandbox.models import Refusal
from apps.sandbox.protocol import Language, RunError, RunLimits, RunRequest, RunResult, Status
from apps.sandbox.services import is_refusal
from apps.sandbox.tasks import forget
from support.ids import earliest, uuid7

LIST = "admin:sandbox_refusal_changelist"


def result(status: Status, kind: str = "", message: str = "") -> RunResult:
    return RunResult(status=status, error=RunError(type=kind, message=message) if kind else None)


@pytest.mark.parametrize(
    "ended",
    [
        result(Status.KILLED, "BlockedSystemCall"),
        result(Status.KILLED, "Crashed"),
        result(Status.TIMEOUT, "WallTimeLimit"),
        result(Status.MEMORY, "MemoryError"),
        result(Status.OUTPUT_LIMIT),
        result(Status.PROTOCOL, "Protocol"),
        result(Status.ERROR, "PermissionError", "[Errno 1] Operation not permitted"),
        result(Status.ERROR, "OSError", "[Errno 30] Read-only file system: '/x'"),
        result(Status.ERROR, "Error", "EACCES: permission denied, open '/etc/passwd'"),
    ],
    ids=lambda ended: ended.status,
)
def test_code_that_met_a_wall_was_refused(ended: RunResult):
    assert is_refusal(ended)


@pytest.mark.parametrize(
    "ended",
    [
        result(Status.OK),
        result(Status.ERROR, "ValueError", "no such number: 13"),
        result(Status.ERROR, "FileNotFoundError", "[Errno 2] No such file or directory"),
        result(Status.KILLED, "KilledByRequest"),
        result(Status.KILLED, "SandboxStopped"),
    ],
    ids=lambda ended: ended.error.type if ended.error else "ok",
)
def test_a_fault_of_its_own_or_a_stop_is_no_refusal(ended: RunResult):
    assert not is_refusal(ended)


def test_a_refusal_keeps_what_an_operator_asks_and_not_the_code(record, team):
    code = "const x = process.binding('spawn_sync')"
    run_id = uuid7()
    limits = RunLimits(wall_s=2)
    request = RunRequest(code=code, language=Language.JAVASCRIPT, profile="javascript", limits=limits)
    record(request=request, run_id=run_id)
    row = Refusal.objects.get()
    assert (row.team, row.app_slug, row.run_id, row.node_id) == (team, "helper", str(run_id), "code_1")
    assert (row.language, row.profile, row.status) == ("javascript", "javascript", "killed")
    assert (row.system_call, row.error_type) == ("ptrace", "BlockedSystemCall")
    assert row.code_sha256 == hashlib.sha256(code.encode()).hexdigest()
    assert row.details["limits"]["wall_s"] == 2
    assert row.details["usage"]["peak_kb"] == 9000
    assert not any(code in str(value) for value in vars(row).values())


def test_a_run_that_was_not_refused_leaves_nothing(record):
    assert record(status=Status.ERROR, type="ValueError", message="no") is None
    assert not Refusal.objects.exists()


def test_words_that_postgresql_cannot_hold_or_that_are_too_long_do_not_lose_a_refusal(record):
    request = RunRequest(code="\ud800")
    record(message="nul \0 half \udfff " + "x" * 10_000, node_id="n" * 500, type="T" * 500, request=request)
    row = Refusal.objects.get()
    assert row.message.startswith("nul \ufffd half ? x")
    assert (len(row.message), len(row.node_id), len(row.error_type)) == (2_000, 200, 100)


def test_after_thirty_days_a_refusal_is_forgotten(record):
    old, newer = record(), record()
    moment = timezone.now() - dt.timedelta(days=30, minutes=1)
    Refusal.objects.filter(id=old.id).update(id=earliest(moment), created_at=moment)
    assert forget() == 1
    assert list(Refusal.objects.all()) == [newer]


def test_the_list_shows_what_was_refused_with_the_way_to_its_trace(client, superuser, record):
    row = record(message="ptrace is <b>not</b> allowed")
    client.force_login(superuser)
    page = client.get(reverse(LIST)).content.decode()
    assert reverse("admin:traces_trace_change", args=[row.run_id]) in page
    for words in ("ptrace</code>", "Killed", "helper", "code_1", "is &lt;b&gt;not&lt;/b&gt; allowed"):
        assert words in page
    opened = client.get(reverse("admin:sandbox_refusal_change", args=[row.id]))
    assert opened.status_code == 200
    assert row.code_sha256 in opened.content.decode()
    assert client.post(reverse("admin:sandbox_refusal_delete", args=[row.id]), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?status__exact=memory", "memory"),
        ("?system_call=ptrace", "call"),
        ("?language__exact=javascript", "script"),
        ("?app_slug=other", "memory"),
        ("?q=heap", "memory"),
    ],
)
def test_filters_and_search_narrow_the_list(client, superuser, record, query: str, expected: str):
    request = RunRequest(code="x", language=Language.JAVASCRIPT)
    made = {
        "call": record(),
        "memory": record(status=Status.MEMORY, message="the heap is full", system_call=None, app_slug="other"),
        "script": record(request=request, system_call="bpf"),
    }
    client.force_login(superuser)
    listed = client.get(reverse(LIST) + query).context["cl"].queryset
    assert [row.id for row in listed] == [made[expected].id]


def test_a_run_is_found_by_its_id(client, superuser, record):
    record()
    wanted = record()
    client.force_login(superuser)
    assert list(client.get(reverse(LIST), {"q": wanted.run_id}).context["cl"].queryset) == [wanted]


def test_somebody_of_no_team_sees_nothing(client, record):
    record()
    client.force_login(User.objects.create_user(username="nina", password="a long enough password", is_staff=True))
    assert client.get(reverse(LIST)).status_code == 403
    assert client.get(reverse("sandbox:health")).status_code == 403


def test_the_list_costs_the_same_however_many_rows_it_has(client, superuser, record, django_assert_max_num_queries):
    for _ in range(12):
        record()
    client.force_login(superuser)
    with django_assert_max_num_queries(14):
        client.get(reverse(LIST))
