"""From an upload to something that can be found: what ends ready, what ends in error, and what is kept."""

import datetime as dt

import pytest
from django.utils import timezone

from apps.datasets.models import Chunk, Dataset, DatasetTerm, Document, DocumentPage, IndexRun
from apps.datasets.selectors.documents import chunks_of, open_document, pages_of, progress_of
from apps.datasets.selectors.errors import DatasetNotFound, DocumentNotFound
from apps.datasets.services import documents, embedding, indexing, reading, runs
from apps.datasets.services.blobs import blob_path
from apps.datasets.services.datasets import create_dataset, delete_dataset, purge_dataset
from apps.datasets.services.embedding import embed_batch
from apps.datasets.services.errors import ContentMissing, DatasetExists
from apps.datasets.services.retrieve import retrieve
from apps.datasets.text.errors import TooLarge
from apps.datasets.text.extract import extract
from apps.datasets.text.limits import Limits
from apps.datasets.vectorstores.protocol import Namespace
from apps.datasets.vectorstores.registry import open_vector_store
from model_runtime.errors import ContextTooLong, RateLimited, UnauthorizedProvider
from model_runtime.providers.hashing import HashingEmbedder
from tests.datasets.making import long_pdf, pdf, put

HIVE = "# Hives\n\nA hive has a queen.\n\n## Swarms\n\nA swarm leaves in May, with the old queen.\n"


def namespace(dataset: Dataset) -> Namespace:
    dataset.refresh_from_db()
    return Namespace(dataset_id=dataset.id, space=dataset.space, dim=dataset.dim)


def names(dataset: Dataset, query: str, **options: object) -> list[str]:
    return [
        hit.document_name for hit in retrieve(team_id=dataset.team_id, datasets=[dataset.slug], query=query, **options)
    ]


def figures(dataset: Dataset) -> tuple[int, int, dict[str, int]]:
    dataset.refresh_from_db()
    return (
        dataset.chunk_count,
        dataset.term_total,
        dict(DatasetTerm.objects.filter(dataset=dataset).values_list("term", "df")),
    )


def test_an_upload_becomes_pages_and_chunks_that_know_their_place(dataset):
    document = put(dataset, "book.pdf", pdf([["Queens live for years."], ["Drones do not."]])).document
    assert (document.status, document.pages, document.version, document.kind) == ("ready", 2, 1, "pdf")
    assert [page.number for page in pages_of(document)] == [1, 2]
    texts = {page.number: page.text for page in pages_of(document)}
    chunks = list(chunks_of(document))
    assert len(chunks) == document.chunk_count == 2
    for chunk in chunks:
        assert texts[chunk.page][chunk.char_start : chunk.char_end] == chunk.text
    assert open_vector_store().count(namespace(dataset)) == 2


def test_headings_come_along_and_a_format_without_pages_has_none(dataset):
    document = put(dataset, "hive.md", HIVE).document
    assert document.pages == 0
    assert ["Hives", "Swarms"] in [chunk.heading_path for chunk in chunks_of(document)]
    assert {chunk.page for chunk in chunks_of(document)} == {None}


@pytest.mark.parametrize(
    ("name", "content", "code", "says"),
    [
        ("broken.pdf", b"%PDF-1.7 and then nothing of the kind", "damaged", "save it again"),
        ("empty.pdf", b"", "empty_document", "right file"),
        ("locked.pdf", pdf([["secret"]], password="bee"), "encrypted", "Remove the protection"),
        ("blank.txt", b"   \n \n", "empty_document", "right file"),
        ("photo.png", b"\x89PNG\r\n\x1a\n", "unsupported_type", "can be read"),
        ("lying.pdf", b"just text", "damaged", "upload"),
    ],
)
def test_what_cannot_be_read_ends_in_error_with_a_reason_and_a_next_step(dataset, name, content, code, says):
    document = put(dataset, name, content).document
    assert (document.status, document.error["code"]) == ("error", code)
    assert says in document.error["message"]
    assert not Chunk.objects.exists()
    assert not DocumentPage.objects.exists()


def test_a_file_over_the_limit_is_shown_in_error_and_not_kept(dataset, settings, media):
    settings.MAX_UPLOAD_BYTES = 1024 * 1024
    for _ in range(2):
        added = put(dataset, "huge.pdf", b"x" * (1024 * 1024 + 1))
        assert (added.outcome, added.document.status) == ("refused", "error")
    assert "1 MB" in added.document.error["message"]
    assert Document.objects.count() == 1
    assert not [path for path in media.rglob("*") if path.is_file()]
    with pytest.raises(ContentMissing):
        documents.retry_document(added.document)


