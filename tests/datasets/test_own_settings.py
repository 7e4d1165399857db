"""A document may be cut in its own way; its dataset's changes do not touch it then."""

import pytest

from apps.datasets.models import Chunk, ChunkHit
from apps.datasets.services.datasets import change_settings
from apps.datasets.services.documents import change_document_settings, delete_document, purge_document, retry_document
from apps.datasets.services.indexing import index_now
from apps.datasets.services.previewing import changes, outdated
from apps.datasets.services.queries import log_query
from apps.datasets.services.retrieve import Search, search
from apps.datasets.settings_of_dataset import read_settings
from support.errors import InvalidInput
from tests.datasets.making import put

TEXT = "\n\n".join(f"Paragraph {n} is about hive number {n} and nothing else at all." for n in range(12))
SMALL = {"chunking": {"size": 60}}


def sizes(document) -> int:
    return Chunk.objects.filter(document=document, version=document.version).count()


def test_a_document_with_own_settings_is_cut_by_them(dataset):
    plain = put(dataset, "plain.txt", TEXT).document
    own = put(dataset, "own.txt", TEXT + " ", own_settings=SMALL).document
    assert sizes(own) > sizes(plain)
    assert outdated(dataset) == []


def test_a_change_of_the_dataset_makes_only_those_outdated_that_follow_it(dataset):
    plain = put(dataset, "plain.txt", TEXT).document
    put(dataset, "own.txt", TEXT + " ", own_settings=SMALL)
    change_settings(dataset, {"chunking": {"size": 900}})
    assert outdated(dataset) == [plain.id]
    assert changes(dataset, read_settings(dataset.settings)).documents == 1


def test_a_document_goes_back_to_what_its_dataset_says(dataset):
    document = put(dataset, "own.txt", TEXT, own_settings=SMALL).document
    before = sizes(document)
    change_document_settings(document, {})
    assert outdated(dataset) == [document.id]
    index_now(retry_document(document).id)
    document.refresh_from_db()
    assert sizes(document) < before


def test_a_document_has_no_search_of_its_own(dataset):
    document = put(dataset, "own.txt", TEXT).document
    with pytest.raises(InvalidInput, match="retrieval"):
        change_document_settings(document, {"retrieval": {"top_k": 3}})
    with pytest.raises(InvalidInput, match="size"):
        change_document_settings(document, {"chunking": {"size": 1}})


def test_what_apps_and_programs_got_is_counted_and_what_people_tried_is_not(dataset):
    document = put(dataset, "a.txt", "Queens live for years.").document
    found = search(Search(team_id=dataset.team_id, datasets=[dataset.slug], query="queens"))
    for source in ("app", "api", "test"):
        log_query(found, query="queens", team_id=dataset.team_id, source=source)
    (hit,) = ChunkHit.objects.all()
    assert (str(hit.chunk_id), hit.document_id, hit.count) == (found.passages[0].chunk_id, document.id, 2)
    delete_document(document)
    purge_document(document.id)
    assert not ChunkHit.objects.exists()
