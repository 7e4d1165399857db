"""Every vector store there is, each for real: the suite and the tests of retrieval run over all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from milvus_lite.server_manager import server_manager_instance
from qdrant_client import QdrantClient

from apps.datasets.vectorstores.memory import MemoryVectorStore
from apps.datasets.vectorstores.milvus import MilvusStore, open_client
from apps.datasets.vectorstores.pgvector import PgVectorStore
from apps.datasets.vectorstores.protocol import VectorStore
from apps.datasets.vectorstores.qdrant import QdrantStore
from apps.datasets.vectorstores.registry import close_stores, forget_open_stores
from apps.datasets.vectorstores.weaviate import WeaviateStore, connect
from tests.datasets.vectorstores.weaviate_double import running_double

STORES = ("memory", "pgvector", "pgvector by index", "qdrant", "milvus", "weaviate")


@pytest.fixture(scope="session")
def milvus_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Milvus in this process, with its files in a folder of the session."""
    path = str(tmp_path_factory.mktemp("milvus") / "lite.db")
    yield path
    # It logs that it stops: not at the end of the process, when nobody listens any more.
    server_manager_instance.release_server(path)


@pytest.fixture(scope="session")
def milvus_lite(milvus_uri: str) -> Iterator[MilvusStore]:
    client = open_client(milvus_uri, lite=True)
    yield MilvusStore(client, lite=True)
    client.close()


@pytest.fixture(scope="session")
def weaviate_urls() -> Iterator[tuple[str, str]]:
    """The server at WEAVIATE_URL where there is one, else the double."""
    if url := os.environ.get("WEAVIATE_URL"):
        yield url, os.environ.get("WEAVIATE_GRPC_URL", "")
        return
    with running_double() as urls:
        yield urls


@pytest.fixture(scope="session")
def weaviate(weaviate_urls: tuple[str, str]) -> Iterator[WeaviateStore]:
    url, grpc_url = weaviate_urls
    store = connect(url, grpc_url=grpc_url, api_key=os.environ.get("WEAVIATE_API_KEY", ""))
    yield store
    store.close()


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, db: None) -> VectorStore:
    match request.param:
        case "memory":
            return MemoryVectorStore()
        case "pgvector":
            return PgVectorStore()
        case "pgvector by index":
            # Every search goes through the HNSW path, with its exact search for what that leaves short.
            return PgVectorStore(exact_limit=0)
        case "qdrant":
            return QdrantStore(QdrantClient(":memory:"), local=True)
        case "milvus":
            return request.getfixturevalue("milvus_lite")
    return request.getfixturevalue("weaviate")


@pytest.fixture
def reachable(settings: Any, milvus_uri: str, weaviate_urls: tuple[str, str]) -> Iterator[None]:
    """Every store is configured, so that the product opens it as it would anywhere."""
    settings.QDRANT_URL, settings.MILVUS_URI = ":memory:", milvus_uri
    settings.WEAVIATE_URL, settings.WEAVIATE_GRPC_URL = weaviate_urls
    settings.WEAVIATE_API_KEY = os.environ.get("WEAVIATE_API_KEY", "")
    forget_open_stores()
    yield
    close_stores()


@pytest.fixture(params=["memory", "pgvector", "qdrant", "milvus", "weaviate"])
def installed(request: pytest.FixtureRequest, settings: Any, reachable: None) -> str:
    """The store of the installation, each in turn."""
    settings.VECTOR_STORE = request.param
    return str(request.param)
