"""Which vector store this installation uses (`VECTOR_STORE`)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from django.conf import settings

from apps.datasets.vectorstores.errors import StoreMisconfigured
from apps.datasets.vectorstores.memory import MemoryVectorStore
from apps.datasets.vectorstores.pgvector import PgVectorStore
from apps.datasets.vectorstores.protocol import VectorStore

ADAPTERS: dict[str, Callable[[], VectorStore]] = {"pgvector": PgVectorStore, "memory": MemoryVectorStore}


def open_vector_store() -> VectorStore:
    """The configured store. Raises StoreMisconfigured for a name that there is no adapter for."""
    return _open(settings.VECTOR_STORE)


@cache
def _open(name: str) -> VectorStore:
    adapter = ADAPTERS.get(name)
    if adapter is None:
        raise StoreMisconfigured(
            f"VECTOR_STORE is {name!r}; known are: {', '.join(sorted(ADAPTERS))}.", vector_store=name
        )
    return adapter()
