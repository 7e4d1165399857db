"""Exports: what is in the file, who gets it, and what happens when the work is interrupted."""

import csv
import datetime as dt
import io
import json
from dataclasses import replace

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Membership, Role, Team, User
from apps.traces.models import Trace, TraceExport
from apps.traces.selectors.lists import question_of
from apps.traces.selectors.saved_views import Viewer
from apps.traces.services import exports, list_jobs
from apps.traces.services.erasure import erase
from apps.traces.services.export_text import guarded
from apps.traces.services.exports import ask_for_export, file_of, forget_exports, go_on_with_exports, write_export
from support.errors import Conflict, InvalidInput
from tests.traces import stories

pytestmark = pytest.mark.django_db(databases=["default", "traces"])


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture(autouse=True)
def queue(monkeypatch) -> list[str]:
    """What would have been sent to workers: the jobs are done in the tests themselves."""
    sent: list[str] = []
    for module in (exports, list_jobs):
        monkeypatch.setattr(module, "enqueue", lambda name, *args: sent.append(args[0]))
    return sent


@pytest.fixture
def ask(team, operator):
    """Asks for an export as the operator."""

    def ask_for(query: dict[str, str] | None = None, *, table: str = "traces", **more) -> TraceExport:
        viewer = Viewer(team_id=team.id, user_id=operator.id, name="olga")
        question = question_of(query or {}, table=table)
        more.setdefault("format", "jsonl")
        return ask_for_export(viewer=viewer, team_ids=[team.id], question=question, **more)

    return ask_for


def written(job: TraceExport) -> list[dict]:
    """The rows of its finished file."""
    while write_export(job.id):
        pass
    job.refresh_from_db()
    assert job.status == TraceExport.Status.DONE, job.error
    content = file_of(job).read_bytes()
    assert len(content) == job.size
    if job.format == "jsonl":
        return [json.loads(line) for line in content.splitlines()]
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_a_file_holds_every_row_of_the_list_across_pages(ask, record, monkeypatch):
    monkeypatch.setattr(exports, "PAGE_ROWS", 3)
    made = [record(ago=100 + number) for number in range(8)]
    record(ago=3 * 86_400)
    rows = written(ask())
    assert [row["id"] for row in rows] == [str(trace.id) for trace in made]
    assert rows[0]["input_preview"].startswith("How many days of leave")
    assert rows[0]["duration_us"] == made[0].duration_us
    assert "input" not in rows[0]


def test_a_file_holds_what_the_filters_leave_and_nothing_of_other_teams(ask, record):
    record()
    broken = record(stories.broken_stream)
    record(stories.broken_stream, team_id=Team.objects.create(slug="wasps", name="Wasps").id)
    assert [row["id"] for row in written(ask({"status": "failed"}))] == [str(broken.id)]


def test_a_file_keeps_to_the_moment_at_which_it_was_asked_for(ask, record):
    record(ago=60)
    job = ask()
    record(ago=-5)
    assert len(written(job)) == 1


@pytest.mark.parametrize("table", ["traces", "spans", "thoughts"])
@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_every_list_can_be_written_in_both_formats_with_whole_values(ask, record, table, format):
    record(stories.hostile_chat)
    rows = written(ask(table=table, format=format, with_payloads=table != "thoughts"))
    assert rows
    assert all(row["id"] for row in rows)


def test_whole_values_of_spans_come_with_them_on_request(ask, record):
    record()
    rows = written(ask({"kind": "llm"}, table="spans", with_payloads=True))
    assert len(rows) == 1
    assert rows[0]["outputs"]["text"].startswith("You have 30 days")


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n=cmd|' /C calc'!A0", "＝1", "=HYPERLINK(1)"]
)
def test_no_cell_can_be_a_formula(text):
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "plain", "a=b", "3 - 1", "你好", "'=1"])
def test_other_texts_stay_as_they_are(text):
    assert guarded(text) == text


