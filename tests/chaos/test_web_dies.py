"""The web process ends in the middle of a streaming answer: nothing that a reader saw is lost or repeated."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import httpx
import psutil
import pytest
from django.utils import timezone

from apps.traces.models import Trace
from apps.traces.services.rebuild_trace import rebuild_trace
from apps.workflows.models import Application, Message, Run, RunEvent
from apps.workflows.selectors.events import stored_events
from apps.workflows.services import reap_lost_runs
from tests.chaos.processes import Web, web_process
from tests.workflows.talking import WORDS, Item, asking, ended, eventually, rest_of, streaming, text_of

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "traces"])
MakeApp = Callable[..., Application]
KeyOf = Callable[..., dict[str, str]]


class Reader(threading.Thread):
    """Reads an answer for as long as its process lives; `frames` are what had arrived."""

    def __init__(self, web: Web, headers: dict[str, str]) -> None:
        super().__init__(daemon=True)
        self.frames: list[Item] = []
        self._web, self._headers = web, headers
        self.start()

    def run(self) -> None:
        with suppress(httpx.TransportError), streaming(self._web.base, self._headers) as events:
            for item in events:
                self.frames.append(item)

    @property
    def run_id(self) -> str:
        return str(self.frames[0][1]["task_id"])

    def has_seen(self, pieces: int) -> bool:
        return sum(frame["event"] == "message" for _, frame in self.frames) >= pieces


def expire(run_id: str) -> None:
    """As if half a minute had passed."""
    Run.objects.filter(id=run_id).update(lease_until=timezone.now() - dt.timedelta(seconds=1))


def test_kill_9_in_mid_answer_leaves_what_readers_saw_and_an_honest_end(
    survivor: Web, environment: dict[str, str], make_app: MakeApp, key_of: KeyOf
) -> None:
    headers = key_of(make_app(asking()))
    with web_process(**environment) as victim:
        readers = plain, lagging, stopping = [Reader(victim, headers) for _ in range(3)]
        eventually(lambda: all(reader.has_seen(12) for reader in readers))
        victim.kill()
    for reader in readers:
        reader.join(5)
        assert Run.objects.get(id=reader.run_id).status == "running"
    # The rows of the last moments were never committed; somebody had asked to stop.
    RunEvent.objects.filter(run_id=lagging.run_id, seq__gt=6).delete()
    Run.objects.filter(id=stopping.run_id).update(stop_requested_at=timezone.now())
    assert reap_lost_runs() == 0  # nobody closes a run whose lease holds
    for reader in readers:
        expire(reader.run_id)
    assert reap_lost_runs() == 3
    assert reap_lost_runs() == 0
    _ended_honestly(plain, survivor, headers, "failed")
    _ended_honestly(lagging, survivor, headers, "failed")
    _ended_honestly(stopping, survivor, headers, "stopped")


def _ended_honestly(reader: Reader, survivor: Web, headers: dict[str, str], status: str) -> None:
    """The reader who comes back elsewhere gets the rest and the end; rows, log and trace agree with it."""
    after = rest_of(survivor.base, headers, reader.run_id, after=reader.frames[-1][0])
    whole = reader.frames + after
    said = text_of(whole)
    assert [frame["code"] for _, frame in after if frame["event"] == "error"] == ["interrupted"] * (status == "failed")
    assert after[-1][1]["event"] == "workflow_finished"
    assert after[-1][1]["data"]["status"] == status
    assert len({position for position, _ in whole}) == len(whole)
    assert rest_of(survivor.base, headers, reader.run_id) == whole
    assert said.startswith(text_of(reader.frames))
    assert " ".join(WORDS).startswith(said)
    run, message = Run.objects.get(id=reader.run_id), Message.objects.get(run_id=reader.run_id)
    assert (run.status, run.error["code"], run.lease_until) == (status, "interrupted", None)
    assert (message.status, message.answer) == ("error" if status == "failed" else "stopped", said)
    seqs = [seq for seq, _ in stored_events(run.id)]
    assert seqs == list(range(1, len(seqs) + 1))
    rebuild_trace(run.id, replace=False)
    trace = Trace.objects.get(run_id=run.id)
    assert (trace.status, trace.error_code, trace.output["answer"]) == (status, "interrupted", said)


def test_a_process_that_slept_through_its_lease_cannot_write_on_and_one_that_leaves_closes_its_runs(
    survivor: Web, environment: dict[str, str], make_app: MakeApp, key_of: KeyOf
) -> None:
    headers = key_of(make_app(asking()))
    with web_process(**environment) as web:
        _sleep_through_the_lease(web, headers)
        reader = Reader(web, headers)
        eventually(lambda: reader.has_seen(10))
        began = time.monotonic()
        web.process.terminate()
        run = ended(reader.run_id, within=5)
        took = time.monotonic() - began
        assert web.process.wait(10) is not None
    print(f"closed {took:.2f} s after SIGTERM")
    reader.join(5)
    after = rest_of(survivor.base, headers, reader.run_id, after=reader.frames[-1][0])
    message = Message.objects.get(run=run)
    assert (run.status, run.error["code"]) == ("failed", "interrupted")
    assert (message.status, message.answer) == ("error", text_of(reader.frames + after))
    assert after[-1][1]["event"] == "workflow_finished"
    assert Trace.objects.get(run_id=run.id).error_code == "interrupted"
    assert took < 3


def _sleep_through_the_lease(web: Web, headers: dict[str, str]) -> None:
    reader = Reader(web, headers)
    eventually(lambda: reader.has_seen(5))
    process = psutil.Process(web.process.pid)
    process.suspend()
    try:
        expire(reader.run_id)
        assert reap_lost_runs() == 1
        closed = Run.objects.values().get(id=reader.run_id)
        log = list(stored_events(closed["id"]))
    finally:
        process.resume()
    time.sleep(4)  # more than the rest of the answer takes
    assert Run.objects.values().get(id=reader.run_id) == closed
    assert stored_events(closed["id"]) == log
    assert Message.objects.get(run_id=reader.run_id).status == "error"
