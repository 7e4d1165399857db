"""How long a chat turn waits for annotation reply when its app has 50,000 annotations (aim: p50 <= 10 ms).

Measured from the run's question to the prepared answer (or to "there is none"), with the built-in embedding model:
settings, embedding, threads and the query included. Beside it: the same turn with annotation reply switched off, and
while all answers are being embedded anew by another model. Prints JSON. Needs no running installation: it starts its
own PostgreSQL.

    python benchmarks/annotation_reply.py [--annotations 50000] [--turns 300]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]
TOPICS = ("hive", "queen", "swarm", "honey", "frame", "mite", "wax", "brood", "pollen", "apiary", "smoker", "skep")
VERBS = ("inspect", "feed", "move", "count", "clean", "sell", "store", "split", "unite", "mark", "treat", "open")
TIMES = ("spring", "summer", "autumn", "winter", "May", "June", "the morning", "the rain", "a drought", "the frost")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--annotations", type=int, default=50_000)
    parser.add_argument("--turns", type=int, default=300)
    options = parser.parse_args()
    # With the connection pool of a running installation, which the settings of the tests leave out.
    os.environ |= {"DJANGO_SETTINGS_MODULE": "console.settings.dev", "SKEP_PROCESS": "web"}
    from tests import services

    services.pytest_load_initial_conftests()
    try:
        print(json.dumps(measure(options.annotations, options.turns), indent=2))
    finally:
        services.pytest_unconfigure()


def measure(annotations: int, turns: int) -> dict[str, Any]:
    """All figures, exact search first and then with the index of large stores."""
    import django

    django.setup()
    from django.core.management import call_command

    from apps.annotations.services.indexing import index_large_stores

    call_command("migrate", verbosity=0)
    app, questions = fill(annotations)
    figures: dict[str, Any] = {"annotations": annotations, "turns": turns, "cpus": os.cpu_count()}
    figures["exact_search_ms"] = asyncio.run(time_turns(app, questions, turns // 5))
    start = time.perf_counter()
    index_large_stores()
    figures["index_s"] = round(time.perf_counter() - start, 1)
    figures["indexed_ms"] = asyncio.run(time_turns(app, questions, turns))
    figures["switched_off_ms"] = asyncio.run(time_off(app, questions, turns))
    worst = max(kind["p50"] for kind in figures["indexed_ms"].values())
    figures["added_p50_ms"] = round(worst - figures["switched_off_ms"]["p50"], 2)
    figures["aim_added_p50_ms"] = 10
    figures["while_moving"] = move(app, questions, turns)
    return figures


def move(app: Any, questions: list[str], turns: int) -> dict[str, Any]:
    """Turns while a job embeds every question anew, and how long that takes until the answers turn to it."""
    from apps.annotations.models import ReplySetting
    from apps.annotations.services import embedding_jobs
    from apps.annotations.services.moving import begin_embedding
    from model_runtime.protocols import EmbeddingModel
    from model_runtime.providers.hashing import HashingEmbedder

    class Other(HashingEmbedder):
        """The built-in embedder under another name: a space of its own."""

        space = "bench/other"

    opened = embedding_jobs.open_embedding_model

    def open_other(name: str, **more: Any) -> EmbeddingModel:
        return Other() if name == "bench/other" else opened(name, **more)

    embedding_jobs.open_embedding_model = open_other
    job = begin_embedding(ReplySetting.objects.get(application=app), model="bench/other")
    ended: list[float] = []

    def work() -> None:
        start = time.perf_counter()
        while embedding_jobs.embed_answers(job.id):
            pass
        ended.append(time.perf_counter() - start)

    thread = threading.Thread(target=work)
    thread.start()
    waits = asyncio.run(time_turns(app, questions, turns))
    job.refresh_from_db()
    over = not thread.is_alive()
    thread.join()
    vacuum()
    setting = ReplySetting.objects.get(application=app)
    return {
        "turns_ms": waits,
        "job_was_over_before_the_turns": over,
        "embedded_meanwhile": job.done,
        "move_s": round(ended[0], 1),
        "turned_to": setting.space,
    }


async def time_off(app: Any, questions: list[str], turns: int) -> dict[str, float]:
    """The same turns of an app that does not answer from annotations."""
    from apps.annotations.models import ReplySetting
    from apps.annotations.services.reply import prepared_answer
    from support.database import in_thread

    setting = ReplySetting.objects.filter(application=app)
    await in_thread(setting.update, is_enabled=False)
    rng = random.Random(13)
    found = await _time(prepared_answer, app, lambda: rng.choice(questions), turns, "none")
    await in_thread(setting.update, is_enabled=None)
    return found


def question(number: int, rng: random.Random) -> str:
    """A question that no other number has."""
    return (
        f"How do I {rng.choice(VERBS)} the {rng.choice(TOPICS)} of colony {number} in {rng.choice(TIMES)}"
        f" when the {rng.choice(TOPICS)} is {rng.choice(VERBS)}ed?"
    )


def fill(count: int) -> tuple[Any, list[str]]:
    """One app with `count` annotations, and their questions."""
    from accounts.models import Team
    from apps.annotations.models import Annotation, ReplySetting
    from apps.workflows.models import Application, Version
    from model_runtime.providers.hashing import HashingEmbedder

    team = Team.objects.create(slug="bench", name="Bench")
    app = Application.objects.create(team=team, slug="bench", name="Bench")
    app.live = Version.objects.create(application=app, number=1, document={"nodes": []}, digest="bench")
    app.save()
    rng, embedder = random.Random(7), HashingEmbedder()
    ReplySetting.objects.create(team=team, application=app, model="hashing", space=embedder.space)
    questions = [question(number, rng) for number in range(count)]
    for start in range(0, count, 1000):
        batch = questions[start : start + 1000]
        rows = []
        for text, vector in zip(batch, embedder.embed_now(batch), strict=True):
            row = Annotation(
                team=team,
                application=app,
                answer="Wait for a warm day.",
                embedding=vector,
                embedding_space=embedder.space,
                embedding_model="hashing",
            )
            row.ask(text)
            rows.append(row)
        Annotation.objects.bulk_create(rows)
    vacuum()
    return app, questions


def vacuum() -> None:
    """Statistics, as autovacuum would have made them by now."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE annotations_annotation")


