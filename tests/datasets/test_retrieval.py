"""What a search finds: in both languages, by both legs, of one team only, in few statements."""

import pytest

from accounts.services import ensure_team
from apps.datasets.models import Chunk, Dataset, DocumentPage
from apps.datasets.selectors.errors import DatasetNotFound, PassageNotFound
from apps.datasets.selectors.passages import SURROUNDINGS, passage_with_surroundings
from apps.datasets.services.datasets import create_dataset
from apps.datasets.services.documents import rename_document, set_document_enabled
from apps.datasets.services.errors import EmbeddingSpaceChanged
from apps.datasets.services.retrieve import METHODS, aretrieve, retrieve
from support.database import in_thread
from support.errors import InvalidInput
from tests.datasets.making import pdf, put

ENGLISH = {
    "queens.txt": "A queen lays up to two thousand eggs a day in early summer.",
    "swarms.txt": "A swarm leaves the hive with the old queen, usually in May.",
    "winter.txt": "In winter the bees form a cluster and eat their stores of honey.",
}
CHINESE = {
    "蜂王.txt": "蜂王每天最多产卵两千粒，尤其是在初夏。",
    "分蜂.txt": "分蜂时，老蜂王带着一半的工蜂离开蜂箱，通常在五月。",
    "越冬.txt": "冬天蜜蜂结成蜂团，靠储存的蜂蜜过冬。",
}