def test_the_same_content_is_kept_once_and_a_failed_one_is_tried_again(dataset):
    first = put(dataset, "a.txt", "Bees dance.")
    again = put(dataset, "b.txt", "Bees dance.")
    assert (again.outcome, again.document.id, again.run_id) == ("unchanged", first.document.id, None)
    failed = put(dataset, "data.png", "plain text under a wrong name")
    assert failed.document.status == "error"
    cured = put(dataset, "data.txt", "plain text under a wrong name")
    assert (cured.document.id, cured.document.status, cured.document.name) == (failed.document.id, "ready", "data.txt")


def test_other_content_under_a_known_name_is_a_new_version_that_keeps_what_did_not_change(dataset):
    long = "\n\n".join(f"# Flower {n}\n\nFlower {n} feeds the bees. " + "It blooms. " * 30 for n in range(6))
    document = put(dataset, "guide.md", long).document
    before = {chunk.key: chunk.id for chunk in chunks_of(document)}
    changed = put(
        dataset,
        "guide.md",
        "# Wasps\n\n" + "A new beginning about wasps. " * 15 + "\n\n" + long,
        replace_same_name=True,
    )
    assert (changed.outcome, changed.document.id, changed.document.version) == ("replaced", document.id, 2)
    after = {chunk.key: chunk.id for chunk in chunks_of(changed.document)}
    assert set(before) < set(after)
    assert all(after[key] == before[key] for key in before)
    assert Chunk.objects.count() == len(after)
    assert {chunk.status for chunk in chunks_of(changed.document)} == {"ready"}
    assert "wasps" in retrieve(team_id=dataset.team_id, datasets=[dataset.slug], query="wasps")[0].text


def test_the_old_text_is_found_until_the_new_version_is_complete(dataset):
    document = put(dataset, "guide.txt", "Only honey here.").document
    put(dataset, "guide.txt", "Only propolis now.", replace_same_name=True, index=False)
    run = document.runs.get(finished_at=None)
    starts = indexing.index_run(run.id, owner="reader")
    assert names(dataset, "honey", method="full_text") == ["guide.txt"]
    assert names(dataset, "propolis", method="full_text") == []
    assert indexing.embed_next(run.id, starts[0]) == []
    assert names(dataset, "honey", method="full_text") == []
    assert names(dataset, "propolis", method="full_text") == ["guide.txt"]


def test_a_version_that_fails_leaves_the_old_one_findable(dataset):
    put(dataset, "guide.txt", "Only honey here.")
    added = put(dataset, "guide.txt", "   ", replace_same_name=True)
    assert added.document.status == "error"
    assert names(dataset, "honey") == ["guide.txt"]
    assert Chunk.objects.count() == 1


def test_a_batch_goes_on_after_a_broken_file(dataset):
    for name, content in [
        ("one.txt", "First comes pollen."),
        ("two.pdf", b"%PDF-1.4 broken"),
        ("three.txt", "Last comes wax."),
    ]:
        put(dataset, name, content)
    assert dict(Document.objects.values_list("name", "status")) == {
        "one.txt": "ready",
        "two.pdf": "error",
        "three.txt": "ready",
    }
    assert set(names(dataset, "pollen wax")) == {"one.txt", "three.txt"}


@pytest.fixture
def small_batches(monkeypatch):
    """Batches so small that a few pages make many of them."""
    monkeypatch.setattr(embedding, "BATCH", 8)
    monkeypatch.setattr(embedding, "KEEP", 3)


def test_a_message_that_comes_twice_changes_nothing(dataset, small_batches):
    added = put(dataset, "book.pdf", long_pdf(10), index=False)
    starts = indexing.index_run(added.run_id, owner="one")
    assert len(starts) == indexing.AT_ONCE
    todo = [*starts, *indexing.index_run(added.run_id, owner="two")]
    run = IndexRun.objects.get(id=added.run_id)
    while todo:
        start = todo.pop()
        todo += indexing.embed_next(run.id, start)
        todo += indexing.embed_next(run.id, start)
    run.refresh_from_db()
    assert (
        run.done
        == run.total
        == Chunk.objects.filter(status="ready").count()
        == open_vector_store().count(namespace(dataset))
    )
    assert run.outcome == "ready"


def test_a_run_is_over_when_its_last_batch_is_and_looks_only_ahead_until_then(
    dataset, small_batches, django_assert_num_queries
):
    added = put(dataset, "book.pdf", long_pdf(20), index=False)
    first, *others = indexing.index_run(added.run_id, owner="one")
    run = IndexRun.objects.get(id=added.run_id)
    others += indexing.embed_next(run.id, others.pop())
    with django_assert_num_queries(2):  # the cursor, and the chunk behind it: not those that are ready
        assert not embedding.is_embedded(run)
    while others:
        others += indexing.embed_next(run.id, others.pop())
    assert not embedding.is_embedded(run)
    assert indexing.embed_next(run.id, first) == []
    assert embedding.is_embedded(run)
    run.refresh_from_db()
    assert run.outcome == "ready"


