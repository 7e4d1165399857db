"""Chunks that people change: what is embedded, what is found, what survives reading the file again."""

import pytest

from apps.datasets.models import Chunk, ChunkEdit, ChunkParent, DatasetTerm, IndexRun
from apps.datasets.selectors.documents import chunks_of
from apps.datasets.services import chunks, documents
from apps.datasets.services.errors import DocumentIsIndexing
from apps.datasets.services.indexing import index_now
from apps.datasets.services.retrieve import retrieve
from model_runtime.providers.hashing import HashingEmbedder
from support.errors import InvalidInput, NotFound
from tests.datasets.making import put
from tests.datasets.test_indexing import figures

GUIDE = "\n\n".join(
    f"# Part {n}\n\nPart {n} tells of flower{n} and of the weather. " + "It rains. " * 30 for n in range(5)
)


@pytest.fixture
def document(dataset):
    return put(dataset, "guide.md", GUIDE).document


@pytest.fixture
def embedded(monkeypatch):
    """The texts that were sent to the embedding model."""
    seen: list[str] = []
    real = HashingEmbedder.embed_now

    def embed(self, texts):
        seen.extend(texts)
        return real(self, texts)

    monkeypatch.setattr(HashingEmbedder, "embed_now", embed)
    return seen


def found(document, query, **options):
    return [
        hit.chunk_id
        for hit in retrieve(team_id=document.team_id, datasets=[document.dataset.slug], query=query, **options)
    ]


def chunk_with(document, words) -> Chunk:
    return next(chunk for chunk in chunks_of(document) if words in chunk.text)


def again(document) -> list[str]:
    """Index it again; returns nothing but leaves it fresh."""
    run = documents.retry_document(document)
    index_now(run.id)
    document.refresh_from_db()
    return [chunk.text for chunk in chunks_of(document)]


def terms(dataset) -> dict[str, int]:
    return dict(DatasetTerm.objects.filter(dataset=dataset).values_list("term", "df"))


def test_an_edit_embeds_one_text_and_is_found_by_its_new_words_only(document, embedded, editor):
    chunk = chunk_with(document, "flower2")
    changed = chunks.edit_chunk(document, chunk.id, text="Part 2 tells of clover.", by=editor)
    assert (changed.embedded, len(embedded)) == (1, 1)
    assert "clover" in embedded[0]
    for method in ("full_text", "semantic", "hybrid"):
        assert found(document, "clover", method=method)[0] == str(chunk.id)
    assert found(document, "flower2", method="full_text") == []
    fresh = chunk_with(document, "clover")
    assert (fresh.id, fresh.origin) == (chunk.id, "edited")
    assert ChunkEdit.objects.get().created_by == editor


def test_an_edit_that_changes_nothing_and_a_switch_embed_nothing(document, embedded):
    chunk = chunk_with(document, "flower2")
    assert chunks.edit_chunk(document, chunk.id, text=f" {chunk.text} ").embedded == 0
    chunks.set_chunk_enabled(document, chunk.id, enabled=False)
    assert str(chunk.id) not in found(document, "flower2")
    chunks.set_chunk_enabled(document, chunk.id, enabled=True)
    assert found(document, "flower2")[0] == str(chunk.id)
    assert len([text for text in embedded if "tells of" in text]) == 0


def test_a_deleted_chunk_is_found_no_more_and_comes_back_to_its_place(document, dataset):
    before, chunk = figures(dataset), chunk_with(document, "flower2")
    chunks.delete_chunk(document, chunk.id)
    document.refresh_from_db()
    assert str(chunk.id) not in found(document, "flower2 weather")
    assert document.chunk_count == chunks_of(document).count() == before[0] - 1
    chunks.undo_edit(document, ChunkEdit.objects.get().id)
    document.refresh_from_db()
    assert figures(dataset) == before
    back = chunk_with(document, "flower2")
    assert (back.id, back.ordinal, back.char_start, back.origin) == (chunk.id, chunk.ordinal, chunk.char_start, "read")
    assert found(document, "flower2", method="semantic")[0] == str(chunk.id)


def test_an_added_chunk_comes_last_is_found_and_can_be_taken_back(document, dataset):
    before = figures(dataset)
    added = chunks.add_chunk(document, text="Propolis is glue.")
    assert list(chunks_of(document))[-1].id == added.chunk_id
    assert found(document, "propolis glue")[0] == str(added.chunk_id)
    chunks.undo_edit(document, ChunkEdit.objects.get().id)
    assert figures(dataset) == before


def test_changes_survive_reading_the_same_file_again_without_embedding_anything(document, dataset, embedded):
    edited, deleted, off = (chunk_with(document, f"flower{n}") for n in (1, 2, 3))
    chunks.edit_chunk(document, edited.id, text="Part 1 tells of clover.")
    chunks.delete_chunk(document, deleted.id)
    chunks.set_chunk_enabled(document, off.id, enabled=False)
    added = chunks.add_chunk(document, text="Propolis is glue.")
    document.refresh_from_db()
    before, words = [(c.id, c.text, c.is_enabled, c.origin) for c in chunks_of(document)], terms(dataset)
    embedded.clear()
    again(document)
    assert [(c.id, c.text, c.is_enabled, c.origin) for c in chunks_of(document)] == before
    assert terms(dataset) == words
    assert embedded == []
    assert (document.version, IndexRun.objects.order_by("-id").first().embedded) == (2, 0)
    assert found(document, "clover")[0] == str(edited.id)
    assert found(document, "propolis")[0] == str(added.chunk_id)