def fill(dataset: Dataset, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        put(dataset, name, text)


def search(dataset: Dataset, query: str, **options: object) -> list:
    return retrieve(team_id=dataset.team_id, datasets=[dataset.slug], query=query, **options)


QUESTIONS = {
    "How many eggs does a queen lay?": "queens.txt",
    "when does a swarm leave the hive": "swarms.txt",
    "What do the bees eat in winter?": "winter.txt",
    "蜂王每天产多少卵？": "蜂王.txt",
    "什么时候分蜂": "分蜂.txt",
    "蜜蜂怎么过冬": "越冬.txt",
}


def test_the_passage_that_answers_comes_first_in_both_languages_by_every_method(dataset):
    fill(dataset, ENGLISH | CHINESE)
    for method in METHODS:
        found = {query: search(dataset, query, method=method)[0].document_name for query in QUESTIONS}
        assert found == QUESTIONS, method


def test_a_query_of_one_chinese_character_finds_it_inside_a_sentence(dataset):
    fill(dataset, CHINESE)
    assert search(dataset, "箱", method="full_text")[0].document_name == "分蜂.txt"


def test_a_hit_carries_its_place_and_the_score_of_every_leg(dataset):
    put(dataset, "book.pdf", pdf([["Nothing to see on this page."], ["Propolis seals the hive."]]))
    hit = search(dataset, "propolis")[0]
    assert (hit.page, hit.position, hit.dataset_name, hit.document_name) == (2, 1, "Handbook", "book.pdf")
    assert hit.text == "Propolis seals the hive."[hit.char_start : hit.char_end]
    assert hit.scores.keys() == {"lexical", "vector", "fused"}
    assert hit.score == hit.scores["fused"] == 1.0
    assert 0 < hit.scores["vector"] <= 1
    assert search(dataset, "propolis", method="semantic")[0].scores.keys() == {"vector", "fused"}
    assert search(dataset, "propolis", method="full_text")[0].scores.keys() == {"lexical", "fused"}


def test_hits_come_best_first_and_no_more_than_asked_for(dataset):
    fill(dataset, {f"{n}.txt": f"Honey number {n}. " + "honey " * n for n in range(1, 9)})
    hits = search(dataset, "honey", top_k=3)
    assert len(hits) == 3
    assert [hit.position for hit in hits] == [1, 2, 3]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_the_threshold_applies_to_the_raw_similarity(dataset):
    fill(dataset, ENGLISH)
    similar = {hit.document_name: hit.scores["vector"] for hit in search(dataset, "queen eggs in summer")}
    threshold = similar["queens.txt"]
    assert threshold > similar["winter.txt"]
    assert [hit.document_name for hit in search(dataset, "queen eggs in summer", min_score=threshold)] == ["queens.txt"]
    assert search(dataset, "queen eggs in summer", min_score=0.999) == []


def test_a_search_takes_three_statements(dataset, django_assert_num_queries):
    fill(dataset, ENGLISH)
    with django_assert_num_queries(3):
        assert search(dataset, "queen in May")


def test_several_datasets_are_searched_as_one(dataset, team):
    other = create_dataset(team_id=team.id, name="Chinese")
    create_dataset(team_id=team.id, name="Empty")
    fill(dataset, ENGLISH)
    fill(other, CHINESE)
    hits = retrieve(team_id=team.id, datasets=["handbook", "chinese", "empty"], query="queen 蜂王", top_k=4)
    assert {hit.dataset_name for hit in hits} == {"Handbook", "Chinese"}


def test_nothing_is_found_with_nothing(dataset):
    assert search(dataset, "queen") == []
    fill(dataset, ENGLISH)
    assert search(dataset, "   ") == []
    assert search(dataset, "zyzzyva", method="full_text") == []
    assert search(dataset, "the of and", method="full_text") == []


def test_odd_queries_are_only_words(dataset):
    fill(dataset, ENGLISH)
    odd = ["'; DROP TABLE datasets_chunk; --", "a & b | !c:*", "\\' <-> 'x", "\x00", "%s %(team)s", "🐝" * 50]
    for query in odd:
        search(dataset, query)
    assert Chunk.objects.count() == 3


def test_a_team_never_sees_what_another_has(dataset, other_team):
    fill(dataset, ENGLISH)
    theirs = create_dataset(team_id=other_team.id, name="Handbook")
    put(theirs, "secret.txt", "The queen of the wasps is secret.")
    assert {hit.document_name for hit in search(dataset, "queen", top_k=20)} <= set(ENGLISH)
    chunk = Chunk.objects.get(team=other_team)
    with pytest.raises(PassageNotFound):
        passage_with_surroundings(chunk.id, dataset.team_id)
    with pytest.raises(DatasetNotFound) as refused:
        retrieve(team_id=other_team.id, datasets=["handbook", "hives"], query="queen")
    assert "'hives'" in str(refused.value)
    assert refused.value.details["known"] == ["handbook"]


def test_a_hidden_document_is_not_found_until_it_is_shown_again(dataset):
    fill(dataset, ENGLISH)
    document = dataset.documents.get(name="queens.txt")
    set_document_enabled(document, enabled=False)
    assert "queens.txt" not in {hit.document_name for hit in search(dataset, "queen eggs")}
    set_document_enabled(document, enabled=True)
    rename_document(document, name="Queens, second edition.txt")
    assert search(dataset, "queen eggs")[0].document_name == "Queens, second edition.txt"


def test_a_wrong_method_or_number_is_refused_with_what_is_known(dataset):
    with pytest.raises(InvalidInput, match="hybrid, semantic, full_text"):
        search(dataset, "queen", method="magic")
    with pytest.raises(InvalidInput, match="1 to 100"):
        search(dataset, "queen", top_k=0)


def test_vectors_of_another_space_are_never_compared(dataset):
    fill(dataset, ENGLISH)
    Dataset.objects.update(space="elsewhere/v9/1024")
    with pytest.raises(EmbeddingSpaceChanged, match="elsewhere"):
        search(dataset, "queen")
    assert search(dataset, "queen", method="full_text")


def test_a_passage_is_shown_within_its_page(dataset):
    lines = [f"Line {n} of the page speaks about frames and boxes in the apiary." for n in range(30)]
    put(dataset, "book.pdf", pdf([["First page."], lines]))
    hit = next(hit for hit in search(dataset, "Line 20 of the page") if hit.char_start > 0)
    shown = passage_with_surroundings(hit.chunk_id, dataset.team_id)
    assert (shown.text, shown.page) == (hit.text, 2)
    assert shown.before.startswith("Line 0 of the page")
    assert len(shown.before) == hit.char_start
    assert not shown.is_cut_before
    previous = passage_with_surroundings(shown.previous_id, dataset.team_id)
    assert previous.next_id == shown.chunk_id


@pytest.mark.django_db(transaction=True)
async def test_it_can_be_awaited():
    def prepare() -> Dataset:
        made = create_dataset(team_id=ensure_team(slug="bees", name="Bees").id, name="Async")
        put(made, "queens.txt", ENGLISH["queens.txt"])
        return made

    made = await in_thread(prepare)
    hits = await aretrieve(team_id=made.team_id, datasets=[made.slug], query="queen")
    assert [hit.document_name for hit in hits] == ["queens.txt"]


def test_a_passage_of_a_long_text_is_shown_with_the_text_around_it(dataset):
    lines = [f"Line {n}: the keeper of hive {n * 7} counts frames and bees." for n in range(3_000)]
    put(dataset, "long.txt", "\n".join(lines))
    parts = DocumentPage.objects.order_by("char_start")
    assert parts.count() > 5
    whole = "".join(part.text for part in parts)
    assert whole.split() == " ".join(lines).split()
    for wanted in (0, 340, 1_500, 2_999):
        (hit, *_) = search(dataset, f"keeper hive {wanted * 7}", method="full_text")
        shown = passage_with_surroundings(hit.chunk_id, dataset.team_id)
        assert shown.text == hit.text
        assert shown.before + shown.text + shown.after in whole
        assert (shown.is_cut_before, shown.is_cut_after) == (wanted > 300, wanted < 2_900)
        assert len(shown.before) == min(hit.char_start, SURROUNDINGS)
