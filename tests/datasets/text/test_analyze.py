"""The analyser: what people type finds what people wrote."""

import re
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from apps.datasets.text import analyze as analyzer
from apps.datasets.text.analyze import analyze, term_counts, tsquery_literal, tsvector_literal
from apps.datasets.text.stopwords import STOP_WORDS


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("running hive", "The bee runs from hives"),
        ("全文检索", "向量数据库支持中文全文检索。"),
        ("蜂", "这是一只蜜蜂"),
        ("OPENAI_API_KEY", "set `OPENAI_API_KEY` first"),
        ("api key", "set OPENAI_API_KEY first"),
        ("/v1/chat-messages", "POST /v1/chat-messages HTTP/1.1"),
        ("chat messages", "POST /v1/chat-messages"),
        ("v1.2", "released as v1.2."),
        ("1.2", "released as v1.2"),
        ("iphone", "an iPhone's screen"),
        ("getusername", "call getUserName()"),
        ("user name", "call getUserName()"),
        ("cafe", "Café"),
        ("ＡＢＣ１２３", "abc123"),
        ("1200.50", "costs 1,200.50 euro"),
        ("C++", "written in C++, mostly"),
        ("bee's", "the bees’ hive"),
        ("GPT-4o模型", "使用gpt-4o模型"),
        ("IT department", "the IT department"),
        ("мёд", "Свежий МЁД"),
        ("ミツバチ", "ミツバチは蜜を集める"),
    ],
)
def test_a_query_finds_the_text(query, text):
    terms = set(analyze(query))
    assert terms
    assert terms <= set(term_counts(text))


def test_common_words_are_left_out_and_others_are_not():
    assert analyze("What is the way to the hive?") == ["way", "hive"]
    assert analyze("the and of") == []


def test_an_exact_identifier_scores_more_terms_than_its_parts_alone():
    query = set(analyze("OPENAI_API_KEY"))
    assert query > query & set(term_counts("the openai key of the api"))


def test_single_characters_are_counted_for_the_index_and_pairs_for_the_query():
    assert analyze("蜜蜂飞") == ["蜜蜂", "蜂飞"]
    assert term_counts("蜜蜂飞") == {"蜜蜂": 1, "蜂飞": 1, "蜜": 1, "蜂": 1, "飞": 1}
    assert term_counts("蜂") == {"蜂": 1}


@given(text=st.text(max_size=200))
def test_every_query_term_of_a_text_is_in_its_index(text):
    counts = term_counts(text)
    for term in analyze(text):
        assert counts[term] >= 1
        assert term
        assert len(term) <= 128 * 4
        assert "\x00" not in term


@given(word=st.text(st.characters(categories=["Ll", "Lu", "Lo", "Nd"]), min_size=1, max_size=30))
def test_no_word_is_lost_in_any_script_unless_it_is_a_stop_word(word):
    plain = unicodedata.normalize("NFKC", word)
    assume(plain.isalnum())
    assert analyze(word) or plain.lower() in STOP_WORDS


def test_an_accent_keeps_a_word_from_being_a_stop_word():
    assert analyze("thé") == ["the"]
    assert analyze("the") == []


def test_many_threads_stem_alike():
    words = [f"running{'x' * (n % 50)} flies hives{n}ing studies" for n in range(3_000)]
    expected = [analyze(word) for word in words]
    analyzer._word_terms.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(analyze, words)) == expected


LEXEME = re.compile(r"'((?:[^'\\]|''|\\\\)*)'(?::(\d+(?:,\d+)*))?")


def parsed(literal: str) -> dict[str, list[int]]:
    """Read the syntax of tsvector back."""
    found: dict[str, list[int]] = {}
    rest = LEXEME.sub(
        lambda match: (
            found.update(
                {match[1].replace("''", "'").replace("\\\\", "\\"): [int(n) for n in (match[2] or "").split(",") if n]}
            )
            or ""
        ),
        literal,
    )
    assert not rest.strip()
    return found


@given(
    terms=st.lists(
        st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("'\\: "), max_size=9), max_size=30
    )
)
def test_any_term_can_be_written_as_a_tsvector(terms):
    storable = {term for term in terms if term and "\x00" not in term}
    assert parsed(tsvector_literal(terms)).keys() == storable
    assert parsed(tsvector_literal(dict.fromkeys(terms, 3))) == {term: [1, 2, 3] for term in storable}


def test_places_and_lengths_stay_within_what_postgresql_keeps():
    places = parsed(tsvector_literal(["bee"] * 20_000 + ["late"]))
    assert len(places["bee"]) == 255
    assert places["late"] == []
    assert parsed(tsvector_literal({"bee": 100_000}))["bee"][-1] == 255
    assert tsvector_literal(["x" * 3_000]) == ""


def test_a_query_matches_any_of_its_terms():
    assert tsquery_literal(["bee", "o'c", "bee"]) == "'bee' | 'o''c'"
    assert tsquery_literal([]) == ""
