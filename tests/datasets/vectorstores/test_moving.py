"""A dataset moves to another store or model while it is searched and indexed, and nothing is lost on the way."""

from __future__ import annotations

import datetime as dt
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from apps.datasets.models import Chunk, Dataset, Document, IndexRun, VectorMove
from apps.datasets.services import migrating
from apps.datasets.services.chunks import edit_chunk
from apps.datasets.services.documents import delete_document, purge_document, set_document_enabled
from apps.datasets.services.embedding import embed_batch
from apps.datasets.services.errors import MoveNotVerified, MoveUnderway, VectorsMoved
from apps.datasets.services.indexing import index_now, index_run
from apps.datasets.services.migrating import MoveTaken, carry_on, drop_old, end_move, overdue_moves, start_move
from apps.datasets.services.migrating_copy import ready_chunks
from apps.datasets.services.retrieve import retrieve
from apps.datasets.services.spaces import place_of, source_of, target_of
from apps.datasets.vectorstores.errors import StoreMisconfigured, StoreUnavailable
from apps.datasets.vectorstores.qdrant import QdrantStore
from providers.services import open_embedding_model
from support.errors import InvalidInput
from tests.datasets.making import put, wait_for
from tests.model_runtime.openai_server import OpenAIServer

ROOT = Path(__file__).resolve().parents[3]
OTHER_MODEL = "openai/embed@8"

pytestmark = pytest.mark.usefixtures("reachable")


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many pages of few chunks, so that much can happen between them."""
    monkeypatch.setattr("apps.datasets.services.migrating_copy.pages_of_ids.__kwdefaults__", {"after": None, "size": 4})


@pytest.fixture
def provider(settings: Any) -> Iterator[OpenAIServer]:
    with OpenAIServer(dim=8).in_thread() as server:
        settings.ENV_PROVIDERS = [server.as_env_provider(embedding_model="embed@8")]
        yield server


def notes(dataset: Dataset, *numbers: int) -> None:
    for number in numbers:
        put(
            dataset, f"note {number}.txt", f"Note {number}. The keeper opened hive {number * 7} and counted its frames."
        )


def found(dataset: Dataset, query: str = "keeper opened hive", *, method: str = "semantic") -> set[str]:
    hits = retrieve(team_id=dataset.team_id, datasets=[dataset.slug], query=query, method=method, top_k=50)
    return {hit.document_name for hit in hits}


def move(dataset: Dataset, *, on_progress: Callable[[VectorMove], None] | None = None, **to: str) -> VectorMove:
    moved = carry_on(start_move(dataset, **to).id, owner="test", on_progress=on_progress)
    dataset.refresh_from_db()
    return moved


def assert_complete(dataset: Dataset) -> None:
    """The dataset's place holds exactly what PostgreSQL says, each under the vector of its text."""
    dataset.refresh_from_db()
    place = place_of(dataset)
    assert place is not None
    stored = {record.id: record for batch in place.open().iterate(place.ns) for record in batch}
    chunks = {chunk.id: chunk for chunk in ready_chunks(dataset.id)}
    assert stored.keys() == chunks.keys()
    assert set(IndexRun.objects.filter(document__dataset=dataset).values_list("vector_store", "space")) <= {
        (dataset.vector_store, dataset.space)
    }


