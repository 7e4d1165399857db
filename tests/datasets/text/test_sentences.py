"""Where sentences end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.datasets.text.sentences import split_sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Bees dance. Why? They tell!", ["Bees dance.", "Why?", "They tell!"]),
        ("蜜蜂采蜜。它们“回家了。”好！", ["蜜蜂采蜜。", "它们“回家了。”", "好！"]),
        ("Dr. Smith paid 3.50, e.g. for v1.2. It was fine.", ["Dr. Smith paid 3.50, e.g. for v1.2.", "It was fine."]),
        ("He said “yes.” She left.", ["He said “yes.”", "She left."]),
        ("Made by Acme Inc. in 1990. Sold by Acme Inc. Then closed.", None),
        ("A heading\n\nA text. - no", ["A heading", "A text.", "- no"]),
        ("Items:\n- one\n- two", ["Items:", "- one", "- two"]),
        ("See J. R. Smith. Done.", ["See J. R. Smith.", "Done."]),
        ("使用Python 3.11。很好", ["使用Python 3.11。", "很好"]),
        ("", []),
        ("Wait... what?! Yes.", ["Wait...", "what?!", "Yes."]),
    ],
)
def test_sentences_are_told_apart(text, sentences):
    found = [sentence.text for sentence in split_sentences(text)]
    if sentences is None:
        sentences = ["Made by Acme Inc. in 1990.", "Sold by Acme Inc.", "Then closed."]
    assert found == sentences


@given(st.text(st.sampled_from('aB1 .!?。！”"\n-蜂') | st.characters(), max_size=80))
def test_nothing_but_blanks_lies_between_sentences(text):
    covered = 0
    for sentence in split_sentences(text):
        assert text[sentence.start : sentence.end] == sentence.text
        assert not text[covered : sentence.start].strip()
        covered = sentence.end
    assert not text[covered:].strip()