def test_only_the_holder_of_the_lease_goes_on_and_an_ended_lease_is_taken_over(dataset):
    added = put(dataset, "a.txt", "Bees.", index=False)
    assert runs.claim_run(added.run_id, owner="first") is not None
    assert runs.claim_run(added.run_id, owner="second") is None
    assert runs.overdue_runs() == []
    IndexRun.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    assert runs.overdue_runs() == [added.run_id]
    assert runs.overdue_runs() == []
    run = runs.claim_run(added.run_id, owner="second")
    assert run is not None
    with pytest.raises(runs.RunEnded):
        runs.hold_run(run, owner="first")


def test_a_run_whose_worker_dies_three_times_stops_with_a_reason(dataset):
    added = put(dataset, "a.txt", "Bees.", index=False)
    for number in range(runs.MAX_DELIVERIES):
        assert runs.claim_run(added.run_id, owner=f"victim {number}")
        IndexRun.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
        assert runs.overdue_runs() == [added.run_id]
    assert indexing.index_run(added.run_id, owner="last") == []
    added.document.refresh_from_db()
    assert (added.document.status, added.document.error["code"]) == ("error", "gave_up")
    documents.retry_document(added.document)
    index_open_run(added.document)
    assert added.document.status == "ready"


def index_open_run(document: Document) -> None:
    indexing.index_now(document.runs.get(finished_at=None).id)
    document.refresh_from_db()


def test_progress_goes_up_with_the_chunks_that_are_done(dataset, small_batches):
    added = put(dataset, "book.pdf", long_pdf(10), index=False)
    document = added.document
    assert progress_of(document).percent == 2
    todo = indexing.index_run(added.run_id, owner="one")
    document.refresh_from_db()
    assert (document.status, progress_of(document).percent) == ("embedding", 20)
    seen = []
    while todo:
        todo += indexing.embed_next(added.run_id, todo.pop(0))
        document = open_document(document.id, team_id=dataset.team_id)
        if progress := progress_of(document):
            seen.append(progress.percent)
            assert progress.done <= progress.total
    assert seen == sorted(set(seen))
    assert progress_of(document) is None


def test_cancelling_stops_the_run_and_removes_what_it_wrote(dataset, small_batches, django_capture_on_commit_callbacks):
    added = put(dataset, "book.pdf", long_pdf(10), index=False)
    starts = indexing.index_run(added.run_id, owner="one")
    indexing.embed_next(added.run_id, starts[0])
    with django_capture_on_commit_callbacks(execute=True):
        assert runs.cancel_indexing(added.document)
    assert all(indexing.embed_next(added.run_id, start) == [] for start in starts)
    added.document.refresh_from_db()
    assert added.document.status == "cancelled"
    assert not Chunk.objects.exists()
    run = IndexRun.objects.get()
    ns = Namespace(dataset_id=dataset.id, space=run.space, dim=run.dim)
    assert open_vector_store().count(ns) == 0
    assert not runs.cancel_indexing(added.document)


def test_a_deleted_document_is_never_found_and_leaves_nothing(dataset):
    kept = put(dataset, "kept.txt", "Honey is sweet.").document
    before = figures(dataset)
    gone = put(dataset, "gone.txt", "Honey is golden and sticky.").document
    blob = blob_path(gone.blob)
    assert set(names(dataset, "honey")) == {"kept.txt", "gone.txt"}
    documents.delete_document(gone)
    assert names(dataset, "honey") == ["kept.txt"]
    with pytest.raises(DocumentNotFound):
        open_document(gone.id, team_id=dataset.team_id)
    documents.purge_document(gone.id)
    documents.purge_document(gone.id)
    assert figures(dataset) == before
    assert open_vector_store().count(namespace(dataset)) == kept.chunk_count
    assert not blob.exists()
    assert not Document.objects.filter(id=gone.id).exists()
    assert put(dataset, "gone.txt", "Honey is golden and sticky.").outcome == "created"


def test_a_document_deleted_while_it_is_indexed_does_not_come_back(dataset):
    added = put(dataset, "book.pdf", long_pdf(12), index=False)
    starts = indexing.index_run(added.run_id, owner="one")
    documents.delete_document(added.document)
    assert all(indexing.embed_next(added.run_id, start) == [] for start in starts)
    assert indexing.index_run(added.run_id, owner="two") == []
    documents.purge_document(added.document.id)
    assert not Chunk.objects.exists()
    assert names(dataset, "honey") == []