def test_formulas_in_what_users_wrote_arrive_as_text(ask, record):
    record()
    Trace.objects.update(input_preview='=HYPERLINK("https://evil.example","x")', duration_us=12)
    row = written(ask(format="csv"))[0]
    assert row["input_preview"] == '\'=HYPERLINK("https://evil.example","x")'
    assert row["duration_us"] == "12"


def test_a_turn_that_ends_early_is_gone_on_with_where_it_was(ask, record, monkeypatch):
    monkeypatch.setattr(exports, "PAGE_ROWS", 2)
    monkeypatch.setattr(exports, "TURN", dt.timedelta(0))
    made = [str(record(ago=100 + number).id) for number in range(4)]
    job = ask()
    assert write_export(job.id) is True
    job.refresh_from_db()
    assert (job.status, job.rows_done) == (TraceExport.Status.RUNNING, 2)
    assert [row["id"] for row in written(job)] == made


def test_what_a_dead_worker_wrote_after_its_last_note_is_not_in_the_file_twice(ask, record, monkeypatch):
    monkeypatch.setattr(exports, "PAGE_ROWS", 2)
    for _ in range(5):
        record(ago=100)
    made = [str(each) for each in Trace.objects.order_by("-started_at", "-id").values_list("id", flat=True)]
    job = ask()
    notes = iter([True, False])
    true_note = exports._noted
    # The worker dies after the second page was written and before that was noted.
    monkeypatch.setattr(exports, "_noted", lambda job: true_note(job) if next(notes) else False)
    assert write_export(job.id) is False
    monkeypatch.setattr(exports, "_noted", true_note)
    job.refresh_from_db()
    assert job.rows_done == 2
    assert file_of(job).stat().st_size > job.size
    assert [row["id"] for row in written(job)] == made


def test_jobs_whose_worker_fell_silent_are_queued_again(ask, queue):
    job = ask()
    assert queue == [str(job.id)]
    assert go_on_with_exports() == 0
    TraceExport.objects.update(beat_at=timezone.now() - dt.timedelta(minutes=10), status="running")
    assert go_on_with_exports() == 1
    assert queue == [str(job.id)] * 2


def test_a_page_that_takes_too_long_fails_the_export_and_says_why(ask, record, monkeypatch):
    record()
    job = ask()
    monkeypatch.setattr(exports, "PAGE_SECONDS", 0.02)
    page_of = exports.page_of

    def slowly(question, *, found, **more):
        found = replace(found, rows=found.rows.extra(where=["pg_sleep(1) IS NOT NULL"]))
        return page_of(question, found=found, **more)

    monkeypatch.setattr(exports, "page_of", slowly)
    assert write_export(job.id) is False
    job.refresh_from_db()
    assert job.status == TraceExport.Status.FAILED
    assert "shorter range" in job.error
    assert not file_of(job).exists()


def test_a_disk_that_cannot_be_written_to_fails_the_export_and_says_why(ask, record, settings, tmp_path):
    record()
    job = ask()
    settings.MEDIA_ROOT = tmp_path / "a file"
    settings.MEDIA_ROOT.write_text("in the way")
    assert write_export(job.id) is False
    job.refresh_from_db()
    assert (job.status, job.error) == (TraceExport.Status.FAILED, exports.NOT_WRITTEN)


def test_nobody_has_more_than_three_in_the_making(ask):
    for _ in range(3):
        ask()
    with pytest.raises(Conflict):
        ask()


def test_an_unknown_format_is_refused(ask):
    with pytest.raises(InvalidInput):
        ask(format="xlsx")


def test_old_files_are_deleted_and_their_record_stays(ask, record):
    record()
    job = ask()
    written(job)
    TraceExport.objects.update(expires_at=timezone.now() - dt.timedelta(minutes=1))
    path = file_of(job)
    assert path.exists()
    assert forget_exports() == 1
    assert not path.exists()
    assert TraceExport.objects.get().rows_done == 1
    assert forget_exports() == 0


