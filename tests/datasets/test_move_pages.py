"""A dataset moves on its page: asked for by somebody who may, followed, given up, and told how it ended."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.urls import reverse

from accounts.models import Membership, Role
from apps.datasets.models import Dataset, VectorMove
from apps.datasets.services import migrating
from apps.datasets.services.external_datasets import create_external_dataset
from apps.datasets.services.retrieve import retrieve
from apps.datasets.services.spaces import target_of
from apps.datasets.vectorstores.protocol import Record
from apps.datasets.vectorstores.registry import close_stores
from tests.datasets.making import put


@pytest.fixture
def elsewhere(settings: Any) -> Any:
    """A second store that a dataset can move to."""
    settings.QDRANT_URL = ":memory:"
    close_stores()
    yield
    close_stores()


@pytest.fixture
def owner(client: Any, editor: Any) -> Any:
    Membership.objects.filter(user=editor).update(role=Role.OWNER)
    client.force_login(editor)
    return client


@pytest.fixture
def filled(dataset: Dataset) -> Dataset:
    for name in ("queens", "drones", "swarms"):
        put(dataset, f"{name}.txt", f"The {name} of the hive.")
    dataset.refresh_from_db()
    return dataset


def at(dataset: Dataset, name: str = "move") -> str:
    return reverse(f"datasets:{name}", args=[dataset.slug])


def text(response: Any) -> str:
    assert response.status_code == 200, response
    return str(response.content.decode())


def ask(client: Any, dataset: Dataset, **to: str) -> Any:
    return client.post(at(dataset), {"store": dataset.vector_store, "model": dataset.embedding_model} | to)


def test_a_dataset_is_moved_followed_and_found_in_its_new_place(owner, filled, elsewhere):
    assert at(filled) in text(owner.get(at(filled, "settings")))
    assert "3 passages go along" in text(owner.get(at(filled)))
    assert ask(owner, filled, store="qdrant").status_code == 302
    move = VectorMove.objects.get()
    assert "0 of 3 passages are there" in text(owner.get(at(filled)))
    part = owner.get(at(filled), headers={"HX-Request": "true"})
    assert ("hx-get" in text(part), part.headers.get("HX-Refresh")) == (True, None)
    migrating.carry_on(move.id, owner="worker")
    assert owner.get(at(filled), headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"
    page = text(owner.get(at(filled)))
    assert "is in qdrant (hashing/v1/1024) now" in page
    assert "What it left in pgvector is removed in about 5 minutes" in page
    filled.refresh_from_db()
    assert filled.vector_store == "qdrant"
    hits = retrieve(team_id=filled.team_id, datasets=[filled.slug], query="queens of the hive", method="semantic")
    assert hits[0].document_name == "queens.txt"


def test_a_move_is_given_up_and_leaves_nothing_that_a_later_one_would_take_for_copied(owner, filled, elsewhere):
    ask(owner, filled, store="qdrant")
    given_up = VectorMove.objects.get()
    assert owner.post(at(filled, "cancel-move")).status_code == 302
    given_up.refresh_from_db()
    assert given_up.state == VectorMove.State.CANCELLED
    place = target_of(given_up)
    late = Record(id=uuid.uuid4(), document_id=uuid.uuid4(), vector=[1.0] * 1024)
    place.open().upsert(place.ns, [late])  # of a worker that did not know yet
    ask(owner, filled, store="qdrant")
    assert place.open().count(place.ns) == 0
    assert "Move the dataset" not in text(owner.get(at(filled)))


def test_what_cannot_be_moved_is_told_on_the_form_or_after_it(owner, filled, elsewhere):
    assert "is in pgvector (hashing/v1/1024) already" in text(ask(owner, filled))
    assert "Select a valid choice" in text(ask(owner, filled, store="oracle"))
    ask(owner, filled, store="qdrant")
    error = {"code": "move_not_verified", "message": "The new place holds 1 vectors of 3."}
    VectorMove.objects.update(state=VectorMove.State.FAILED, error=error)
    page = text(owner.get(at(filled)))
    assert "nothing has changed" in page
    assert error["message"] in page


def test_only_those_who_answer_for_the_team_move_its_own_datasets(owner, filled, elsewhere, editor, other_team):
    foreign = Dataset.objects.create(team=other_team, name="Theirs", slug="theirs")
    assert owner.get(at(foreign)).status_code == 404
    external = create_external_dataset(
        team_id=filled.team_id, name="Outside", endpoint="https://kb.example.com", knowledge_id="k", secret="s"
    )
    assert owner.get(at(external)).status_code == 404
    Membership.objects.filter(user=editor).update(role=Role.EDITOR)
    assert at(filled) not in text(owner.get(at(filled, "settings")))
    assert ask(owner, filled, store="qdrant").status_code == 403
    assert not VectorMove.objects.exists()
