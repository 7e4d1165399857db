"""Whether the vector stores that are in use answer. One that is down takes the datasets in it out, and no others."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

from django.conf import settings

from apps.datasets.models import Dataset
from apps.datasets.vectorstores.errors import VectorStoreError
from apps.datasets.vectorstores.registry import open_vector_store

#: In the database, which is checked by itself, or in this process.
CHECKED_ELSEWHERE = frozenset({"pgvector", "memory"})
PATIENCE = 2.0
FRESH = 5.0

_pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="vector-store-health")
_lock = threading.Lock()
_asked: dict[str, tuple[float, Future[str]]] = {}


def stores_in_use() -> list[str]:
    """The stores of live datasets, and the one that new ones go to."""
    used = Dataset.objects.live().order_by().values_list("vector_store", flat=True).distinct()
    return sorted({*used, settings.VECTOR_STORE})


def store_conditions() -> dict[str, str]:
    """`ok` or the code of what is wrong, for every store in use that is a server of its own.

    Waits for two seconds at most, and asks a server every few seconds at most, however often it is called.
    """
    asked = {name: _ask(name) for name in stores_in_use() if name not in CHECKED_ELSEWHERE}
    until = time.monotonic() + PATIENCE
    return {name: _answer(future, until - time.monotonic()) for name, future in asked.items()}


def _ask(name: str) -> Future[str]:
    now = time.monotonic()
    with _lock:
        asked, future = _asked.get(name, (0.0, None))
        if future is None or (future.done() and now - asked > FRESH):
            future = _pool.submit(_check, name)
            _asked[name] = (now, future)
        return future


def _answer(future: Future[str], seconds: float) -> str:
    try:
        return future.result(timeout=max(0.0, seconds))
    except TimeoutError:
        return "vector_store_unavailable"


def _check(name: str) -> str:
    try:
        open_vector_store(name).health()
    except VectorStoreError as exc:
        # The code only: anybody may ask, and messages are for the operator.
        return exc.code
    return "ok"
