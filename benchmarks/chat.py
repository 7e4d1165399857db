"""What a chat turn costs with the demo model, from outside: time to the first token, statements, turns a second.

Aims: the first `message` event <= 150 ms (p50) after the request was sent, for a plain chat and for a retrieval chat; a
whole turn <= 12 database statements. Starts its own PostgreSQL, Redis and web process, as an installation runs them.

Statements are counted by PostgreSQL (`log_statement = all`, switched on for the counted turns only), not by our code:
everything that reaches the server counts, from the key's look-up to the last trace row, also what follows the answer.
`BEGIN`, `COMMIT`, `SET` and the like are given apart, as `control`.

    python benchmarks/chat.py [--turns 60] [--clients 16] [--seconds 10]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]

FIRST_TOKEN_MS = 150
STATEMENTS = 12
_CONTROL = re.compile(r"(BEGIN|COMMIT|ROLLBACK|SET|SHOW|SAVEPOINT|RELEASE|DISCARD|SELECT set_config)\b", re.IGNORECASE)
_STATEMENT = re.compile(r"LOG:  (?:statement|execute [^:]*): (.*(?:\n\t.*)*)")
QUESTIONS = ("How do I back up?", "Where are the logs?", "What does make up do?", "Who may publish an app?")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=60)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "console.settings.dev"
    from tests import services

    services.pytest_load_initial_conftests()
    try:
        print(json.dumps(measure(options.turns, options.clients, options.seconds), indent=2))
    finally:
        services.pytest_unconfigure()


def measure(turns: int, clients: int, seconds: float) -> dict[str, Any]:
    """All figures: targets and ratios first."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    apps = fill()
    from tests.chaos.processes import web_process

    with web_process() as web:
        for headers in apps.values():
            for _ in range(5):
                turn(web.base, headers)  # imports, plans, connections
        first = {name: first_tokens(web.base, headers, turns) for name, headers in apps.items()}
        counted = {name: statements(web.base, headers) for name, headers in apps.items()}
        rates = {name: rate(web.base, headers, clients, seconds) for name, headers in apps.items()}
    return {
        "targets": {"first_token_p50_ms": FIRST_TOKEN_MS, "statements": STATEMENTS},
        "ratios": {
            "first_token": {name: round(times["p50"] / FIRST_TOKEN_MS, 2) for name, times in first.items()},
            "statements": {name: round(count["statements"] / STATEMENTS, 2) for name, count in counted.items()},
        },
        "first_token_ms": first,
        "statements_of_a_turn": counted,
        f"turns_per_second_at_{clients}_clients": rates,
        "cpus": os.cpu_count(),
        "load": [round(value, 1) for value in os.getloadavg()],
    }


def fill() -> dict[str, dict[str, str]]:
    """A plain chat and one that retrieves from an indexed handbook; the header that opens each."""
    import yaml
    from django.core.management import call_command

    from accounts.models import Team
    from accounts.services import create_api_key
    from apps.workflows import services
    from tests.workflows.conftest import CHAT
    from tests.workflows.runs.retrieving import RETRIEVING

    team = Team.objects.create(slug="bench", name="Bench")
    pages = map(str, sorted((ROOT / "docs").glob("*.md")))
    with Path(os.devnull).open("w") as silence:
        call_command("ingest", "handbook", *pages, inline=True, stdout=silence, stderr=silence)
    headers = {}
    for name, document in (("plain", yaml.safe_load(CHAT)), ("retrieval", RETRIEVING)):
        application, _ = services.import_document(text=yaml.safe_dump(document), team_id=team.id)
        _, secret = create_api_key(team_id=team.id, subject_kind="app", subject_id=application.id)
        headers[name] = {"Authorization": f"Bearer {secret}"}
    return headers


def turn(base: str, headers: dict[str, str], *, number: int = 0, conversation: str = "") -> float:
    """One streamed turn to its end; the seconds from the request to the first `message` event."""
    return talk(base, headers, number=number, conversation=conversation)[0]


