"""What recording costs: an event on the run's own loop, folding a finished run, writing a trace.

`PYTHONPATH=.:platform python benchmarks/recorder.py` prints JSON. With DATABASE_URL it writes to that database (its
own rows, removed afterwards); without it, only what needs no database is measured.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "platform"), str(Path(__file__).resolve().parents[1])]
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings.dev")

import django  # noqa: E402

django.setup()

from django.db import connections  # noqa: E402

from apps.traces.recorder.fold import Folding, fold  # noqa: E402
from apps.traces.recorder.observer import TraceObserver  # noqa: E402
from apps.traces.recorder.store import delete, write  # noqa: E402
from apps.traces.recorder.writer import TraceWriter  # noqa: E402
from apps.workflows.hooks import notify  # noqa: E402
from support.ids import uuid7  # noqa: E402
from tests.traces import stories  # noqa: E402

ROUNDS = 30
BATCH = 64


def main() -> None:
    """Measure and print."""
    figures = {
        "event_us": {name: events(tell) for name, tell in TOLD.items()},
        "fold_ms": {name: folding(tell) for name, tell in TOLD.items()},
        "target": {"event_us": 30},
    }
    if os.environ.get("DATABASE_URL"):
        figures["whole_us_per_event"] = {name: whole(tell) for name, tell in TOLD.items()}
        figures["write_ms_per_trace"] = {name: writing(tell) for name, tell in TOLD.items()}
    print(json.dumps(figures, indent=2))


def thousand_tokens() -> stories.Story:
    """A chat of a thousand tokens: most events are pieces of text."""
    story = stories.Story(stories.run_info(stories.CHAT_NODES, query="Tell me a long story.")).begin()
    story.start("answer_it").start("say")
    for number in range(1000):
        story.write("answer_it", f"word{number} ", pause=0.01).say("say", f"word{number} ", source="answer_it")
    return story.succeed("answer_it", {"text": story.spoken}).succeed("say", {"text": story.spoken}).finish()


TOLD: dict[str, Callable[..., stories.Story]] = {
    "chat of 6 nodes": stories.retrieval_chat,
    "chat of 1,000 tokens": thousand_tokens,
    "run of 300 nodes": stories.long_run,
}


def events(tell: Callable[..., stories.Story]) -> dict[str, float]:
    """Microseconds for each event in `hooks.notify` with the observer, the hand-over at the end included."""
    story = tell()
    spent = []
    for _ in range(ROUNDS):
        observers = [TraceObserver(story.run, to=TraceWriter(store=len))]
        began = time.perf_counter()
        for seq, event in story.log:
            notify(observers, seq, event)
        spent.append((time.perf_counter() - began) / len(story.log) * 1e6)
    return _summary(spent)


def folding(tell: Callable[..., stories.Story]) -> dict[str, float]:
    """Milliseconds of the writer's thread to make the rows of a finished run."""
    story = tell()
    spent = []
    for _ in range(ROUNDS):
        taken = Folding(story.run)
        for seq, event in story.log:
            taken.take(seq, event)
        began = time.perf_counter()
        taken.finish()
        spent.append((time.perf_counter() - began) * 1e3)
    return _summary(spent)


def whole(tell: Callable[..., stories.Story]) -> dict[str, float]:
    """Microseconds of processor time of this process for each event, with all that the writer's thread does with it:
    folding, prices, masking, words and the statement, in full batches."""
    told = [tell(run_id=uuid7()) if tell is not thousand_tokens else tell() for _ in range(BATCH)]
    events_of_all = sum(len(story.log) for story in told)
    spent = []
    for _ in range(3):
        began = time.process_time()
        write([fold(story.run, story.log) for story in told])
        spent.append((time.process_time() - began) / events_of_all * 1e6)
        delete([story.run.run_id for story in told])
    connections["traces"].close()
    return _summary(spent)


def writing(tell: Callable[..., stories.Story]) -> dict[str, dict[str, float]]:
    """Milliseconds for each trace, written alone and in a full batch."""
    return {"alone": _written(tell, 1), f"batch of {BATCH}": _written(tell, BATCH)}


def _written(tell: Callable[..., stories.Story], size: int) -> dict[str, float]:
    spent = []
    for _ in range(5 if size > 1 else ROUNDS):
        told = [tell(run_id=uuid7()) if tell is not thousand_tokens else tell() for _ in range(size)]
        records = [fold(story.run, story.log) for story in told]
        began = time.perf_counter()
        write(records)
        spent.append((time.perf_counter() - began) * 1e3 / size)
        delete([record.trace.id for record in records])
    connections["traces"].close()
    return _summary(spent)


def _summary(values: list[float]) -> dict[str, float]:
    return {"best": round(min(values), 2), "median": round(statistics.median(values), 2)}


if __name__ == "__main__":
    main()
