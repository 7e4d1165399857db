"""What traces cost to write and to read, among a million spans or more. Prints JSON.

    ingest      the recorder writes at least half as many spans a second as COPY of the same rows, in one run
    list        a page at any depth: p95 <= 150 ms
    search      a page of what holds some words: p95 <= 200 ms
    trace       a trace of 200 spans: p95 <= 100 ms
    dashboard   thirty days: p95 <= 300 ms
    with ten times the spans no more than twice as long

Starts its own PostgreSQL and Redis in a temporary folder, or takes those that DATABASE_URL and REDIS_URL name; spans
of an earlier run that are there are used again.

    python benchmarks/traces.py [--spans 1000000] [--only ingest|reads]
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import random
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]
TARGETS = {
    "ingest_ratio": 0.5,
    "list_p95_ms": 150,
    "search_p95_ms": 200,
    "trace_of_200_spans_p95_ms": 100,
    "dashboard_p95_ms": 300,
}
AT_ONCE = 64
#: So many are written one by one; the others are copies of them at other times.
ORIGINAL = 20_000
WIDE = (200, 10_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=1_000_000)
    parser.add_argument("--only", choices=("ingest", "reads", "fill"))
    arguments = parser.parse_args()
    from tests.services import _services

    with _services():
        os.environ["DJANGO_SETTINGS_MODULE"] = "console.settings.dev"
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        print(json.dumps(measured(arguments), indent=2))


def measured(arguments: argparse.Namespace) -> dict[str, Any]:
    """The figures that were asked for."""
    from benchmarks._traces import ingest

    report: dict[str, Any] = {"benchmark": "traces", "targets": TARGETS, "load": os.getloadavg()[0]}
    if arguments.only != "reads":
        report["filled"] = fill(arguments.spans)
    if arguments.only in (None, "ingest"):
        report["ingest"] = ingest.against_copy()
        report["from_elsewhere"] = ingest.from_elsewhere()
    if arguments.only in (None, "reads"):
        report["reads"] = reads()
    return report


def fill(spans: int) -> dict[str, Any]:
    """Write some traces as the recorder does, copy them until there are so many spans, and count all of them."""
    from apps.traces.models import Trace
    from apps.traces.recorder.store import write
    from apps.traces.services.partitions import make_partitions, refresh_statistics
    from apps.traces.services.recount import recount_days
    from benchmarks._traces import generate
    from benchmarks._traces.multiply import multiply

    make_partitions()
    there = Trace.objects.filter(team_id=generate.TEAM).count() * generate.SPANS
    if there >= spans * 0.9:
        return {"spans": there, "written": 0}
    until = dt.datetime.now(dt.UTC).replace(microsecond=0)
    began = time.perf_counter()
    original = min(spans, ORIGINAL)
    if there < original:
        made = generate.traces(original // generate.SPANS, until=until)
        while batch := list(islice(made, AT_ONCE)):
            write(batch)
    written = time.perf_counter() - began
    traces = Trace.objects.filter(team_id=generate.TEAM).count()
    copies = spans // (traces * generate.SPANS) - 1
    if copies > 0:
        apart_ms = generate.DAYS * 86_400_000 // traces
        multiply(copies, step_ms=apart_ms // (copies + 1))
        recount_days((until - dt.timedelta(days=generate.DAYS)).date(), until.date() + dt.timedelta(days=2))
    chance = random.Random(3)
    for number, size in enumerate(WIDE):
        write([generate.trace(10**9 + number, at=until, chance=chance, spans=size)])
    make_partitions()
    refresh_statistics()
    return {
        "spans": spans,
        "written": original,
        "written_s": round(written),
        "copied_s": round(time.perf_counter() - began),
    }


def reads() -> dict[str, Any]:
    """Open the pages as somebody who may see the team."""
    from django.test import Client

    from accounts.models import Membership, Role, Team, User
    from benchmarks._traces import reads as pages
    from benchmarks._traces.generate import TEAM

    team, _ = Team.objects.get_or_create(id=TEAM, defaults={"slug": "bench", "name": "Bench"})
    user, _ = User.objects.get_or_create(username="bench", defaults={"is_staff": True})
    Membership.objects.get_or_create(team=team, user=user, defaults={"role": Role.OPERATOR})
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    return pages.everything(client, until=dt.datetime.now(dt.UTC))


if __name__ == "__main__":
    main()
