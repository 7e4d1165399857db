"""Every vector store there is, each for real: the suite and the tests of retrieval run over all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from milvus_lite.server_manager import server_manager_instance
from pymilvus import MilvusClient
from qdrant_client import QdrantClient

from apps.datasets.vectorstores.memory import MemoryVectorStore
from apps.datasets.vectorstores.milvus import MilvusStore
from apps.datasets.vectorstores.pgvector import PgVectorStore
from apps.datasets.vectorstores.protocol import VectorStore
from apps.datasets.vectorstores.qdrant import QdrantStore
from apps.datasets.vectorstores.weaviate import WeaviateStore, connect
from tests.datasets.vectorstores.weaviate_double import running_double

STORES = ("memory", "pgvector", "pgvector by index", "qdrant", "milvus", "weaviate")


@pytest.fixture(scope="session")
def milvus_lite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusStore]:
    """Milvus in this process, with its files in a folder of the session."""
    path = str(tmp_path_factory.mktemp("milvus") / "lite.db")
    client = MilvusClient(path)
    yield MilvusStore(client, lite=True)
    client.close()
    # It logs that it stops: not at the end of the process, when nobody listens any more.
    server_manager_instance.release_server(path)


@pytest.fixture(scope="session")
def weaviate() -> Iterator[WeaviateStore]:
    """The server at WEAVIATE_URL where there is one, else the double."""
    with ExitStack() as stack:
        if url := os.environ.get("WEAVIATE_URL"):
            grpc_url, key = os.environ.get("WEAVIATE_GRPC_URL", ""), os.environ.get("WEAVIATE_API_KEY", "")
            store = connect(url, grpc_url=grpc_url, api_key=key)
        else:
            url, grpc_url = stack.enter_context(running_double())
            store = connect(url, grpc_url=grpc_url)
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