def test_a_change_whose_passage_is_gone_is_kept_and_told_and_can_become_a_chunk(document, dataset):
    chunk = chunk_with(document, "flower2")
    chunks.edit_chunk(document, chunk.id, text="Part 2 tells of clover.")
    put(dataset, "guide.md", GUIDE.replace("flower2", "thistles"), replace_same_name=True)
    document.refresh_from_db()
    lost = document.edits.get(is_current=True, lost_in=document.version)
    assert lost.text == "Part 2 tells of clover."
    assert "clover" not in " ".join(c.text for c in chunks_of(document))
    kept = chunks.keep_lost_edit(document, lost.id)
    assert found(document, "clover")[0] == str(kept.chunk_id)
    assert not document.edits.filter(is_current=True, lost_in=document.version).exists()
    put(dataset, "guide.md", GUIDE, replace_same_name=True)
    document.refresh_from_db()
    assert "clover" in " ".join(c.text for c in chunks_of(document))


def test_editing_one_paragraph_of_a_long_file_embeds_that_passage_only(dataset, embedded):
    paragraphs = [
        f"# Hive {n}\n\nHive {n} holds frames and the colony number {n}. " + "Bees fly. " * 30 for n in range(200)
    ]
    document = put(dataset, "long.md", "\n\n".join(paragraphs)).document
    embedded.clear()
    paragraphs[77] = paragraphs[77].replace("frames", "nothing but wax")
    put(dataset, "long.md", "\n\n".join(paragraphs), replace_same_name=True)
    document.refresh_from_db()
    assert document.version == 2
    assert 1 <= len(embedded) <= 3


def test_a_refused_change_changes_nothing(document, dataset):
    chunk = chunk_with(document, "flower2")
    for text in ("", "word " * 40_000):
        with pytest.raises(InvalidInput):
            chunks.edit_chunk(document, chunk.id, text=text)
    documents.retry_document(document)
    with pytest.raises(DocumentIsIndexing):
        chunks.delete_chunk(document, chunk.id)
    assert not ChunkEdit.objects.exists()
    with pytest.raises(NotFound):
        chunks.undo_edit(document, chunk.id)


def test_children_are_found_and_know_their_parent_whose_text_is_stored_once(dataset):
    dataset.settings = {"chunking": {"mode": "parent_child", "size": 100, "parent": {"mode": "section"}}}
    dataset.save()
    document = put(dataset, "guide.md", GUIDE).document
    parents = ChunkParent.objects.filter(document=document, version=document.version)
    assert parents.count() == 5
    children = list(chunks_of(document))
    assert len(children) > 10
    texts = dict(parents.values_list("id", "text"))
    assert all(child.text in texts[child.parent_id] for child in children)
    child = chunk_with(document, "flower2")
    chunks.edit_chunk(document, child.id, text="Part 2 tells of clover.")
    assert chunk_with(document, "clover").parent_id == child.parent_id
    again(document)
    assert chunk_with(document, "clover").parent_id == child.parent_id
    documents.delete_document(document)
    documents.purge_document(document.id)
    assert not ChunkParent.objects.exists()


def test_pairs_from_a_table_are_found_by_the_question_and_give_the_answer(dataset):
    dataset.settings = {"chunking": {"mode": "qa"}}
    dataset.save()
    table = "question,answer\nWhen do bees swarm?,In May.\n" + 2 * "What is wax for?,Building comb.\n"
    document = put(dataset, "faq.csv", table).document
    assert [(chunk.text, chunk.answer) for chunk in chunks_of(document)] == [
        ("When do bees swarm?", "In May."),
        ("What is wax for?", "Building comb."),
    ]
    assert found(document, "swarm?")[0] == str(chunk_with(document, "swarm").id)
    chunks.edit_chunk(document, chunk_with(document, "swarm").id, text="When do they swarm?", answer="In June.")
    assert again(document) == ["When do they swarm?", "What is wax for?"]


def test_a_model_writes_pairs_and_asks_again_about_new_passages_only(dataset, monkeypatch):
    asked: list[str] = []

    class Writer:
        name = provider = "writer"

        async def stream(self, messages, *, parameters, wish=None):
            from model_runtime.types import Chunk as Piece

            asked.append(messages[1].text)
            topic = messages[1].text.split("flower")[1][0]
            yield Piece(text=f'[{{"question": "What of flower{topic}?", "answer": "It rains on {topic}."}}]')

    monkeypatch.setattr("apps.datasets.services.asking.open_chat_model", lambda name, team_id: Writer())
    dataset.settings = {"chunking": {"mode": "qa"}}
    dataset.save()
    document = put(dataset, "guide.md", GUIDE).document
    assert (document.status, document.chunk_count, len(asked)) == ("ready", 5, 5)
    assert found(document, "flower3", method="semantic")[0] == str(chunk_with(document, "flower3").id)
    asked.clear()
    put(dataset, "guide.md", GUIDE.replace("flower2", "flower7"), replace_same_name=True)
    document.refresh_from_db()
    assert len(asked) == 1
    assert {chunk.text for chunk in chunks_of(document)} == {f"What of flower{n}?" for n in (0, 1, 3, 4, 7)}
