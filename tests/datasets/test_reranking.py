"""Rerankers, thresholds, weights and several datasets at once: what a search does with its candidates."""

import json

import pytest

from apps.datasets.models import Chunk, ChunkParent, Dataset
from apps.datasets.services.datasets import create_dataset
from apps.datasets.services.retrieve import Search, search
from apps.datasets.settings_of_dataset import RerankSettings
from apps.datasets.text.languages import lexical_weight
from support.ids import uuid7
from tests.datasets.making import put
from tests.model_runtime.openai_server import OpenAIServer, Raw, Refusal

TEXTS = {
    "queens.txt": "A queen lays up to two thousand eggs a day in early summer.",
    "swarms.txt": "A swarm leaves the hive with the old queen, usually in May.",
    "winter.txt": "In winter the bees form a cluster around the queen.",
}
MODEL = RerankSettings(model="openai/reranker", timeout=5.0, candidates=10)


@pytest.fixture
def filled(dataset):
    for name, text in TEXTS.items():
        put(dataset, name, text)
    return dataset


@pytest.fixture
def server(settings):
    with OpenAIServer().in_thread() as running:
        settings.ENV_PROVIDERS = [running.as_env_provider(rerank_model="reranker")]
        settings.MODEL_MAP = {}
        yield running


def scores(*numbers: float, key: str = "relevance_score") -> Raw:
    results = [{"index": index, key: score} for index, score in enumerate(numbers)]
    return Raw(json.dumps({"results": results}).encode(), content_type="application/json")


def ask(dataset, query: str = "queen", **options):
    return search(Search(team_id=dataset.team_id, datasets=[dataset.slug], query=query, **options))


def test_the_reranker_decides_the_order_and_its_score_is_shown(filled, server):
    before = [hit.document_name for hit in ask(filled).passages]
    server.script(scores(0.1, 0.2, 0.9))
    found = ask(filled, rerank=MODEL)
    assert [hit.document_name for hit in found.passages] == before[::-1]
    assert [hit.score for hit in found.passages] == [0.9, 0.2, 0.1]
    assert found.passages[0].scores["rerank"] == 0.9
    assert found.passages[0].scores.keys() >= {"lexical", "vector", "fused"}
    assert found.reranked
    assert found.notes == ()
    body = server.requests[-1].body
    assert (body["model"], body["query"], body["top_n"]) == ("reranker", "queen", 3)
    assert server.requests[-1].path == "/v1/rerank"


def test_a_threshold_applies_to_the_rerankers_score(filled, server):
    server.script(scores(0.1, 0.5, 0.9))
    assert [hit.score for hit in ask(filled, rerank=MODEL, min_score=0.5).passages] == [0.9, 0.5]


def test_scores_that_are_no_shares_are_made_some(filled, server):
    server.script(scores(-4.0, 0.0, 4.0, key="score"))
    found = ask(filled, rerank=MODEL).passages
    assert [round(hit.score, 2) for hit in found] == [0.98, 0.5, 0.02]


@pytest.mark.parametrize(
    "answer",
    [Refusal(500), Refusal(401), Raw(b'{"results": []}'), Raw(b'{"results": [{"index": 9, "relevance_score": 1}]}')],
    ids=["trouble", "a wrong key", "nothing", "nonsense"],
)
def test_a_reranker_that_fails_leaves_the_order_and_a_note(filled, server, answer):
    before = ask(filled).passages
    server.script(answer)
    found = ask(filled, rerank=MODEL)
    assert found.passages == before
    assert [note.code for note in found.notes] == ["rerank_failed"]
    assert not found.reranked


def test_a_reranker_that_is_not_there_leaves_a_note_too(filled):
    found = ask(filled, rerank=RerankSettings(model="nobody/knows"))
    assert len(found.passages) == 3
    assert found.notes[0].code == "rerank_failed"
    assert "nobody/knows" in found.notes[0].message


def test_the_datasets_own_settings_hold_where_nothing_else_is_said(filled, server):
    own = {"method": "full_text", "top_k": 1, "rerank": {"model": "openai/reranker"}}
    Dataset.objects.update(settings={"retrieval": own})
    server.script(scores(0.1, 0.2, 0.9))
    found = ask(filled)
    assert (found.method, len(found.passages), found.reranked) == ("full_text", 1, True)
    off = ask(filled, rerank="off", method="semantic", top_k=2)
    assert (off.method, len(off.passages), off.reranked) == ("semantic", 2, False)
    assert off.passages[0].scores.keys() == {"vector", "fused"}


