"""Large values of a run's log: kept once, read back everywhere, and gone when no log names them."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest
import redis
from django.conf import settings
from django.db import connection, connections, transaction
from django.utils import timezone

from accounts.models import Team
from apps.traces.models import SpanPayload, Trace
from apps.traces.recorder.observer import flush
from apps.traces.services.rebuild_trace import rebuild_trace
from apps.workflows import services
from apps.workflows.adapters.log_store import Portion, store
from apps.workflows.engine.events import NodeSucceeded
from apps.workflows.engine.journal import Row, encode, stream_key
from apps.workflows.engine.large_values import LARGE, ValueLost, names_in, put_back, take_out
from apps.workflows.models import Application, Blob, BlobUse, Run, RunEvent
from apps.workflows.selectors.events import stored_events

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "traces"])

BIG = "All work and no play. " * 4_700  # about 100 KB
STEPS = 10
PASSING = {
    "skep": 1,
    "app": {"name": "Passing", "kind": "workflow"},
    "inputs": [{"name": "text", "type": "paragraph", "required": True, "max_length": 200_000}],
    "nodes": [
        {"id": "start", "type": "start"},
        *(
            {
                "id": f"n{step}",
                "type": "variable-aggregator",
                "config": {"variables": [f"n{step - 1}.output" if step else "inputs.text"]},
            }
            for step in range(STEPS)
        ),
        {"id": "end", "type": "end", "config": {"outputs": {"text": f"n{STEPS - 1}.output"}}},
    ],
    "edges": [
        {"from": "start", "to": "n0"},
        *({"from": f"n{step}", "to": f"n{step + 1}"} for step in range(STEPS - 1)),
        {"from": f"n{STEPS - 1}", "to": "end"},
    ],
}


@pytest.fixture(autouse=True)
def _traces_are_written() -> Iterator[None]:
    yield
    assert flush(10)


def run_of(application: Application, **inputs: Any) -> Run:
    """A run of the app in this process, at its end."""
    accepted = services.accept_workflow(
        application=application, version=application.live, inputs=inputs, source="api", end_user="ada"
    )
    asyncio.run(services.run_to_end(accepted))
    return Run.objects.get(id=accepted.run.id)


def test_a_value_that_every_step_passes_on_is_in_the_log_once(make_app):
    run = run_of(make_app(PASSING), text=BIG)
    events = stored_events(run.id)
    whole = sum(len(orjson.dumps(row.payload)) for row in encode(events))
    rows = list(RunEvent.objects.filter(run=run).values_list("payload", flat=True))
    kept = sum(len(orjson.dumps(payload)) for payload in rows) + sum(len(blob.content) for blob in Blob.objects.all())
    print(f"log of {STEPS} steps with a value of {len(BIG):,} bytes: {whole:,} bytes before, {kept:,} now")
    assert Blob.objects.count() == 1
    assert whole > STEPS * len(BIG)
    assert kept < 1.2 * len(BIG)
    outputs = [event.outputs for _, event in events if isinstance(event, NodeSucceeded) and event.node_id == "n9"]
    assert outputs == [{"output": BIG}]


def test_large_values_are_whole_for_whoever_reads_the_run(server, make_app, key_of):
    application = make_app(PASSING)
    headers = key_of(application)
    body = {"inputs": {"text": BIG}, "user": "ada", "response_mode": "blocking"}
    reply = httpx.post(f"{server}/v1/workflows/run", json=body, headers=headers, timeout=30).json()
    assert reply.get("data", reply)["outputs"] == {"text": BIG}, str(reply)[:500]
    url = f"{server}/v1/workflow/{reply['workflow_run_id']}/events"
    told = httpx.get(url, headers=headers, timeout=30).text
    assert told.count(BIG) >= STEPS
    assert "$blobs" not in told
    run = Run.objects.get()
    Trace.objects.all().delete()
    rebuild_trace(run.id)
    assert BIG in str(list(SpanPayload.objects.values_list("outputs", flat=True)))


def test_a_run_goes_on_over_a_log_with_large_values(make_app):
    application = make_app(PASSING)
    run = run_of(application, text=BIG)
    # As if the process had died before the last two steps, and its lease had run out.
    last = RunEvent.objects.filter(run=run, kind="node_succeeded", payload__node_id="n7").get().seq
    RunEvent.objects.filter(run=run, seq__gt=last).delete()
    redis.Redis.from_url(settings.REDIS_URL).delete(stream_key(run.id))
    Run.objects.filter(id=run.id).update(
        status="running", outputs={}, lease_until=timezone.now() - dt.timedelta(seconds=1)
    )
    assert services.go_on_with_runs() == 1
    run.refresh_from_db()
    assert (run.status, run.outputs) == ("succeeded", {"text": BIG})
    assert Blob.objects.count() == 1


def test_teams_do_not_share_values(make_app, team):
    run_of(make_app(PASSING), text=BIG)
    other = Team.objects.create(slug="wasps", name="Wasps")
    application, _ = services.import_document(
        text=orjson.dumps({**PASSING, "app": {"name": "Theirs", "kind": "workflow"}}).decode(), team_id=other.id
    )
    run_of(application, text=BIG)
    assert set(Blob.objects.values_list("team_id", flat=True)) == {team.id, other.id}
    services.delete_application(application)
    Blob.objects.update(used_at=timezone.now() - dt.timedelta(hours=2))
    assert services.forget_blobs() == 1
    assert set(Blob.objects.values_list("team_id", flat=True)) == {team.id}


def test_a_value_goes_when_the_last_run_that_names_it_has_gone(make_app):
    application = make_app(PASSING)
    first, second = run_of(application, text=BIG), run_of(application, text=BIG)
    assert (Blob.objects.count(), BlobUse.objects.count()) == (1, 2)
    first.delete()
    Blob.objects.update(used_at=timezone.now() - dt.timedelta(hours=2))
    assert services.forget_blobs() == 0
    second.delete()
    Blob.objects.update(used_at=timezone.now())
    assert services.forget_blobs() == 0  # somebody may be about to name it
    Blob.objects.update(used_at=timezone.now() - dt.timedelta(hours=2))
    assert services.forget_blobs() == 1
    assert not Blob.objects.exists()


def test_a_value_that_is_named_while_it_is_being_removed_stays(make_app):
    """The writer holds the row; whoever removes it skips it, and finds it fresh afterwards."""
    application = make_app(PASSING)
    old = run_of(application, text=BIG)
    fresh = run_of(application, text="small")
    old.delete()
    Blob.objects.update(used_at=timezone.now() - dt.timedelta(hours=2))
    removed: list[int] = []

    def remove() -> None:
        removed.append(services.forget_blobs())
        connections.close_all()

    with transaction.atomic():
        row = Row(900, 900, "node_succeeded", {"kind": "node_succeeded", "outputs": {"text": BIG}})
        store([Portion(run_id=fresh.id, epoch=fresh.epoch, rows=[row])])
        remover = threading.Thread(target=remove)
        remover.start()
        remover.join(10)
        assert not remover.is_alive()
    assert removed == [0]
    assert services.forget_blobs() == 0
    assert Blob.objects.count() == 1


def test_a_value_that_is_removed_first_is_written_anew(make_app):
    """The writer waits for whoever removes the row, and then puts it there again."""
    application = make_app(PASSING)
    run_of(application, text=BIG).delete()
    fresh = run_of(application, text="small")
    Blob.objects.update(used_at=timezone.now() - dt.timedelta(hours=2))
    row = Row(900, 900, "node_succeeded", {"kind": "node_succeeded", "outputs": {"text": BIG}})

    def write() -> None:
        store([Portion(run_id=fresh.id, epoch=fresh.epoch, rows=[row])])
        connections.close_all()

    writer = threading.Thread(target=write)
    with transaction.atomic():
        assert services.forget_blobs() == 1
        writer.start()
        _until_somebody_waits()
    writer.join(10)
    assert not writer.is_alive()
    assert Blob.objects.count() == BlobUse.objects.count() == 1


def _until_somebody_waits() -> None:
    with connection.cursor() as cursor:
        for _ in range(2_000):
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
            cursor.execute("SELECT pg_sleep(0.005)")
    raise AssertionError("nobody waits for the row")


@pytest.mark.parametrize(
    "payload",
    [
        {"kind": "x", "outputs": {"text": "ä" * LARGE}},
        {"kind": "x", "outputs": {"list": [{"n": number, "t": "x" * 50} for number in range(500)], "small": 1}},
        {"kind": "x", "outputs": {"texts": ["a" * LARGE * 2, "b", "c" * LARGE * 2]}},
        {"kind": "x", "outputs": {f"k{number}": "x" * 1_000 for number in range(20)}},
        {"kind": "x", "outputs": {"many": [chr(97 + number % 26) * LARGE * 2 for number in range(200)]}},
        {"kind": "x", "pieces": [[1.5, "word "] for _ in range(2_000)]},
        {"kind": "x", "pieces": [[1.5, "long " * LARGE]]},
        {"kind": "x", "outputs": {"$blobs": [[["outputs"], "0" * 64]], "text": "y" * LARGE * 2}},
        {"kind": "x", "outputs": {"small": {"$blobs": []}}},
    ],
)
def test_what_is_taken_out_is_put_back(payload):
    left, contents = take_out(payload)
    stored = orjson.loads(orjson.dumps(left))
    assert names_in([stored]) == set(contents)
    assert put_back(stored, {name: orjson.loads(body) for name, body in contents.items()}) == payload
    if "pieces" not in payload:
        assert len(orjson.dumps(left)) <= LARGE


def test_a_value_that_is_gone_is_not_taken_for_nothing():
    left, _ = take_out({"kind": "x", "outputs": {"text": "x" * LARGE * 2}})
    with pytest.raises(ValueLost):
        put_back(left, {})