async def time_turns(app: Any, questions: list[str], turns: int) -> dict[str, Any]:
    """Three kinds of question: one that is stored, one that is near a stored one, one that is far from all."""
    from apps.annotations.services.reply import prepared_answer

    rng = random.Random(11)
    kinds: dict[str, Callable[[], str]] = {
        "same": lambda: rng.choice(questions).upper(),
        "near": lambda: rng.choice(questions).replace("How do I", "Please, how may I"),
        "none": lambda: f"What did the council decide about road {rng.randrange(10**6)}?",
    }
    return {kind: await _time(prepared_answer, app, make, turns, kind) for kind, make in kinds.items()}


async def _time(
    source: Callable[[Any], Awaitable[Any]], app: Any, make: Callable[[], str], turns: int, kind: str
) -> dict[str, float]:
    waits, hits = [], 0
    for turn in range(turns + 10):
        run = run_of(app, make())
        start = time.perf_counter()
        answer = await source(run)
        if turn >= 10:
            waits.append((time.perf_counter() - start) * 1000)
            hits += answer is not None
    if (kind == "none") == (hits > 0):
        raise SystemExit(f"{kind}: {hits} of {turns} were answered")
    waits.sort()
    return {
        "p50": round(statistics.median(waits), 2),
        "p95": round(waits[int(len(waits) * 0.95)], 2),
        "answered": round(hits / turns, 3),
    }


def run_of(app: Any, query: str) -> Any:
    """The facts of one chat run, as the runner makes them."""
    from apps.workflows.hooks import RunInfo
    from support.ids import uuid7

    return RunInfo(
        run_id=uuid7(),
        team_id=app.team_id,
        application_id=app.id,
        application_name=app.name,
        application_slug=app.slug,
        version_id=app.live_id,
        version_number=1,
        kind="chat",
        source="api",
        end_user="bench",
        query=query,
        message_id=uuid7(),
    )


if __name__ == "__main__":
    main()
