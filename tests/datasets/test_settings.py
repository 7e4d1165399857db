"""What a dataset's settings may be, and what is read where nobody chose."""

import pytest

from apps.datasets.settings_of_dataset import DatasetSettings, as_stored, checked_settings, read_settings
from support.errors import InvalidInput


def test_nothing_chosen_means_the_defaults():
    for stored in ({}, None, {"chunking": {}}, {"chunking": None}):
        assert read_settings(stored) == DatasetSettings()


def test_what_is_stored_is_read_again_as_it_was():
    given = {
        "chunking": {"mode": "parent_child", "size": 200, "parent": {"mode": "document"}, "separators": ["---"]},
        "cleaning": {"rules": [{"pattern": r"\bfoo\b", "replace": "bar"}]},
        "retrieval": {"weights": {"lexical": 0.3, "vector": 0.7}, "rerank": {"model": "r"}},
    }
    stored = checked_settings(given)
    settings = read_settings(stored)
    assert as_stored(settings) == stored
    assert (settings.chunking.mode, settings.chunking.parent.mode) == ("parent_child", "document")
    assert settings.chunking.separators == ("---",)
    assert settings.cleaning.rules[0].replace == "bar"
    assert settings.retrieval.lexical_weight == 0.3
    assert settings.retrieval.rerank is not None
    assert settings.retrieval.rerank.candidates == 40


def test_only_the_parts_that_were_given_are_stored():
    assert set(checked_settings({"retrieval": {"top_k": 7}})) == {"retrieval"}


def test_settings_of_the_first_version_keep_their_meaning():
    settings = read_settings({"chunk": {"target_chars": 300, "overlap": 30}, "retrieval": {"lexical_weight": 0.9}})
    assert (settings.chunking.size, settings.chunking.overlap, settings.retrieval.lexical_weight) == (300, 30, 0.9)


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"chunking": {"size": 5}}, "chunking.size"),
        ({"chunking": {"size": True}}, "chunking.size"),
        ({"chunking": {"size": 100, "overlap": 90}}, "chunking.overlap"),
        ({"chunking": {"mode": "sideways"}}, "chunking.mode"),
        ({"chunking": {"parent": {"mode": "page"}}}, "chunking.parent.mode"),
        ({"chunking": {"parent": 7}}, "chunking.parent"),
        ({"chunking": {"separators": [""]}}, "chunking.separators"),
        ({"cleaning": {"rules": [{"pattern": "("}]}}, "cleaning.rules[0]"),
        ({"retrieval": {"weights": {"lexical": 2}}}, "retrieval.weights.lexical"),
        ({"retrieval": {"top_k": 0}}, "retrieval.top_k"),
        ({"retrieval": {"topk": 3}}, "retrieval.topk"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_fault_is_named_by_its_path_and_a_stored_one_is_passed_over(given, path):
    with pytest.raises(InvalidInput) as refused:
        checked_settings(given)
    assert [fault["path"] for fault in refused.value.details["errors"]] == [path]
    assert read_settings(given) == DatasetSettings() or path == "chunking.overlap"