def test_words_alone_have_no_threshold_and_a_note_says_so(filled):
    found = ask(filled, method="full_text", min_score=0.99)
    assert len(found.passages) == 3
    assert [note.code for note in found.notes] == ["threshold_not_used"]


def test_the_weight_decides_between_words_and_vectors(filled):
    words = ask(filled, "bees form a cluster", weight=1.0).passages
    assert words[0].score == 1.0
    assert {hit.document_name: hit.score for hit in words}["queens.txt"] == 0.0
    vectors = ask(filled, "bees form a cluster", weight=0.0).passages
    cosines = [hit.scores["vector"] for hit in vectors]
    assert cosines == sorted(cosines, reverse=True)


def test_ranks_can_be_fused_instead(filled):
    found = ask(filled, "the old queen and her swarm", fusion="rrf").passages
    assert found[0].document_name == "swarms.txt"
    assert found[0].score == pytest.approx(2 / 61, abs=1e-4)


def test_datasets_with_different_embedders_are_searched_at_once(filled, team, server):
    server.dim = 16
    settings_of = {"retrieval": {"weights": {"lexical": 0.9}}}
    other = create_dataset(team_id=team.id, name="Other", embedding_model="openai/vectors@16", settings=settings_of)
    put(other, "drones.txt", "Drones are the sons of a queen.")
    put(other, "honey.txt", "Honey is sold in glasses.")
    found = search(Search(team_id=team.id, datasets=["handbook", "other"], query="sons of a queen", top_k=10))
    assert found.passages[0].document_name == "drones.txt"
    assert {hit.dataset_name for hit in found.passages} == {"Handbook", "Other"}
    assert all(0 <= hit.score <= 1 for hit in found.passages)


def test_children_bring_their_parent_along_once(filled):
    chunks = list(Chunk.objects.order_by("text"))
    document = chunks[0].document
    parent = ChunkParent.objects.create(
        id=uuid7(),
        version=document.version,
        team_id=filled.team_id,
        document=document,
        ordinal=0,
        text="The whole section about queens.",
        char_start=0,
        char_end=30,
    )
    Chunk.objects.filter(id=chunks[0].id).update(parent_id=parent.id)
    Chunk.objects.filter(id=chunks[1].id).update(parent_id=parent.id, version=parent.version)
    found = ask(filled, "queen", top_k=2).passages
    section = next(hit for hit in found if hit.parent_id)
    assert section.text == "The whole section about queens."
    assert section.matched_text in (chunks[0].text, chunks[1].text)
    assert {child.text for child in section.children} == {chunks[0].text, chunks[1].text}
    assert section.children[0].chunk_id == section.chunk_id
    assert len(found) == 2
    assert [hit.position for hit in found] == [1, 2]


def test_a_question_is_given_out_with_its_answer(filled):
    chunk = Chunk.objects.filter(text__contains="swarm").get()
    Chunk.objects.filter(id=chunk.id).update(text="When do bees swarm?", answer="In May, with the old queen.")
    hit = ask(filled, "swarm").passages[0]
    assert hit.text == "When do bees swarm?\nIn May, with the old queen."
    assert hit.answer == "In May, with the old queen."


def test_passages_stop_at_the_token_budget_but_one_is_always_there(filled):
    assert len(ask(filled).passages) == 3
    assert len(ask(filled, token_budget=32).passages) == 2
    assert len(ask(filled, token_budget=1).passages) == 1


def test_how_much_words_weigh_depends_on_embedder_and_language():
    english, chinese = "How many eggs does a queen lay?", "蜂王每天产多少卵？"
    weights = {
        space: (lexical_weight(space, english), lexical_weight(space, chinese))
        for space in (
            "hashing/v1/1024",
            "local/all-MiniLM-L6-v2/int8/384",
            "x/BAAI/bge-m3/v1/1024",
            "x/bge-large-zh-v1.5/v1/1024",
        )
    }
    assert list(weights.values()) == [(0.7, 0.7), (0.5, 0.9), (0.5, 0.5), (0.7, 0.5)]
