"""Indexing by a real Celery worker, also one that is killed in the middle."""

import datetime as dt
import os
import signal

import pytest
from django.utils import timezone

from accounts.models import Team
from apps.datasets import tasks
from apps.datasets.models import Chunk, IndexRun
from apps.datasets.services import documents
from apps.datasets.services.datasets import create_dataset
from apps.datasets.services.documents import add_document, delete_document
from apps.datasets.services.retrieve import retrieve
from apps.datasets.vectorstores.protocol import Namespace
from apps.datasets.vectorstores.registry import open_vector_store
from tests.datasets.making import is_ended, long_pdf, put, wait_for

pytestmark = pytest.mark.django_db(transaction=True)
PAGES = 240


def fingerprint(dataset, document):
    """What must come out equal however often the work was interrupted."""
    dataset.refresh_from_db()
    document.refresh_from_db()
    chunks = Chunk.objects.filter(document=document)
    ns = Namespace(dataset_id=dataset.id, space=dataset.space, dim=dataset.dim)
    stored = [record.id for batch in open_vector_store().iterate(ns) for record in batch]
    return {
        "keys": list(chunks.order_by("ordinal").values_list("ordinal", "key", "text")),
        "ready": chunks.filter(status="ready").count(),
        "vectors": sorted(stored) == sorted(chunks.values_list("id", flat=True)),
        "figures": (dataset.chunk_count, dataset.term_total, document.pages, document.characters, document.chunk_count),
        "progress": list(document.runs.values_list("done", "total", "outcome")),
    }


def test_a_worker_killed_in_the_middle_leaves_nothing_that_the_sweep_cannot_finish(start_worker):
    team = Team.objects.create(slug="bees", name="Bees")
    content = long_pdf(PAGES, lines=12)
    calm = create_dataset(team_id=team.id, name="Calm")
    expected = fingerprint(calm, put(calm, "book.pdf", content).document)

    stormy = create_dataset(team_id=team.id, name="Stormy")
    document = add_document(dataset=stormy, name="book.pdf", content=[content]).document
    run = IndexRun.objects.get(document=document)
    # Once while it reads, once while it embeds.
    for reached in (
        lambda: Chunk.objects.filter(document=document).exists(),
        lambda: IndexRun.objects.filter(id=run.id, stage="embed", done__gt=0).exists(),
    ):
        worker = start_worker()
        wait_for(reached, what="the stage at which the worker is killed")
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        assert not is_ended(document)
        # The lease of the dead ends.
        IndexRun.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
        tasks.sweep_indexing()
    start_worker()
    wait_for(lambda: is_ended(document), what="the end of indexing")
    assert (document.status, document.error) == ("ready", None)
    assert fingerprint(stormy, document) == expected
    assert retrieve(team_id=team.id, datasets=["stormy"], query="page 177 keeper")[0].page == 177


def test_a_worker_indexes_a_batch_with_a_broken_file_and_removes_what_is_deleted(start_worker):
    team = Team.objects.create(slug="bees", name="Bees")
    dataset = create_dataset(team_id=team.id, name="Handbook")
    start_worker()
    files = {"good.pdf": long_pdf(3), "broken.pdf": b"%PDF-1.4 no", "empty.pdf": b"", "蜂.txt": "蜂王产卵。".encode()}
    added = {name: add_document(dataset=dataset, name=name, content=[data]).document for name, data in files.items()}
    wait_for(lambda: all(is_ended(document) for document in added.values()), what="the end of the batch")
    assert {name: (document.status, (document.error or {}).get("code")) for name, document in added.items()} == {
        "good.pdf": ("ready", None),
        "broken.pdf": ("error", "damaged"),
        "empty.pdf": ("error", "empty_document"),
        "蜂.txt": ("ready", None),
    }
    assert retrieve(team_id=team.id, datasets=["handbook"], query="蜂王")[0].document_name == "蜂.txt"
    documents.retry_document(added["broken.pdf"])
    delete_document(added["good.pdf"])
    wait_for(lambda: not type(added["good.pdf"]).objects.filter(name="good.pdf").exists(), what="the purge")
    wait_for(lambda: is_ended(added["broken.pdf"]), what="the second try")
    assert added["broken.pdf"].error["code"] == "damaged"
    assert not Chunk.objects.filter(document_id=added["good.pdf"].id).exists()
