"""Vector stores under the adapter that the product uses: how fast a search is, and how much of the truth it finds.

    python benchmarks/vectorstores.py                       100,000 chunks on pgvector
    python benchmarks/vectorstores.py --quick               20,000
    python benchmarks/vectorstores.py --stores pgvector qdrant milvus --chunks 5000   peers that run in this process

The vectors are synthetic: clusters, as texts about a few hundred subjects make them. The truth is the exact order,
computed here. A filter that holds for one record in a hundred stands for a search within some documents' metadata.
DATABASE_URL names another server; without it one is started for the run. Exit status 1 when a bound is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]

import numpy as np  # noqa: E402

DIM, K, SUBJECTS, SHARE = 384, 10, 400, 100
LEAST_RECALL, LEAST_FILTERED = 0.98, 0.99
BATCH = 2_000


def main() -> int:
    arguments = _arguments()
    with ExitStack() as stack:
        _start(stack)
        store_names = arguments.stores
        vectors, queries = _material(arguments.chunks, arguments.queries)
        results = [_measure(name, vectors, queries, stack) for name in store_names]
    for result in results:
        print(json.dumps(result))
    missed = [result for result in results if result["store"] == "pgvector" and not _is_good(result)]
    return 1 if missed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="20,000 chunks and 50 queries")
    parser.add_argument("--chunks", type=int, default=0)
    parser.add_argument("--queries", type=int, default=0)
    parser.add_argument("--stores", nargs="+", default=["pgvector"], choices=["pgvector", "qdrant", "milvus"])
    arguments = parser.parse_args()
    arguments.chunks = arguments.chunks or (20_000 if arguments.quick else 100_000)
    arguments.queries = arguments.queries or (50 if arguments.quick else 200)
    return arguments


def _start(stack: ExitStack) -> None:
    """A PostgreSQL of our own unless one is named, and Django on it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings.test")
    from tests import services

    services.pytest_load_initial_conftests()
    stack.callback(services.pytest_unconfigure)
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def _material(chunks: int, queries: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(7)
    centres = random.normal(size=(SUBJECTS, DIM))
    subjects = random.integers(SUBJECTS, size=chunks + queries)
    vectors = centres[subjects] + 0.7 * random.normal(size=(chunks + queries, DIM))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors[:chunks].astype(np.float32), vectors[chunks:].astype(np.float32)


def _measure(name: str, vectors: np.ndarray, queries: np.ndarray, stack: ExitStack) -> dict[str, Any]:
    from apps.datasets.vectorstores.filters import Where
    from apps.datasets.vectorstores.protocol import Namespace

    store = _open(name, stack)
    ns = Namespace(dataset_id=uuid.uuid4(), space="benchmark", dim=DIM, size=len(vectors))
    # Another dataset of the same space: what a shared index has to tell apart.
    other = Namespace(dataset_id=uuid.uuid4(), space="benchmark", dim=DIM)
    for each in (ns, other):
        store.ensure(each)
    began = time.perf_counter()
    _write(store, ns, vectors)
    loaded = time.perf_counter() - began
    _write(store, other, vectors[: len(vectors) // 5])
    began = time.perf_counter()
    store.optimise(ns)
    built = time.perf_counter() - began
    everyone = np.arange(len(vectors))
    chosen = everyone[everyone % SHARE == 0]
    plain = _search(store, ns, vectors, queries, among=everyone, where=None)
    filtered = _search(store, ns, vectors, queries, among=chosen, where=Where("group", "eq", 0))
    for each in (ns, other):
        store.drop(each)
    return {
        "store": name,
        "chunks": len(vectors),
        "dim": DIM,
        "load_per_s": round(len(vectors) / loaded),
        "index_s": round(built, 1),
        "search": plain,
        "filter_1_percent": filtered,
    }


def _open(name: str, stack: ExitStack) -> Any:
    if name == "pgvector":
        from apps.datasets.vectorstores.pgvector import PgVectorStore

        return PgVectorStore()
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="skep-bench-")))
    if name == "qdrant":
        from qdrant_client import QdrantClient

        from apps.datasets.vectorstores.qdrant import QdrantStore

        return QdrantStore(QdrantClient(":memory:"), local=True)
    from apps.datasets.vectorstores.milvus import MilvusStore, open_client

    return MilvusStore(open_client(str(folder / "lite.db"), lite=True), lite=True)


def _write(store: Any, ns: Any, vectors: np.ndarray) -> None:
    from apps.datasets.vectorstores.protocol import Record

    for start in range(0, len(vectors), BATCH):
        store.upsert(
            ns,
            [
                Record(
                    id=uuid.UUID(int=start + at),
                    document_id=uuid.UUID(int=(start + at) // 50),
                    vector=vector.tolist(),
                    payload={"group": (start + at) % SHARE},
                )
                for at, vector in enumerate(vectors[start : start + BATCH])
            ],
        )


def _search(
    store: Any, ns: Any, vectors: np.ndarray, queries: np.ndarray, *, among: np.ndarray, where: Any
) -> dict[str, float]:
    times, right, rows = [], 0, 0
    for query in queries:
        scores = vectors[among] @ query
        truth = {int(each) for each in among[np.argsort(-scores)[:K]]}
        vector = query.tolist()
        began = time.perf_counter()
        hits = store.search(ns, vector, K, where=where)
        times.append((time.perf_counter() - began) * 1000)
        right += len(truth & {hit.id.int for hit in hits})
        rows += len(hits)
    times.sort()
    return {
        "p50_ms": round(statistics.median(times), 2),
        "p95_ms": round(times[int(len(times) * 0.95)], 2),
        "recall_at_10": round(right / (K * len(queries)), 4),
        "rows": round(rows / len(queries), 2),
    }


def _is_good(result: dict[str, Any]) -> bool:
    return (
        result["search"]["recall_at_10"] >= LEAST_RECALL
        and result["filter_1_percent"]["recall_at_10"] >= LEAST_FILTERED
        and result["filter_1_percent"]["rows"] == K
    )


if __name__ == "__main__":
    sys.exit(main())