def talk(base: str, headers: dict[str, str], *, number: int = 0, conversation: str = "") -> tuple[float, str]:
    """The same with the conversation's id."""
    import httpx

    body = {
        "query": QUESTIONS[number % len(QUESTIONS)],
        "inputs": {},
        "user": f"user-{number}",
        "response_mode": "streaming",
        "conversation_id": conversation,
    }
    first, last = 0.0, ""
    with httpx.Client(timeout=60) as http:
        began = time.perf_counter()
        with http.stream("POST", f"{base}/v1/chat-messages", json=body, headers=headers) as response:
            response.raise_for_status()
            for line in response.iter_lines():
                if not first and '"event":"message"' in line:
                    first = time.perf_counter() - began
                last = line or last
    if '"workflow_finished"' not in last or '"succeeded"' not in last:
        raise SystemExit(f"a turn failed: {last[:300]}")
    found = re.search(r'"conversation_id":"([^"]+)"', last)
    return first, found.group(1) if found else ""


def first_tokens(base: str, headers: dict[str, str], turns: int) -> dict[str, float]:
    """One client, one turn after the other, each on a connection of its own."""
    times = sorted(turn(base, headers, number=number) * 1000 for number in range(turns))
    return {
        "p50": round(statistics.median(times), 1),
        "p95": round(times[int(len(times) * 0.95)], 1),
        "best": round(times[0], 1),
    }


def statements(base: str, headers: dict[str, str]) -> dict[str, Any]:
    """The statements of a first turn, and of one that goes on in a conversation."""
    first = _statements(base, headers)
    _, conversation = talk(base, headers)
    later = _statements(base, headers, conversation=conversation)
    return {**first, "in_a_going_conversation": later["statements"]}


def _statements(base: str, headers: dict[str, str], *, conversation: str = "", turns: int = 5) -> dict[str, Any]:
    """Those of the median turn, as PostgreSQL logs them, until it has been quiet for a while."""
    counts = []
    for number in range(turns):
        with Logged() as log:
            turn(base, headers, number=0 if conversation else number, conversation=conversation)
            _quiet(log)
        counts.append(log.found())
    counts.sort(key=lambda found: len(found[0]))
    real, control = counts[len(counts) // 2]
    return {
        "statements": len(real),
        "control": sum(control.values()),
        "what": dict(Counter(_kind(text) for text in real)),
    }


class Logged:
    """PostgreSQL's log while it writes every statement of this database down."""

    def __enter__(self) -> Logged:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("SHOW data_directory")
            self._path = Path(cursor.fetchone()[0]).parent / "log"
            if not self._path.exists():
                self._path = Path(cursor.execute("SELECT pg_current_logfile()").fetchone()[0])
            cursor.execute("ALTER SYSTEM SET log_statement = 'all'")
            cursor.execute("SELECT pg_reload_conf()")
        connection.close()
        time.sleep(0.5)
        self._from = self._path.stat().st_size
        return self

    def __exit__(self, *exc: object) -> None:
        from django.db import connection

        self._to = self._path.stat().st_size
        with connection.cursor() as cursor:
            cursor.execute("ALTER SYSTEM RESET log_statement")
            cursor.execute("SELECT pg_reload_conf()")
        connection.close()

    def size(self) -> int:
        return self._path.stat().st_size

    def found(self) -> tuple[list[str], Counter[str]]:
        """The statements, and how often what only controls connections and transactions."""
        with self._path.open("rb") as file:
            file.seek(self._from)
            text = file.read(self._to - self._from).decode(errors="replace")
        all_of_them = [" ".join(match.group(1).split()) for match in _STATEMENT.finditer(text)]
        control = Counter(text.split()[0] for text in all_of_them if _CONTROL.match(text))
        return [text for text in all_of_them if not _CONTROL.match(text)], control


def _quiet(log: Logged, *, seconds: float = 1.0) -> None:
    size, since = log.size(), time.monotonic()
    while time.monotonic() - since < seconds:
        time.sleep(0.05)
        if log.size() != size:
            size, since = log.size(), time.monotonic()


def _kind(statement: str) -> str:
    table = re.search(r'(?:FROM|INTO|UPDATE|COPY)\s+"?(\w+)', statement)
    return f"{statement.split()[0]} {table.group(1) if table else statement[:40]}"


def rate(base: str, headers: dict[str, str], clients: int, seconds: float) -> dict[str, float]:
    """Turns a second with that many clients, each on a connection that it keeps."""
    done: list[float] = []
    until = time.monotonic() + seconds

    def keep_talking(number: int) -> None:
        while time.monotonic() < until:
            done.append(turn(base, headers, number=number))

    threads = [threading.Thread(target=keep_talking, args=(number,)) for number in range(clients)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    return {"turns_per_s": round(len(done) / took, 1), "first_token_p50_ms": round(statistics.median(done) * 1000, 1)}


if __name__ == "__main__":
    main()