@pytest.mark.parametrize("store", ["qdrant", "milvus", "weaviate"])
def test_a_dataset_moves_to_another_store_and_back(dataset: Dataset, store: str) -> None:
    notes(dataset, *range(1, 8))
    before = retrieve(team_id=dataset.team_id, datasets=[dataset.slug], query="note 3 keeper", top_k=5)
    dataset.refresh_from_db()
    left = place_of(dataset)
    moved = move(dataset, store=store)
    assert (moved.state, dataset.vector_store) == (VectorMove.State.SWITCHED, store)
    assert_complete(dataset)
    after = retrieve(team_id=dataset.team_id, datasets=[dataset.slug], query="note 3 keeper", top_k=5)
    assert [hit.chunk_id for hit in after] == [hit.chunk_id for hit in before]
    with pytest.raises(MoveUnderway):
        start_move(dataset, store="pgvector")
    assert not drop_old(moved.id)  # a search may still be under way there
    assert left is not None
    assert left.open().count(left.ns) == 7
    VectorMove.objects.update(switched_at=timezone.now() - dt.timedelta(minutes=10))
    assert overdue_moves() == [("datasets.drop_old_vectors", moved.id)]
    assert drop_old(moved.id)
    assert left.open().count(left.ns) == 0
    move(dataset, store="pgvector")
    assert_complete(dataset)
    assert len(found(dataset)) == 7


@pytest.mark.django_db(transaction=True)  # what is forgotten is forgotten on commit
@pytest.mark.usefixtures("small_pages", "provider")
@pytest.mark.parametrize(
    "to", [{"store": "qdrant"}, {"model": OTHER_MODEL}, {"store": "weaviate", "model": OTHER_MODEL}]
)
def test_what_happens_during_a_move_is_right_afterwards(dataset: Dataset, to: dict[str, str]) -> None:
    notes(dataset, *range(1, 21))
    seen: list[int] = []

    def meanwhile(now: VectorMove) -> None:
        seen.append(now.done)
        names = found(dataset)
        assert len(names) > 15  # it is searched all the time
        if len(seen) == 2:
            notes(dataset, 100, 101)
            first = Document.objects.live().filter(dataset=dataset).order_by("id").first()
            delete_document(first)
            purge_document(first.id)
            put(dataset, "note 2.txt", "Note 2 was written anew by the keeper of the hive.", replace_same_name=True)
        if len(seen) == 3:
            edited = Document.objects.get(dataset=dataset, name="note 5.txt")
            edit_chunk(edited, edited.chunks.get().id, text="The keeper of this hive paints doors with ochre.")
            set_document_enabled(Document.objects.get(dataset=dataset, name="note 6.txt"), enabled=False)

    move(dataset, on_progress=meanwhile, **to)
    assert len(seen) >= 5
    assert_complete(dataset)
    names = found(dataset)
    assert {"note 100.txt", "note 101.txt"} <= names
    assert not {"note 1.txt", "note 6.txt"} & names
    place = place_of(dataset)
    assert place is not None
    edited = Chunk.objects.get(text__contains="ochre")
    model = open_embedding_model(dataset.embedding_model, team_id=dataset.team_id)
    (stored,) = place.open().fetch(place.ns, [edited.id])
    (hit,) = place.open().search(place.ns, _embed(model, edited.text), 1)
    assert (hit.id, stored.id) == (edited.id, edited.id)
    assert hit.score > 0.999


def _embed(model: Any, text: str) -> list[float]:
    from asgiref.sync import async_to_sync

    (vector,) = async_to_sync(model.embed)([text])
    return list(vector)


def test_a_model_whose_vectors_are_of_another_space_is_used_after_the_switch_only(
    dataset: Dataset, provider: OpenAIServer
) -> None:
    notes(dataset, 1, 2, 3)
    moved = move(dataset, model=OTHER_MODEL)
    assert (dataset.embedding_model, dataset.dim) == (OTHER_MODEL, 8)
    assert dataset.space == moved.to_space != moved.from_space
    notes(dataset, 4)
    assert_complete(dataset)
    assert "note 4.txt" in found(dataset)


def test_a_batch_that_was_embedded_for_the_old_place_is_done_again_in_the_new_one(dataset: Dataset) -> None:
    notes(dataset, 1)
    added = put(dataset, "late.txt", "The late keeper closed the hive.", index=False)
    index_run(added.run_id, owner="worker")
    stale = IndexRun.objects.select_related("document__dataset").get(id=added.run_id)
    model = open_embedding_model("hashing", team_id=dataset.team_id)
    moved = move(dataset, store="qdrant")
    with pytest.raises(VectorsMoved):
        embed_batch(stale, start=0, model=model)
    IndexRun.objects.filter(id=added.run_id).update(cursor=0)
    index_now(added.run_id)
    assert moved.state == VectorMove.State.SWITCHED
    assert_complete(dataset)
    assert "late.txt" in found(dataset, "late keeper closed")


