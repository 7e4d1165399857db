"""What recording adds to a run: the same chats with the recorder and without it, in turns, in one process.

A run may take at most a tenth longer than unrecorded. Told apart:

    run      to the committed end of a run, as its user waits, when the writer has nothing left to do of the one before
    work     processor time of the process for each run, with all that the writer's thread does until the rows of this
             single run are written: the worst case, as many runs at once share statements. A demo model takes none, so
             this is the recorder beside next to nothing; it is told, and nothing is promised of it

Starts its own PostgreSQL and Redis in a temporary folder.

    python benchmarks/recorder_share.py [--rounds 12] [--runs 20]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]
MOST = 1.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--runs", type=int, default=20)
    options = parser.parse_args()
    from tests.services import _services

    with _services():
        os.environ["DJANGO_SETTINGS_MODULE"] = "console.settings.dev"
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        print(json.dumps(measure(options.rounds, options.runs), indent=2))


def measure(rounds: int, runs: int) -> dict[str, Any]:
    """Ratios first."""
    kinds = {name: asyncio.run(compared(app, rounds, runs)) for name, app in apps().items()}
    ratios = {name: found["ratio"] for name, found in kinds.items()}
    return {
        "benchmark": "recorder_share",
        "ratios": ratios,
        "most": MOST,
        "passed": max(found["run"] for found in ratios.values()) <= MOST,
        **kinds,
        "load": os.getloadavg()[0],
    }


def apps() -> dict[str, Any]:
    """A plain chat, and one that retrieves from an indexed handbook."""
    from accounts.models import Team
    from apps.workflows.models import Application
    from benchmarks.chat import fill

    fill()
    team = Team.objects.get(slug="bench")
    found = list(Application.objects.select_related("live").filter(team=team).order_by("id"))
    return {"plain": found[0], "retrieval": found[1]}


async def compared(app: Any, rounds: int, runs: int) -> dict[str, Any]:
    """Rounds with and without the recorder in turns; the first of each warms up."""
    from apps.traces.recorder.observer import observe
    from apps.workflows import hooks

    spent: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    for number in range(2 * (rounds + 1)):
        recorded = number % 2 == 0
        hooks._observers[:] = [each for each in hooks._observers if each is not observe] + [observe] * recorded
        took = await one_round(app, runs)
        if number > 1:
            spent[recorded].append(took)
    medians = {
        recorded: [statistics.median(values) * 1e3 / runs for values in zip(*times, strict=True)]
        for recorded, times in spent.items()
    }
    return {
        "ratio": {
            name: round(medians[True][place] / medians[False][place], 3) for place, name in enumerate(("run", "work"))
        },
        "recorded_ms": dict(zip(("run", "work"), (round(value, 2) for value in medians[True]), strict=True)),
        "unrecorded_ms": dict(zip(("run", "work"), (round(value, 2) for value in medians[False]), strict=True)),
    }


async def one_round(app: Any, runs: int) -> tuple[float, float]:
    """Seconds that the runs took, and of processor time until all is written."""
    from asgiref.sync import sync_to_async

    from apps.traces.recorder.observer import flush
    from apps.workflows import services

    cpu, clock = time.process_time(), 0.0
    for number in range(runs):
        accepted = await sync_to_async(services.accept_chat)(
            application=app,
            version=app.live,
            query=f"How do I back up, number {number}?",
            inputs={},
            source="api",
            end_user="bench",
        )
        began = time.perf_counter()
        await services.run_to_end(accepted)
        clock += time.perf_counter() - began
        await sync_to_async(flush)()
    return clock, time.process_time() - cpu


if __name__ == "__main__":
    main()
