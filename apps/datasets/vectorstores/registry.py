"""The vector stores by name. `VECTOR_STORE` names the one that new datasets are kept in.

An adapter is imported when a dataset first needs it: the clients take seconds to load, and most installations never
need one. Addresses come from the operator's environment and are trusted as DATABASE_URL is: no guard is put before
them, and nothing that a team writes can change them.
"""

from __future__ import annotations

from importlib import import_module

from django.conf import settings

from apps.datasets.vectorstores.errors import StoreMisconfigured
from apps.datasets.vectorstores.protocol import VectorStore

ADAPTERS: dict[str, str] = {
    "memory": "apps.datasets.vectorstores.memory",
    "milvus": "apps.datasets.vectorstores.milvus",
    "pgvector": "apps.datasets.vectorstores.pgvector",
    "qdrant": "apps.datasets.vectorstores.qdrant",
    "weaviate": "apps.datasets.vectorstores.weaviate",
}
"""Each module has `open_store()`, which reads the settings and connects."""
CLIENTS = {"milvus": "pymilvus==3.0.2", "qdrant": "qdrant-client==1.20.0", "weaviate": "weaviate-client==4.23.1"}
"""What a store needs besides the requirements of every installation."""


def open_vector_store(name: str = "") -> VectorStore:
    """The store of this name, else the configured one. Raises StoreMisconfigured or StoreUnavailable."""
    return _open(check_store_name(name or settings.VECTOR_STORE))


def check_store_name(name: str) -> str:
    """The same name, if there is an adapter for it. Raises StoreMisconfigured."""
    if name not in ADAPTERS:
        known = ", ".join(sorted(ADAPTERS))
        raise StoreMisconfigured(f"There is no vector store {name!r}; known are: {known}.", vector_store=name)
    return name


def configured_stores() -> list[str]:
    """The stores that a dataset can be kept in here, that of the installation first."""
    addresses = {"milvus": settings.MILVUS_URI, "qdrant": settings.QDRANT_URL, "weaviate": settings.WEAVIATE_URL}
    others = ["pgvector", *sorted(name for name, address in addresses.items() if address)]
    return list(dict.fromkeys([settings.VECTOR_STORE, *others]))


_opened: dict[str, VectorStore] = {}


def forget_open_stores() -> None:
    """Open every store anew at its next use, and leave the connections to those who still use them."""
    _opened.clear()


def close_stores() -> None:
    """Give the connections of every open store back."""
    while _opened:
        _, store = _opened.popitem()
        store.close()


def _open(name: str) -> VectorStore:
    if name not in _opened:
        try:
            module = import_module(ADAPTERS[name])
        except ModuleNotFoundError as exc:
            if name not in CLIENTS or (exc.name or "").startswith("apps."):
                raise
            raise StoreMisconfigured(
                f"The client of {name} is not installed: pip install {CLIENTS[name]}", vector_store=name
            ) from exc
        _opened[name] = module.open_store()
    return _opened[name]
