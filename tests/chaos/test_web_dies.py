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
from apps.traces.recorder.observer import flush
from apps.traces.services.rebuild_trace import rebuild_trace
from apps.workflows.models import Application, Message, Run, RunEvent
from apps.workflows.selectors.events import stored_events
from apps.workflows.services import go_on_with_runs
from tests.chaos.processes import Web, web_process
from tests.workflows.talking import WORDS, Item, asking, eventually, rest_of, streaming, text_of

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


def test_kill_9_in_mid_answer_loses_nothing_another_process_goes_on(
    survivor: Web, elsewhere: None, environment: dict[str, str], make_app: MakeApp, key_of: KeyOf
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
    assert go_on_with_runs() == 0  # nobody takes a run whose lease holds
    for reader in readers:
        expire(reader.run_id)
    assert go_on_with_runs() == 2
    assert go_on_with_runs() == 0
    for reader in (plain, lagging):
        _ended_well(reader, survivor, headers)
    _was_stopped(stopping, survivor, headers)


def _ended_well(reader: Reader, survivor: Web, headers: dict[str, str]) -> None:
    """The reader who comes back elsewhere is told to forget what he had, and gets the whole answer once."""
    after = rest_of(survivor.base, headers, reader.run_id, after=reader.frames[-1][0])
    whole = reader.frames + after
    assert [frame["answer"] for _, frame in after if frame["event"] == "message_replace"] == [""]
    assert after[-1][1]["data"]["status"] == "succeeded"
    assert len({position for position, _ in whole}) == len(whole)
    assert rest_of(survivor.base, headers, reader.run_id) == whole
    assert text_of(whole) == " ".join(WORDS)
    run, message = Run.objects.get(id=reader.run_id), Message.objects.get(run_id=reader.run_id)
    assert (run.status, run.epoch, run.lease_until) == ("succeeded", 2, None)
    assert (message.status, message.answer) == ("normal", " ".join(WORDS))
    seqs = [seq for seq, _ in stored_events(run.id)]
    assert seqs == list(range(1, len(seqs) + 1))
    flush()
    assert Trace.objects.get(run_id=run.id).status == "succeeded"


def _was_stopped(reader: Reader, survivor: Web, headers: dict[str, str]) -> None:
    after = rest_of(survivor.base, headers, reader.run_id, after=reader.frames[-1][0])
    said = text_of(reader.frames + after)
    assert after[-1][1]["data"]["status"] == "stopped"
    message = Message.objects.get(run_id=reader.run_id)
    assert (message.status, message.answer) == ("stopped", said)
    assert said.startswith(text_of(reader.frames))


def test_a_process_that_slept_through_its_lease_cannot_write_on(
    survivor: Web, elsewhere: None, environment: dict[str, str], make_app: MakeApp, key_of: KeyOf
) -> None:
    headers = key_of(make_app(asking()))
    with web_process(**environment) as web:
        reader = Reader(web, headers)
        eventually(lambda: reader.has_seen(5))
        process = psutil.Process(web.process.pid)
        process.suspend()
        try:
            expire(reader.run_id)
            assert go_on_with_runs() == 1
            closed = Run.objects.values().get(id=reader.run_id)
            log = list(stored_events(closed["id"]))
        finally:
            process.resume()
        time.sleep(4)  # more than the rest of the answer takes
    assert closed["status"] == "succeeded"
    assert Run.objects.values().get(id=reader.run_id) == closed
    assert stored_events(closed["id"]) == log
    assert Message.objects.get(run_id=reader.run_id).answer == " ".join(WORDS)


def test_a_process_that_leaves_hands_its_runs_over_at_once(
    survivor: Web, elsewhere: None, environment: dict[str, str], make_app: MakeApp, key_of: KeyOf
) -> None:
    headers = key_of(make_app(asking()))
    with web_process(**environment) as web:
        reader = Reader(web, headers)
        eventually(lambda: reader.has_seen(10))
        web.process.terminate()
        assert web.process.wait(10) is not None
    reader.join(5)
    assert go_on_with_runs() == 1  # its lease has not run out: it was given back
    _ended_well(reader, survivor, headers)


def test_a_run_that_kills_whoever_takes_it_is_closed(
    elsewhere: None, environment: dict[str, str], make_app: MakeApp, key_of: KeyOf
) -> None:
    headers = key_of(make_app(asking()))
    with web_process(**environment) as victim:
        reader = Reader(victim, headers)
        eventually(lambda: reader.has_seen(3))
        victim.kill()
    reader.join(5)
    expire(reader.run_id)
    Run.objects.filter(id=reader.run_id).update(epoch=6)
    assert go_on_with_runs() == 0
    run = Run.objects.get(id=reader.run_id)
    assert (run.status, run.error["code"], run.lease_until) == ("failed", "interrupted", None)
    rebuild_trace(run.id, replace=False)
    assert Trace.objects.get(run_id=run.id).error_code == "interrupted"
