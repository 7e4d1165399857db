"""Scores: BM25 against figures worked out by hand, and fusion's edges."""

from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.datasets.text.bm25 import bm25, idf, rarest
from apps.datasets.text.fusion import Leg, min_max, ranked, reciprocal_rank, weighted_sum


def test_bm25_is_the_formula():
    [score] = bm25(["bee", "hive"], [({"bee": 2}, 10)], df={"bee": 3, "hive": 1}, n=10, avgdl=5.0)
    expected = log(1 + 7.5 / 3.5) * 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 2))
    assert score == pytest.approx(expected)


def test_rare_terms_frequent_terms_and_short_texts_score_higher():
    docs = [({"rare": 1}, 10), ({"common": 1}, 10), ({"common": 3}, 10), ({"common": 1}, 40), ({}, 10)]
    rare, common, thrice, longer, none = bm25(["rare", "common"], docs, df={"rare": 1, "common": 60}, n=100, avgdl=10)
    assert rare > thrice > common > longer > none == 0.0


def test_figures_that_lag_behind_the_index_do_no_harm():
    scores = bm25(["new", "old"], [({"new": 1, "old": 1}, 3)], df={"old": 50}, n=10, avgdl=0.0)
    assert scores[0] > 0
    assert idf(50, n=10) > 0


def test_common_terms_are_left_out_once_there_are_enough_candidates():
    df = {"the": 90_000, "bee": 40_000, "hive": 3_000, "skep": 150, "wicker": 30}
    words = ["the", "bee", "hive", "skep", "wicker"]
    assert rarest(words, df, enough=200, most=5_000) == ["wicker", "skep", "hive"]
    assert rarest(["the", "wicker"], df, enough=200, most=5_000) == ["wicker", "the"]
    assert rarest(["the", "bee"], df, enough=200, most=5_000) == ["bee"]
    assert rarest(words, df) == ["wicker", "skep", "hive", "bee", "the"]


def test_the_rarest_terms_that_occur_are_searched_for():
    df = {"the": 900, "bee": 20, "skep": 2, "hive": 40}
    assert rarest(["the", "bee", "skep", "hive", "bee", "nowhere"], df, limit=3) == ["skep", "bee", "hive"]


def test_one_candidate_and_equal_scores_are_all_best():
    assert min_max({"a": 0.01}) == {"a": 1.0}
    assert min_max({"a": 3.0, "b": 3.0}) == {"a": 1.0, "b": 1.0}
    assert min_max({}) == {}
    assert min_max({"a": 1.0, "b": 3.0, "c": 2.0}) == {"a": 0.0, "b": 1.0, "c": 0.5}


def test_a_candidate_that_a_leg_did_not_find_gets_nothing_from_it():
    lexical = Leg(scores={"a": 10.0, "b": 5.0}, weight=0.7)
    vector = Leg(scores={"b": 0.9, "c": 0.8}, weight=0.3)
    assert weighted_sum([lexical, vector]) == pytest.approx({"a": 0.7, "b": 0.3, "c": 0.0})


def test_a_leg_that_found_nothing_or_counts_nothing_does_not_lower_the_others():
    found = Leg(scores={"a": 2.0, "b": 1.0}, weight=0.5)
    assert weighted_sum([found, Leg(scores={}, weight=0.5)]) == {"a": 1.0, "b": 0.0}
    assert weighted_sum([found, Leg(scores={"c": 1.0}, weight=0.0)]) == {"a": 1.0, "b": 0.0}
    assert weighted_sum([]) == {}


def test_reciprocal_rank_counts_places_and_not_scores():
    fused = reciprocal_rank([Leg(scores={"a": 100.0, "b": 1.0}), Leg(scores={"b": 0.2, "c": 0.1})])
    assert fused == pytest.approx({"a": 1 / 61, "b": 1 / 62 + 1 / 61, "c": 1 / 62})


def test_equal_scores_keep_the_order_of_their_keys():
    assert ranked({"b": 1.0, "a": 1.0, "c": 2.0}) == [("c", 2.0), ("a", 1.0), ("b", 1.0)]


@given(st.lists(st.dictionaries(st.integers(0, 9), st.floats(-1e6, 1e6), max_size=8), max_size=3))
def test_fused_scores_lie_between_nothing_and_one(legs):
    for score in weighted_sum([Leg(scores=scores, weight=0.5) for scores in legs]).values():
        assert -1e-9 <= score <= 1 + 1e-9
