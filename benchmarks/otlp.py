"""How many spans of 1 KB one core takes over OTLP/protobuf: from the socket to the committed row.

Aim: >= 3,000 spans/s for each core of the web process. Starts its own PostgreSQL, Redis and web process; another
process sends what a seeded generator made (traces of ten spans as the GenAI instrumentation sends them, gzip, 500 spans
in a request), over two connections. The rate per core is spans divided by the processor time that the web process used
(psutil); what PostgreSQL used besides, and the rate by the clock of this machine, are given beside it. `stages` says
where the time goes, measured in one process without a server: decoding, mapping, storing.

    python benchmarks/otlp.py [--spans 40000] [--batch 500] [--rounds 3]
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]

TARGET = 3_000
SEED = 6
CONNECTIONS = 2
SPANS_OF_A_TRACE = 10
WORDS = ("the", "order", "was", "placed", "by", "a", "customer", "who", "asked", "for", "honey", "wax", "on", "friday")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=40_000)
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "console.settings.dev"
    from tests import services

    services.pytest_load_initial_conftests()
    try:
        print(json.dumps(measure(options.spans, options.batch, options.rounds), indent=2))
    finally:
        services.pytest_unconfigure()


def measure(spans: int, batch: int, rounds: int) -> dict[str, Any]:
    """All figures: the rate against its target first."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from accounts.models import Team
    from accounts.services import create_api_key

    team = Team.objects.create(slug="bench", name="Bench")
    _key, secret = create_api_key(team_id=team.id, subject_kind="traces", subject_id=team.id)
    stages = measure_stages(team.id, batch)
    taken = [send_all(secret, spans, batch, seed=SEED + number) for number in range(rounds)]
    per_core = statistics.median(each["spans_per_core_second"] for each in taken)
    return {
        "spans_per_core_second": round(per_core),
        "target": TARGET,
        "met": per_core >= TARGET,
        "bytes_of_a_span": taken[0]["bytes_of_a_span"],
        "rounds": taken,
        "stages_us_per_span": stages,
        "machine": {"cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1)},
    }


def send_all(secret: str, count: int, batch: int, *, seed: int) -> dict[str, Any]:
    """One round: every batch is sent once, and every span must be there afterwards."""
    import httpx
    import psutil
    from django.db import connection

    from apps.traces.models import Span
    from tests.server import web_server

    bodies = [export(random.Random(f"{seed}/{start}"), batch) for start in range(0, count, batch)]
    packed = [gzip.compress(body, 1) for body in bodies]
    headers = {
        "Authorization": f"Bearer {secret}",
        "Content-Type": "application/x-protobuf",
        "Content-Encoding": "gzip",
    }
    before = Span.objects.count()
    with web_server(DJANGO_SETTINGS_MODULE="console.settings.dev", SKEP_PROCESS="web") as base:
        web = next(child for child in psutil.Process().children() if "daphne" in " ".join(child.cmdline()))
        postgres = server_of(connection)

        def send(body: bytes) -> None:
            with httpx.Client(timeout=120) as client:
                answer = client.post(f"{base}/otel/v1/traces", content=body, headers=headers)
            assert (answer.status_code, answer.content) == (200, b""), answer.text

        send(packed[0])  # the first request loads what later ones share
        used, used_there, began = spent(web), family(postgres), time.perf_counter()
        with ThreadPoolExecutor(CONNECTIONS) as senders:
            list(senders.map(send, packed[1:]))
        seconds, processor = time.perf_counter() - began, spent(web) - used
        there = family(postgres) - used_there
    assert Span.objects.count() - before == count
    sent = count - batch
    return {
        "spans_per_core_second": round(sent / processor),
        "spans_per_second": round(sent / seconds),
        "web_us_per_span": round(processor / sent * 1e6, 1),
        "postgresql_us_per_span": round(there / sent * 1e6, 1),
        "bytes_of_a_span": round(statistics.mean(map(len, bodies)) / batch),
    }


def measure_stages(team_id: UUID, batch: int) -> dict[str, float]:
    """Processor time of this process for each stage, per span."""
    from apps.traces.dialects.protobuf import read_protobuf
    from apps.traces.dialects.reading import foreign_span
    from apps.traces.services.store_foreign import store_foreign

    spent_on: dict[str, float] = {"decode": 0.0, "map": 0.0, "store": 0.0}
    times = 10
    for number in range(times):
        body = export(random.Random(f"stages/{number}"), batch)
        moments = [time.process_time()]
        read = read_protobuf(body)
        moments.append(time.process_time())
        mapped = [foreign_span(each) for each in read.spans]
        moments.append(time.process_time())
        store_foreign(team_id, mapped)
        moments.append(time.process_time())
        if number:  # the first one loads
            for stage, before, after in zip(spent_on, moments, moments[1:], strict=False):
                spent_on[stage] += after - before
    return {stage: round(used / (times - 1) / batch * 1e6, 1) for stage, used in spent_on.items()}


def export(chance: random.Random, count: int) -> bytes:
    """An export of `count` spans of about 1 KB, in traces of ten."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    put(group.resource.attributes, {"service.name": "shop", "deployment.environment.name": "prod"})
    scoped = group.scope_spans.add()
    scoped.scope.name = "opentelemetry.instrumentation.genai.openai"
    now = time.time_ns() - 3600 * 10**9
    root = trace = b""
    for number in range(count):
        span = scoped.spans.add()
        if number % SPANS_OF_A_TRACE == 0:
            trace, root = chance.randbytes(16), chance.randbytes(8)
            span.span_id, span.name = root, "handle order"
        else:
            span.span_id, span.parent_span_id, span.name = chance.randbytes(8), root, "chat gpt-4o-mini"
        span.trace_id = trace
        span.start_time_unix_nano = now + number * 10**6
        span.end_time_unix_nano = now + number * 10**6 + chance.randrange(10**8, 3 * 10**9)
        put(span.attributes, attributes(chance))
    return request.SerializeToString()


def attributes(chance: random.Random) -> dict[str, Any]:
    """What a call of a model says."""

    def talk(words: int) -> str:
        return " ".join(chance.choices(WORDS, k=words))

    asked = [{"role": "user", "parts": [{"type": "text", "content": talk(60)}]}]
    said = [{"role": "assistant", "parts": [{"type": "text", "content": talk(30)}], "finish_reason": "stop"}]
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "gen_ai.usage.input_tokens": chance.randrange(100, 4_000),
        "gen_ai.usage.output_tokens": chance.randrange(10, 800),
        "gen_ai.input.messages": json.dumps(asked),
        "gen_ai.output.messages": json.dumps(said),
        "user.id": f"user-{chance.randrange(500)}",
    }


def put(target: Any, values: dict[str, Any]) -> None:
    """Attributes in protobuf."""
    for name, value in values.items():
        pair = target.add()
        pair.key = name
        if isinstance(value, int):
            pair.value.int_value = value
        else:
            pair.value.string_value = value


def spent(process: Any) -> float:
    """Seconds of processor time that a process used."""
    times = process.cpu_times()
    return float(times.user + times.system)


def server_of(connection: Any) -> Any:
    """The PostgreSQL that this process talks to."""
    import psutil

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return psutil.Process(cursor.fetchone()[0]).parent()


def family(server: Any) -> float:
    """What a server and its present children used, and what it inherited of those that ended."""
    import psutil

    used = spent(server) + sum(server.cpu_times()[2:4])
    for child in server.children():
        try:
            used += spent(child)
        except psutil.NoSuchProcess:
            continue
    return used


if __name__ == "__main__":
    main()