def test_from_the_list_to_the_downloaded_file(client, operator, record):
    client.force_login(operator)
    broken = record(stories.broken_stream)
    record()
    asked = {"query": "status=failed&cols=id&view=all", "format": "csv", "payloads": "on"}
    page = client.post(reverse("admin:traces_trace_export"), asked)
    assert "Waiting for a worker." in client.get(page.url).content.decode()
    job = TraceExport.objects.get()
    assert client.get(reverse("admin:traces_traceexport_download", args=[job.id])).status_code == 404
    rows = written(job)
    assert [row["id"] for row in rows] == [str(broken.id)]
    assert "Download" in client.get(page.url).content.decode()
    response = client.get(reverse("admin:traces_traceexport_download", args=[job.id]))
    assert b"".join(response.streaming_content) == file_of(job).read_bytes()
    assert "attachment" in response["Content-Disposition"]
    assert job.file_name in client.get(reverse("admin:traces_traceexport_changelist")).content.decode()


def test_an_export_is_stopped_and_asked_for_again(client, operator, record):
    client.force_login(operator)
    record()
    client.post(reverse("admin:traces_trace_export"), {"query": "", "format": "jsonl"})
    job = TraceExport.objects.get()
    client.post(reverse("admin:traces_traceexport_stop", args=[job.id]))
    job.refresh_from_db()
    assert job.status == TraceExport.Status.STOPPED
    assert write_export(job.id) is False
    client.post(reverse("admin:traces_traceexport_again", args=[job.id]))
    assert TraceExport.objects.filter(status="queued").count() == 1


def test_exports_of_others_are_seen_by_who_manages_the_team_only(client, ask, record, team):
    record()
    job = ask()
    written(job)
    ben = User.objects.create_user(username="ben", password="a long password", is_staff=True)
    Membership.objects.create(team=team, user=ben, role=Role.OPERATOR)
    client.force_login(ben)
    page, file = (reverse(f"admin:traces_traceexport_{name}", args=[job.id]) for name in ("change", "download"))
    assert client.get(page).status_code == client.get(file).status_code == 404
    Membership.objects.filter(user=ben).update(role=Role.ADMIN)
    assert client.get(page).status_code == 200
    response = client.get(file)
    assert b"".join(response.streaming_content)


def test_who_lost_sight_of_a_team_no_longer_gets_its_rows(client, ask, record, operator):
    record()
    job = ask()
    written(job)
    Membership.objects.filter(user=operator).delete()
    Membership.objects.create(team=Team.objects.create(slug="wasps", name="Wasps"), user=operator, role=Role.VIEWER)
    client.force_login(operator)
    assert client.get(reverse("admin:traces_traceexport_download", args=[job.id])).status_code in (403, 404)


def test_deleting_a_person_drops_the_files_that_may_hold_their_rows(ask, record, team, monkeypatch):
    record(end_user="ada")
    others = Team.objects.create(slug="wasps", name="Wasps")
    done, going = ask({"since": "30d"}), ask({"since": "1h"}, table="thoughts")
    written(done)
    about = ask({"user": "ada"})
    viewer = Viewer(team_id=others.id, user_id=done.user_id, name="olga")
    question = question_of({}, table="traces")
    theirs = ask_for_export(viewer=viewer, team_ids=[others.id], question=question, format="csv")
    monkeypatch.setattr(exports, "TURN", dt.timedelta(0))
    write_export(going.id)
    written(theirs)
    erase(team_id=team.id, end_user="ada", requested_by="olga")
    assert not file_of(done).exists()
    assert not file_of(going).exists()
    assert file_of(theirs).exists()
    for job in (done, going):
        job.refresh_from_db()
        assert "deleted on request" in job.error
        assert job.path == ""
    assert not TraceExport.objects.filter(id=about.id).exists()
    assert not write_export(going.id)
    assert written(exports.ask_again(done)) == []


def test_an_export_of_all_teams_is_dropped_with_anybody_of_them(ask, record, team, operator):
    record(end_user="ada")
    other = Team.objects.create(slug="wasps", name="Wasps")
    viewer = Viewer(team_id=other.id, user_id=operator.id, name="root")
    job = ask_for_export(viewer=viewer, team_ids=None, question=question_of({}, table="traces"), format="csv")
    written(job)
    erase(team_id=team.id, end_user="ada", requested_by="olga")
    assert not file_of(job).exists()
