"""Many traces changed at once: tags and deletion, of what is picked or of all that fits the filters."""

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Membership, Role, Team
from apps.traces.models import AgentThought, KeptTrace, Span, SpanPayload, Trace, TraceChange
from apps.traces.services import changes, list_jobs
from apps.traces.services.changes import go_on_with_changes, make_change
from apps.traces.services.find_missing import rebuild_missing_traces
from tests.traces import stories

pytestmark = pytest.mark.django_db(databases=["default", "traces"])


@pytest.fixture(autouse=True)
def queue(monkeypatch) -> list[str]:
    """What would have been sent to workers: the jobs are done in the tests themselves."""
    sent: list[str] = []
    for module in (changes, list_jobs):
        monkeypatch.setattr(module, "enqueue", lambda name, *args: sent.append(args[0]))
    return sent


@pytest.fixture
def change(client, operator, team):
    """Asks for a change in a role, makes it, and gives its record; the status of the refusal where there is one."""

    def ask_for(action: str, *, role: str = Role.ADMIN, query: str = "", ids: str = "", value: str = ""):
        Membership.objects.filter(user=operator, team=team).update(role=role)
        client.force_login(operator)
        body = {"action": action, "query": query, "ids": ids, "value": value}
        response = client.post(reverse("admin:traces_trace_change_all"), body)
        job = TraceChange.objects.first()
        if job is None:
            return response.status_code
        assert response.url == reverse("admin:traces_tracechange_change", args=[job.id])
        while make_change(job.id):
            pass
        job.refresh_from_db()
        assert job.status == TraceChange.Status.DONE, job.error
        return job

    return ask_for


def test_all_that_fits_the_filters_is_tagged_page_by_page(change, record, client, monkeypatch):
    monkeypatch.setattr(changes, "PAGE_ROWS", 2)
    broken = [record(stories.broken_stream, ago=60 + number) for number in range(5)]
    fine = record()
    job = change("add_tag", query="status=failed", value="  to  look at ")
    assert (job.rows_done, job.value) == (5, "to look at")
    assert {tuple(trace.tags) for trace in Trace.objects.filter(id__in=[trace.id for trace in broken])} == {
        (*broken[0].tags, "to look at")
    }
    assert "to look at" not in Trace.objects.get(id=fine.id).tags
    assert Span.objects.filter(trace=broken[0], tags__contains=["to look at"]).exists()
    page = client.get(reverse("admin:traces_trace_changelist") + "?tag=to+look+at").content.decode()
    assert page.count("<tr data-row=") == 5


def test_a_tag_is_given_once_and_taken_again(change, record):
    trace = record()
    for action, expected in (("add_tag", ["x"]), ("add_tag", ["x"]), ("remove_tag", [])):
        TraceChange.objects.all().delete()
        change(action, value="x")
        assert Trace.objects.get(id=trace.id).tags == expected


def test_picked_rows_are_changed_and_no_others(change, record):
    one, _other, three = record(), record(), record()
    change("add_tag", query="status=failed", ids=f"{one.id},{three.id}", value="x")
    assert set(Trace.objects.filter(tags__contains=["x"]).values_list("id", flat=True)) == {one.id, three.id}


def test_deletion_takes_everything_below_and_leaves_what_was_reviewed(change, record, team):
    gone, kept = record(stories.broken_stream), record(stories.broken_stream)
    KeptTrace.objects.create(trace_id=kept.id, team_id=team.id, reason="review")
    fine = record()
    job = change("delete", query="status=failed")
    assert job.rows_done == 1
    assert set(Trace.objects.values_list("id", flat=True)) == {kept.id, fine.id}
    for model in (Span, AgentThought):
        assert not model.objects.filter(trace_id=gone.id).exists()
    spans = Span.objects.values_list("id", flat=True)
    assert not SpanPayload.objects.exclude(span_id__in=list(spans)).exists()
    rebuild_missing_traces()
    assert not Trace.objects.filter(id=gone.id).exists()


def test_rows_of_other_teams_are_never_touched(change, record):
    theirs = record(team_id=Team.objects.create(slug="wasps", name="Wasps").id)
    change("add_tag", ids=str(theirs.id), value="x")
    assert Trace.objects.get(id=theirs.id).tags == theirs.tags


@pytest.mark.parametrize(
    ("action", "role", "value"),
    [
        ("add_tag", Role.VIEWER, "x"),
        ("delete", Role.OPERATOR, ""),
        ("delete", Role.EDITOR, ""),
        ("burn", Role.ADMIN, ""),
    ],
)
def test_what_a_role_does_not_include_is_refused(change, record, action, role, value):
    record()
    assert change(action, role=role, value=value) == 403
    assert Trace.objects.count() == 1


@pytest.mark.parametrize(("ids", "value"), [("", ""), ("", "x" * 61), ("nonsense", "x")])
def test_what_makes_no_sense_changes_nothing(change, record, ids, value):
    record()
    assert change("add_tag", ids=ids, value=value) == 302
    assert not TraceChange.objects.exists()


def test_a_change_whose_worker_died_goes_on(change, record, queue):
    record()
    change("add_tag", value="x")
    long_ago = timezone.now() - dt.timedelta(minutes=10)
    TraceChange.objects.update(status="running", beat_at=long_ago, cursor="", finished_at=None)
    assert go_on_with_changes() == 1
    assert make_change(TraceChange.objects.get().id) is False
    assert Trace.objects.get().tags.count("x") == 1


def test_its_page_says_how_far_it_is(client, change, record):
    record()
    job = change("add_tag", value="x")
    page = client.get(reverse("admin:traces_tracechange_change", args=[job.id])).content.decode()
    assert "1 trace" in page
    assert "hx-get" not in page


def test_its_page_says_what_was_asked_in_words(client, change, record):
    record(source="experiment")
    job = change("add_tag", value="checked", query="source=experiment&status=troubled&slower=1000")
    page = " ".join(client.get(reverse("admin:traces_tracechange_change", args=[job.id])).content.decode().split())
    assert "Add a tag: checked" in page
    for label, value in (("Source", "Experiment"), ("Status", "Anything but succeeded"), ("Slower than", "1 s")):
        assert f"<dt>{label}</dt><dd>{value}</dd>" in page
    assert "T" not in page.split("From (UTC)</dt>")[1].split("</dd>")[0].split(">")[-1]
