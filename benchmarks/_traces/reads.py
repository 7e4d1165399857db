"""What reading costs, through the pages that people open: lists at any depth, searches, a trace, the dashboard."""

from __future__ import annotations

import datetime as dt
import random
import re
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

from django.test import Client
from django.urls import reverse

from apps.traces.models import Trace
from apps.traces.selectors import rollups
from benchmarks._traces.generate import APPS, TEAM, words
from support.memory import settle

ROUNDS = 40


def everything(client: Client, *, until: dt.datetime) -> dict[str, Any]:
    """All figures, in milliseconds."""
    listed = reverse("admin:traces_trace_changelist")
    month = {"from": (until - dt.timedelta(days=30)).strftime("%Y-%m-%dT%H:%MZ")}
    chance = random.Random(11)
    wide = Trace.objects.filter(team_id=TEAM, span_count=200).first()
    assert wide is not None
    steps = _steps()
    client.get(listed)
    # As the web process does once it has started.
    settle()
    return {
        "list": _timed(_get(client, pages) for pages in _depths(client, listed, month)),
        "list_of_an_app": _timed(_get(client, f"{listed}?{urlencode({**month, 'app': app})}") for app in _apps()),
        "search_traces": _timed(_get(client, f"{listed}?{urlencode({**month, 'q': text})}") for text in _texts(chance)),
        "search_spans": _timed(
            _get(client, f"{reverse('admin:traces_span_changelist')}?{urlencode({**month, 'q': text})}")
            for text in _texts(chance)
        ),
        "trace_of_200_spans": _timed(
            [_get(client, reverse("admin:traces_trace_change", args=[wide.id])) for _ in range(ROUNDS)]
        ),
        "rollups_of_30_days": _timed([_rollups(until) for _ in range(ROUNDS)]),
        **steps(client),
    }


def _steps() -> Callable[[Client], dict[str, Any]]:
    def dashboard(client: Client) -> dict[str, Any]:
        address = f"{reverse('traces:dashboard')}?since=30d"
        return {"dashboard_of_30_days": _timed([_get(client, address) for _ in range(ROUNDS)])}

    return dashboard


def _depths(client: Client, listed: str, month: dict[str, str]) -> Iterator[str]:
    """Addresses of pages at all depths: the first ones by following links, the others by cursors into the past."""
    address = f"{listed}?{urlencode(month)}"
    yield address
    page = client.get(address).content.decode()
    place = re.search(r"older\.(\d+)\.[0-9a-f]{32}", page)
    assert place is not None
    newest = int(place[1])
    for step in range(1, ROUNDS):
        at = newest - round(step / ROUNDS * 29 * 86_400 * 1_000_000)
        cursor = f"older.{at}.{'f' * 32}"
        yield f"{listed}?{urlencode({**month, 'at': cursor})}"


def _apps() -> list[str]:
    keys = [row["application_id"] for row in Trace.objects.filter(team_id=TEAM).values("application_id")[:APPS]]
    return [str(key) for key in keys]


def _texts(chance: random.Random) -> list[str]:
    """Rare words, middling words, common words, pairs, and Chinese."""
    common = words(random.Random(2), 30).split()
    rare = [f"rare{number}" for number in range(10)]
    middling = [word for _ in range(20) for word in words(chance, 12).split()[-1:]][:14]
    chinese = ["一丁", "丂七丄", "丅丆万丈", "三上"]
    pairs = [" ".join(chance.sample(common, 2)) for _ in range(6)]
    return [*rare, *middling, *common[:6], *pairs, *chinese]


def _rollups(until: dt.datetime) -> Callable[[], object]:
    where = rollups.Where(team_ids=[TEAM], since=until - dt.timedelta(days=30), until=until)

    def read() -> object:
        rollups.totals(where)
        rollups.series(where, step="day")
        return [rollups.breakdown(where, by=by) for by in ("app", "model", "user")]

    return read


def _get(client: Client, address: str) -> Callable[[], object]:
    def get() -> object:
        response = client.get(address)
        assert response.status_code == 200, (address, response.status_code)
        return response

    return get


def _timed(calls: Any) -> dict[str, float]:
    """Time by the clock, and beside it the processor time of this process, which others on the machine change less."""
    spent, used = [], []
    for call in calls:
        began, before = time.perf_counter(), time.process_time()
        call()
        used.append((time.process_time() - before) * 1e3)
        spent.append((time.perf_counter() - began) * 1e3)
    return {
        "p50_ms": _share(spent, 0.5),
        "p95_ms": _share(spent, 0.95),
        "worst_ms": _share(spent, 1),
        "cpu_p50_ms": _share(used, 0.5),
        "cpu_p95_ms": _share(used, 0.95),
        "of": len(spent),
    }


def _share(values: list[float], share: float) -> float:
    return round(sorted(values)[min(len(values) - 1, int(len(values) * share))], 1)
