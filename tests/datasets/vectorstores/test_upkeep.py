"""Stores are compared with PostgreSQL, named when they are down, and loaded only where somebody needs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Team, User
from apps.datasets.models import Dataset
from apps.datasets.services import spaces_health
from apps.datasets.services.datasets import create_dataset
from apps.datasets.services.maintenance import GROWN, slow_datasets
from apps.datasets.services.migrating import start_move
from apps.datasets.services.migrating_copy import ready_chunks
from apps.datasets.services.retrieve import retrieve
from apps.datasets.services.spaces import place_of
from apps.datasets.services.spaces_reconcile import Reconciled, datasets_to_reconcile, reconcile
from apps.datasets.vectorstores.errors import StoreMisconfigured, StoreUnavailable
from apps.datasets.vectorstores.protocol import Record
from apps.datasets.vectorstores.qdrant import QdrantStore
from apps.datasets.vectorstores.registry import close_stores, open_vector_store
from tests.datasets.making import put

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("installed", ["pgvector", "qdrant", "milvus", "weaviate"], indirect=True)
def test_what_nobody_needs_is_removed_and_what_is_missing_is_made(team: Team, installed: str) -> None:
    dataset = create_dataset(team_id=team.id, name="Handbook")
    for number in range(4):
        put(dataset, f"{number}.txt", f"Drone number {number} leaves the hive in autumn.")
    dataset.refresh_from_db()
    place = place_of(dataset)
    assert place is not None
    lost = ready_chunks(dataset.id).order_by("id")[0].id
    nobodys = Record(id=uuid.uuid4(), document_id=uuid.uuid4(), vector=[1.0] * place.ns.dim)
    place.open().delete(place.ns, ids=[lost])
    place.open().upsert(place.ns, [nobodys])
    assert datasets_to_reconcile() == [dataset.id]
    assert reconcile(dataset.id) == Reconciled(removed=1, made=1)
    assert place.open().held(place.ns, [lost, nobodys.id]) == {lost}
    assert reconcile(dataset.id) == Reconciled()
    hits = retrieve(team_id=team.id, datasets=[dataset.slug], query="drone leaves hive", method="semantic")
    assert len(hits) == 4


def test_a_grown_dataset_without_its_index_is_noticed_and_not_asked_for_again_at_once(team: Team) -> None:
    dataset = create_dataset(team_id=team.id, name="Handbook", vector_store="pgvector")
    put(dataset, "bees.txt", "Bees dance to tell where the flowers are.")
    assert slow_datasets() == []
    Dataset.objects.filter(id=dataset.id).update(chunk_count=GROWN + 1)
    assert slow_datasets() == [dataset.id]
    assert slow_datasets() == []
    Dataset.objects.filter(id=dataset.id).update(vector_store="qdrant")
    assert slow_datasets() == []


def test_a_store_that_is_down_is_named_and_datasets_elsewhere_go_on(
    team: Team, reachable: None, monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    here = create_dataset(team_id=team.id, name="Here")
    there = create_dataset(team_id=team.id, name="There", vector_store="qdrant")
    for dataset in (here, there):
        put(dataset, "bees.txt", "Bees gather nectar from clover.")
    monkeypatch.setattr(spaces_health, "FRESH", 0.0)
    ready = client.get(reverse("health-ready"))
    assert json.loads(ready.content)["checks"]["vector_store_qdrant"] == "ok"

    def down(*_: Any, **__: Any) -> Any:
        raise StoreUnavailable("down")

    monkeypatch.setattr(QdrantStore, "health", down)
    monkeypatch.setattr(QdrantStore, "search", down)
    ready = client.get(reverse("health-ready"))
    body = json.loads(ready.content)
    assert (ready.status_code, body["status"]) == (200, "degraded")
    assert body["checks"]["vector_store_qdrant"] == "vector_store_unavailable"
    assert retrieve(team_id=team.id, datasets=["here"], query="nectar", method="semantic")
    with pytest.raises(StoreUnavailable):
        retrieve(team_id=team.id, datasets=["there"], query="nectar", method="semantic")


def test_the_settings_page_shows_the_store_and_a_move_that_is_under_way(
    dataset: Dataset, editor: User, reachable: None, client: Client
) -> None:
    put(dataset, "bees.txt", "Bees gather nectar from clover.")
    start_move(dataset, store="qdrant")
    client.force_login(editor)
    page = client.get(reverse("datasets:settings", args=[dataset.slug])).content.decode()
    assert "pgvector" in page
    assert "to qdrant, hashing/v1/1024: 0 of 1 passages" in page


def test_the_store_of_a_new_dataset_is_chosen_where_there_is_a_choice(
    team: Team, editor: User, reachable: None, client: Client
) -> None:
    client.force_login(editor)
    address = reverse("datasets:new-dataset")
    assert 'value="weaviate"' in client.get(address).content.decode()
    values = {"name": "Far away", "embedding_model": "hashing", "vector_store": "qdrant"}
    assert client.post(address, values).status_code == 302
    assert Dataset.objects.get(name="Far away").vector_store == "qdrant"


def test_a_dataset_is_not_made_in_a_store_that_does_not_exist(team: Team) -> None:
    with pytest.raises(StoreMisconfigured, match="known are: memory, milvus, pgvector, qdrant, weaviate"):
        create_dataset(team_id=team.id, name="Nowhere", vector_store="elsewhere")


def test_a_missing_client_is_named_with_the_command_that_installs_it(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    close_stores()
    for name in [name for name in sys.modules if name.endswith("vectorstores.qdrant")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "qdrant_client", None)
    with pytest.raises(StoreMisconfigured, match="pip install qdrant-client=="):
        open_vector_store("qdrant")


@pytest.mark.parametrize("name", ["QDRANT_URL", "MILVUS_URI", "WEAVIATE_URL"])
def test_a_store_without_an_address_names_the_setting(settings: Any, name: str) -> None:
    setattr(settings, name, "")
    close_stores()
    with pytest.raises(StoreMisconfigured, match=name):
        open_vector_store(name.split("_")[0].lower())


def test_starting_the_product_loads_no_client_of_a_vector_store() -> None:
    code = (
        "import django, sys; django.setup(); import apps.datasets.tasks, apps.datasets.services.retrieve;"
        "print([name for name in ('weaviate', 'pymilvus', 'qdrant_client', 'grpc') if name in sys.modules])"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)])}
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    assert loaded.stdout.strip() == "[]"
