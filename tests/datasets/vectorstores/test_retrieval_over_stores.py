"""What people rely on, over every vector store: what is gone is not found, and nobody finds what is not theirs."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from accounts.models import Team
from apps.datasets.models import Dataset, Document
from apps.datasets.services.datasets import create_dataset, delete_dataset, purge_dataset
from apps.datasets.services.documents import delete_document, purge_document, set_document_enabled
from apps.datasets.services.retrieve import retrieve
from apps.datasets.services.spaces import place_of
from tests.datasets.making import put, wait_for

pytestmark = pytest.mark.usefixtures("installed")


@pytest.fixture
def theirs(other_team: Team, installed: str) -> Dataset:
    return create_dataset(team_id=other_team.id, name="Handbook")


@pytest.fixture
def dataset(team: Team, installed: str) -> Dataset:
    return create_dataset(team_id=team.id, name="Handbook")


def found(dataset: Dataset, query: str) -> set[str]:
    """The names of the documents whose vectors are near."""
    hits = retrieve(team_id=dataset.team_id, datasets=[dataset.slug], query=query, method="semantic", top_k=50)
    return {hit.document_name for hit in hits}


def stored(dataset: Dataset) -> int:
    dataset.refresh_from_db()
    place = place_of(dataset)
    assert place is not None
    return place.open().count(place.ns)


def test_a_dataset_is_kept_in_the_store_of_the_installation(dataset: Dataset, installed: str) -> None:
    put(dataset, "bees.txt", "Bees dance to tell where the flowers are.")
    dataset.refresh_from_db()
    assert dataset.vector_store == installed
    assert stored(dataset) == 1
    assert found(dataset, "where do bees dance") == {"bees.txt"}


def test_what_was_deleted_or_hidden_is_not_found_although_its_vectors_are_still_there(dataset: Dataset) -> None:
    for name in ("kept", "hidden", "deleted"):
        put(dataset, f"{name}.txt", f"The {name} queen lays eggs in the comb.")
    documents = {document.name: document for document in Document.objects.filter(dataset=dataset)}
    set_document_enabled(documents["hidden.txt"], enabled=False)
    delete_document(documents["deleted.txt"])
    assert stored(dataset) == 3
    assert found(dataset, "queen lays eggs") == {"kept.txt"}
    set_document_enabled(documents["hidden.txt"], enabled=True)
    purge_document(documents["deleted.txt"].id)
    assert stored(dataset) == 2
    assert found(dataset, "queen lays eggs") == {"kept.txt", "hidden.txt"}


def test_two_teams_with_the_same_documents_never_see_each_other(dataset: Dataset, theirs: Dataset) -> None:
    put(dataset, "ours.txt", "Wax is made by young bees.")
    put(theirs, "theirs.txt", "Wax is made by young bees.")
    put(theirs, "more.txt", "Wasps make paper of wood.")
    assert found(dataset, "who makes wax") == {"ours.txt"}
    assert found(theirs, "who makes wax") == {"theirs.txt", "more.txt"}
    delete_dataset(theirs)
    purge_dataset(theirs.id)
    assert found(dataset, "who makes wax") == {"ours.txt"}
    assert stored(dataset) == 1


@pytest.mark.django_db(transaction=True)
def test_a_document_deleted_while_others_are_indexed_is_never_found_again(dataset: Dataset) -> None:
    put(dataset, "gone.txt", "The smoker calms the hive.")
    stop, failures = threading.Event(), []

    def still_without_it() -> set[str]:
        names = found(dataset, "smoker hive")
        assert "gone.txt" not in names
        return names

    def keep_indexing() -> None:
        try:
            for number in range(100):
                if stop.is_set():
                    return
                put(dataset, f"note {number}.txt", f"Note {number}: the smoker calms hive number {number}.")
        except Exception as exc:  # noqa: BLE001  shown by the test
            failures.append(exc)
        finally:
            connection.close()

    indexing = threading.Thread(target=keep_indexing)
    indexing.start()
    try:
        wait_for(lambda: len(found(dataset, "smoker hive")) > 2, what="indexing")
        gone = Document.objects.get(dataset=dataset, name="gone.txt")
        delete_document(gone)
        assert "gone.txt" not in found(dataset, "smoker hive")
        purge_document(gone.id)
        size = len(found(dataset, "smoker hive"))
        wait_for(lambda: len(still_without_it()) > size, what="more indexing")
    finally:
        stop.set()
        indexing.join()
    assert failures == []
    assert "gone.txt" not in found(dataset, "smoker hive")