def test_a_file_that_two_teams_have_is_removed_with_the_last_of_them(dataset, other_team):
    theirs = create_dataset(team_id=other_team.id, name="Theirs")
    one, two = (put(each, "a.txt", "The same words.").document for each in (dataset, theirs))
    assert one.blob == two.blob
    documents.delete_document(one)
    documents.purge_document(one.id)
    assert blob_path(two.blob).exists()
    documents.delete_document(two)
    documents.purge_document(two.id)
    assert not blob_path(two.blob).exists()


def test_a_deleted_dataset_frees_its_name_and_leaves_nothing(dataset, team):
    put(dataset, "a.txt", "Bees.")
    ns = namespace(dataset)
    delete_dataset(dataset)
    with pytest.raises(DatasetNotFound):
        names(dataset, "bees")
    assert create_dataset(team_id=team.id, name="Handbook", slug="handbook").slug == "handbook"
    purge_dataset(dataset.id)
    assert open_vector_store().count(ns) == 0
    assert not Dataset.objects.filter(id=dataset.id).exists()


def test_a_slug_that_was_asked_for_must_be_free_and_one_from_the_name_gets_a_number(team, dataset):
    assert create_dataset(team_id=team.id, name="Handbook").slug == "handbook-2"
    with pytest.raises(DatasetExists):
        create_dataset(team_id=team.id, name="Other", slug="handbook")
    assert create_dataset(team_id=team.id, name="蜜蜂手册").slug == "蜜蜂手册"


def test_the_figures_that_bm25_needs_are_those_of_the_searchable_chunks(dataset):
    put(dataset, "a.txt", "Bees dance. Bees sing.")
    put(dataset, "b.txt", "Bees rest.", replace_same_name=True)
    put(dataset, "b.txt", "Wasps rest.", replace_same_name=True)
    count, total, df = figures(dataset)
    assert (count, total) == (2, 6)
    assert df == {"bee": 1, "danc": 1, "sing": 1, "wasp": 1, "rest": 1}


class Choosy(HashingEmbedder):
    """An embedding model that refuses what a rule says."""

    def __init__(self, refuse):
        self.refuse, self.calls = refuse, 0

    async def embed(self, texts):
        self.calls += 1
        self.refuse(texts)
        return await super().embed(texts)


def with_choosy(dataset: Dataset, refuse) -> tuple[IndexRun, Choosy]:
    added = put(dataset, "book.pdf", long_pdf(6), index=False)
    indexing.index_run(added.run_id, owner="one")
    return IndexRun.objects.select_related("document__dataset").get(id=added.run_id), Choosy(refuse)


def test_a_text_that_the_model_refuses_is_found_out_by_halving_and_the_rest_goes_on(dataset):
    def too_long(texts):
        if any("Page 3 line 0" in text for text in texts):
            raise ContextTooLong("too long")

    run, model = with_choosy(dataset, too_long)
    embed_batch(run, start=0, model=model)
    run.refresh_from_db()
    assert run.done == run.total
    assert 1 <= run.without_vector < 4
    assert indexing.embed_next(run.id, 0) == []
    assert "book.pdf" in names(dataset, "Page 3 line 0", method="full_text")


def test_a_busy_provider_is_worth_another_try_and_a_wrong_key_is_not(dataset):
    assert indexing.is_retryable(RateLimited("slow down", retry_after=7))
    assert 7 <= indexing.seconds_to_wait(RateLimited("slow down", retry_after=7), attempt=0) <= 8
    assert indexing.seconds_to_wait(RateLimited("slow down", retry_after=3600), attempt=0) <= 61
    assert not indexing.is_retryable(UnauthorizedProvider("no"))


def test_an_operator_who_lets_larger_files_in_lets_what_they_hold_in(settings):
    settings.MAX_UPLOAD_BYTES = 1_000_000
    assert (reading.limits_now().max_chars, reading.max_chunks()) == (100_000_000, reading.MAX_CHUNKS)
    settings.MAX_UPLOAD_BYTES = 600_000_000
    assert reading.limits_now().max_chars == reading.limits_now().max_bytes == 600_000_000
    assert reading.max_chunks() == 1_500_000


def test_a_plain_text_that_cannot_fit_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "long.txt"
    path.write_bytes(b"bees " * 1_000)
    with pytest.raises(TooLarge):
        next(extract(path, kind="txt", limits=Limits(max_chars=1_000)))
    assert next(extract(path, kind="txt", limits=Limits(max_chars=1_250 * 4)))
