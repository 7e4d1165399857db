"""50 reviewers on one queue of 10,000 items, and files of 100,000 examples to train with.

Aims: never more reviews than wanted, claim p95 <= 30 ms, a file is written with <= 200 MB of memory.
Each reviewer claims, answers and goes on, on a thread and a connection of their own: one alone, then all of them paced
(`--pause` seconds on an item, faster than people read), then as fast as the machine lets them. All threads share one
interpreter; `claim_alone_among_others` is one reviewer in a process of its own while the others work, which is what a
claim takes without waiting for this program's other threads. Each file is written by a process of its own.
`load` is what else the machine did. Prints JSON. Needs no running installation: it starts its own PostgreSQL.

    python benchmarks/annotations.py [--items 10000] [--reviewers 50] [--overlap 2] [--seconds 20] [--pause 5]
                                     [--examples 100000] [--only claims|files]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]

from benchmarks._annotations import files  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--reviewers", type=int, default=50)
    parser.add_argument("--overlap", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--pause", type=float, default=5)
    parser.add_argument("--examples", type=int, default=100_000)
    parser.add_argument("--only", choices=["claims", "files"])
    parser.add_argument("--write", help=argparse.SUPPRESS)
    parser.add_argument("--review", help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "console.settings.test"
    if options.write or options.review:
        print(json.dumps(be_a_part(options)))
        return
    from tests import services

    services.pytest_load_initial_conftests()
    try:
        print(json.dumps(measure(options), indent=2))
    finally:
        services.pytest_unconfigure()


def be_a_part(options: argparse.Namespace) -> Any:
    """This program as a child of itself: it writes one file, or is one reviewer among others."""
    import django

    django.setup()
    if options.write:
        return files.write(options.write)
    from accounts.models import User
    from apps.annotations.models import ReviewQueue

    queue_id, user_id = options.review.split("/")
    queue, user = ReviewQueue.objects.get(id=queue_id), User.objects.get(id=user_id)
    until = time.perf_counter() + options.seconds
    return review(queue, user, until=until, pause=options.pause)[0]


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Figures of both rounds, on one queue."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    figures: dict[str, Any] = {**vars(options), "cpus": os.cpu_count(), "load": round(os.getloadavg()[0], 1)}
    if options.only != "files":
        figures |= claims(options)
    if options.only != "claims":
        figures["files"] = files.measure(examples=options.examples, script=Path(__file__))
    return figures


def claims(options: argparse.Namespace) -> dict[str, Any]:
    """Figures of all rounds, on one queue."""
    queue, people = fill(items=options.items, reviewers=options.reviewers, overlap=options.overlap)
    figures: dict[str, Any] = {"one_alone_ms": work(queue, people[:1], seconds=options.seconds / 4, pause=0)}
    with apart(queue, people[0], seconds=options.seconds) as child:
        figures["paced_ms"] = work(queue, people[1:], seconds=options.seconds + 5, pause=options.pause)
        alone = json.loads(child.stdout.read())  # type: ignore[union-attr]
    figures["claim_alone_among_others"] = {"claims": len(alone), "p50": middle(alone), "p95": high(alone)}
    figures["as_fast_as_possible_ms"] = work(queue, people, seconds=options.seconds, pause=0)
    figures["progress_of_one_ms"] = progress(queue, people[0])
    return {**figures, **check(queue), "aim_claim_p95_ms": 30, "load_after": round(os.getloadavg()[0], 1)}


@contextmanager
def apart(queue: Any, user: Any, *, seconds: float) -> Iterator[subprocess.Popen[str]]:
    """One more reviewer, in a process of their own."""
    command = [
        sys.executable,
        __file__,
        "--review",
        f"{queue.id}/{user.id}",
        "--seconds",
        str(seconds),
        "--pause",
        "0.2",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        yield child


def progress(queue: Any, user: Any) -> float:
    """What the page asks for beside a claim: how much is done and left."""
    from apps.annotations.selectors.progress import own_progress

    waits = []
    for _ in range(20):
        start = time.perf_counter()
        own_progress(queue, user)
        waits.append((time.perf_counter() - start) * 1000)
    return middle(waits)


def fill(*, items: int, reviewers: int, overlap: int) -> tuple[Any, list[Any]]:
    """A queue with one question, its items and the people."""
    from accounts.models import Membership, Role, Team, User
    from apps.annotations.models import QueueItem, ReviewQueue, ScoreConfig
    from apps.annotations.services.queues import ask_questions
    from support.ids import uuid7

    team = Team.objects.create(slug="bench", name="Bench")
    people = User.objects.bulk_create(User(username=f"reviewer-{number}") for number in range(reviewers))
    Membership.objects.bulk_create(Membership(team=team, user=user, role=Role.OPERATOR) for user in people)
    queue = ReviewQueue.objects.create(team=team, name="Bench", overlap=overlap)
    ask_questions(queue, [ScoreConfig.objects.create(team=team, name="Right?", kind="boolean")])
    common = {"team": team, "queue": queue, "subject_kind": "trace", "origin": "hand", "wanted": overlap}
    texts = {"question": "How often do I inspect a hive? " * 10, "answer": "Every week. " * 60}
    rows = (QueueItem(subject_id=uuid7(), **common, **texts) for _ in range(items))
    QueueItem.objects.bulk_create(rows, batch_size=1000)
    return queue, list(people)


def work(queue: Any, people: list[Any], *, seconds: float, pause: float) -> dict[str, float]:
    """Everybody reviews for so long; how long claims and answers took."""
    claims: list[float] = []
    answers: list[float] = []
    lock = threading.Lock()
    until = time.perf_counter() + seconds
    with ThreadPoolExecutor(max_workers=len(people)) as threads:
        for mine in threads.map(lambda user: review(queue, user, until=until, pause=pause), people):
            with lock:
                claims += mine[0]
                answers += mine[1]
    return {
        "claims": len(claims),
        "claims_per_s": round(len(claims) / seconds, 1),
        "claim_p50": middle(claims),
        "claim_p95": high(claims),
        "submit_p50": middle(answers),
        "submit_p95": high(answers),
    }


def review(queue: Any, user: Any, *, until: float, pause: float) -> tuple[list[float], list[float]]:
    """One reviewer's work; the waits in milliseconds."""
    from apps.annotations.selectors.queues import questions_of
    from apps.annotations.services.claiming import claim_next
    from apps.annotations.services.submitting import submit_answers
    from support.database import release_connections

    rng = random.Random(user.id.int)
    claims, answers = [], []
    try:
        key = questions_of(queue.id)[0].key
        time.sleep(rng.random() * pause)
        while time.perf_counter() < until:
            start = time.perf_counter()
            claimed = claim_next(queue, by=user)
            claims.append((time.perf_counter() - start) * 1000)
            if claimed is None:
                break
            time.sleep(pause * (0.5 + rng.random()))
            start = time.perf_counter()
            submit_answers(claimed.id, {key: rng.random() < 0.9}, by=user)
            answers.append((time.perf_counter() - start) * 1000)
    finally:
        release_connections()
    return claims, answers


def check(queue: Any) -> dict[str, Any]:
    """What the database says at the end. More answers than wanted anywhere ends the program."""
    from django.db.models import Count, F, Q

    held = Q(assignments__state__in=["submitted", "leased"])
    counted = queue.items.annotate(held=Count("assignments", filter=held))
    beyond = counted.filter(held__gt=F("wanted")).count()
    untrue = counted.exclude(held=F("taken")).count()
    if beyond or untrue:
        raise SystemExit(f"{beyond} items are in more hands than wanted, {untrue} count wrongly")
    done = queue.items.exclude(status="pending").count()
    return {"items_with_too_many": beyond, "items_done": done, "reviews": queue.assignments.count()}


def middle(waits: list[float]) -> float:
    return round(statistics.median(waits), 2) if waits else 0.0


def high(waits: list[float]) -> float:
    return round(sorted(waits)[int(len(waits) * 0.95)], 2) if waits else 0.0


if __name__ == "__main__":
    main()