@pytest.mark.usefixtures("small_pages")
def test_indexing_goes_on_while_the_new_store_is_down_and_the_move_catches_up(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes(dataset, *range(1, 10))
    working = QdrantStore.upsert

    def down(*_: Any) -> int:
        raise StoreUnavailable("down")

    def meanwhile(now: VectorMove) -> None:
        if now.done == 4:
            monkeypatch.setattr(QdrantStore, "upsert", down)
            notes(dataset, 50)
            monkeypatch.setattr(QdrantStore, "upsert", working)
            now.refresh_from_db()
            assert len(now.redo) == 1

    move(dataset, store="qdrant", on_progress=meanwhile)
    assert_complete(dataset)
    assert "note 50.txt" in found(dataset)


def test_a_move_that_does_not_answer_right_fails_and_the_dataset_stays(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes(dataset, *range(1, 15))
    monkeypatch.setattr(QdrantStore, "search", lambda *_, **__: [])
    with pytest.raises(MoveNotVerified):
        move(dataset, store="qdrant")
    failed = VectorMove.objects.get()
    dataset.refresh_from_db()
    assert (failed.state, failed.error["code"]) == (VectorMove.State.FAILED, "move_not_verified")
    assert dataset.vector_store == "pgvector"
    assert target_of(failed).open().count(target_of(failed).ns) == 0
    assert len(found(dataset)) == 14


def test_only_one_works_on_a_move_and_it_can_be_given_up(dataset: Dataset) -> None:
    notes(dataset, 1, 2)
    begun = start_move(dataset, store="qdrant")
    assert start_move(dataset, store="qdrant") == begun
    with pytest.raises(MoveUnderway):
        start_move(dataset, store="milvus")
    VectorMove.objects.update(lease_owner="another", lease_until=timezone.now() + dt.timedelta(minutes=1))
    with pytest.raises(MoveTaken):
        carry_on(begun.id, owner="test")
    end_move(begun)
    notes(dataset, 3)
    begun.refresh_from_db()
    assert begun.state == VectorMove.State.CANCELLED
    assert target_of(begun).open().count(target_of(begun).ns) == 0
    assert len(found(dataset)) == 3


def test_a_move_names_what_is_wrong_before_it_begins(dataset: Dataset, settings: Any) -> None:
    notes(dataset, 1)
    settings.MILVUS_URI = ""
    with pytest.raises(InvalidInput, match="already"):
        start_move(dataset, store="pgvector")
    with pytest.raises(StoreMisconfigured, match="forgets"):
        start_move(dataset, store="memory")
    with pytest.raises(StoreMisconfigured, match="MILVUS_URI"):
        start_move(dataset, store="milvus")
    with pytest.raises(StoreMisconfigured, match="known are"):
        start_move(dataset, store="elsewhere")
    assert not VectorMove.objects.exists()


def test_an_empty_dataset_moves_too(dataset: Dataset) -> None:
    move(dataset, store="qdrant")
    notes(dataset, 1)
    dataset.refresh_from_db()
    assert dataset.vector_store == "qdrant"
    assert_complete(dataset)


def test_a_worker_goes_on_with_a_move_that_was_left_and_stops_after_its_time(
    dataset: Dataset, small_pages: None
) -> None:
    notes(dataset, *range(1, 10))
    begun = start_move(dataset, store="qdrant")
    VectorMove.objects.update(started_at=timezone.now() - dt.timedelta(minutes=10))
    assert overdue_moves() == [("datasets.move_vectors", begun.id)]
    half = carry_on(begun.id, owner="first", seconds=0)
    assert (half.state, half.done) == (VectorMove.State.COPYING, 4)
    moved = carry_on(begun.id, owner="second")
    assert (moved.state, moved.done) == (VectorMove.State.SWITCHED, 9)
    assert source_of(moved).store == "pgvector"


def test_the_command_says_where_the_dataset_is_and_what_is_wrong(dataset: Dataset, team: Any) -> None:
    notes(dataset, 1, 2)
    out, err = io.StringIO(), io.StringIO()
    call_command("migrate_vectors", dataset.slug, to="qdrant", team=team.slug, stdout=out, stderr=err)
    assert "is in qdrant" in out.getvalue()
    assert "2/2" in err.getvalue()
    with pytest.raises(CommandError, match="already"):
        call_command("migrate_vectors", dataset.slug, to="qdrant", team=team.slug)
    with pytest.raises(CommandError, match="--to"):
        call_command("migrate_vectors", dataset.slug, team=team.slug)
    with pytest.raises(CommandError, match="No move"):
        call_command("migrate_vectors", dataset.slug, cancel=True, team=team.slug)


@pytest.fixture
def command(transactional_db: None, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Run `manage.py migrate_vectors` as a process of its own, on the test's database."""
    running: list[subprocess.Popen[bytes]] = []
    head, _, query = os.environ["DATABASE_URL"].partition("?")
    url = head.rpartition("/")[0] + f"/{connection.settings_dict['NAME']}" + (f"?{query}" if query else "")
    log = (tmp_path / "command.log").open("ab")

    def start(*arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "migrate_vectors", *arguments],
            cwd=ROOT,
            env=os.environ | {"DATABASE_URL": url, "SKEP_DATA_DIR": str(tmp_path / "data")} | environment,
            stdout=log,
            stderr=log,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.wait()
    log.close()


@pytest.mark.django_db(transaction=True)
def test_a_move_that_is_killed_again_and_again_goes_on_and_loses_nothing(
    dataset: Dataset, provider: OpenAIServer, command: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    lines = [f"Entry {n}: the keeper opened hive {n * 7} at dusk and counted the frames.\n\n" * 6 for n in range(600)]
    put(dataset, "journal.txt", "".join(lines))
    total = ready_chunks(dataset.id).count()
    assert total > 400
    environment = {
        "OPENAI_BASE_URL": provider.base_url,
        "OPENAI_API_KEY": "test-key",
        "OPENAI_EMBEDDING_MODEL": "embed@8",
        "EGRESS_ALLOW": "127.0.0.1",
    }
    for kill_at in (1, total // 2):
        process = command(dataset.slug, "--model", OTHER_MODEL, "--team", "bees", **environment)
        wait_for(lambda at=kill_at, of=process: _done(dataset) >= at or of.poll() is not None, what=f"{kill_at} chunks")
        assert process.poll() is None, (tmp_path / "command.log").read_text()
        process.send_signal(signal.SIGKILL)
        process.wait()
        notes(dataset, kill_at)
        assert found(dataset, method="hybrid")
    gone = Document.objects.get(dataset=dataset, name="note 1.txt")
    delete_document(gone)
    purge_document(gone.id)
    process = command(dataset.slug, "--model", OTHER_MODEL, "--team", "bees", **environment)
    assert process.wait(timeout=180) == 0, (tmp_path / "command.log").read_text()
    assert "Going on after" in (tmp_path / "command.log").read_text()
    dataset.refresh_from_db()
    assert dataset.embedding_model == OTHER_MODEL
    assert_complete(dataset)
    assert f"note {total // 2}.txt" in found(dataset, f"Note {total // 2}", method="full_text")
    assert VectorMove.objects.get().state == migrating.State.SWITCHED


def _done(dataset: Dataset) -> int:
    return sum(VectorMove.objects.filter(dataset=dataset).values_list("done", flat=True))
