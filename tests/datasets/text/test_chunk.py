"""Chunks: nothing lost, places exact, limits kept, in any language."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.datasets.text.chunk import Chunk, ChunkSettings, chunk_sections
from apps.datasets.text.scripts import estimate_tokens
from apps.datasets.text.sections import Section, bounded, page_texts

PIECES = [
    "Bees dance. ",
    "Why? ",
    "蜜蜂采蜜。",
    "“好！”",
    "\n\n",
    "\n",
    " ",
    "word ",
    "x" * 70,
    "，然后",
    "e\u0301",
    "👩‍👧",
    "\u3000",
]
TEXT = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=12)), max_size=60).map("".join)
HEADINGS = st.lists(st.sampled_from(["A", "B"]), max_size=2).map(tuple)
SECTIONS = st.lists(
    st.builds(Section, text=TEXT, page=st.integers(1, 3) | st.none(), heading_path=HEADINGS), max_size=6
).map(lambda sections: sorted(sections, key=lambda section: section.page or 0))
SETTINGS = st.builds(
    ChunkSettings,
    target_chars=st.integers(20, 200),
    max_tokens=st.none() | st.integers(10, 80),
    overlap=st.integers(0, 10),
)


def pages_with_chunks(sections: list[Section], chosen: ChunkSettings) -> list[tuple[str, list[Chunk]]]:
    pages = {page.number: page.text for page in page_texts(sections)}
    chunks = list(chunk_sections(sections, settings=chosen))
    assert [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))
    assert {chunk.page for chunk in chunks} <= pages.keys()
    return [(text, [chunk for chunk in chunks if chunk.page == number]) for number, text in pages.items()]


@settings(max_examples=300, deadline=None)
@given(sections=SECTIONS, chosen=SETTINGS)
def test_chunks_cover_all_text_at_exact_places_within_the_limits(sections, chosen):
    for text, chunks in pages_with_chunks(sections, chosen):
        covered = 0
        for chunk in chunks:
            assert text[chunk.char_start : chunk.char_end] == chunk.text
            assert chunk.text == chunk.text.strip() != ""
            assert len(chunk.text) <= chosen.target_chars
            assert chosen.max_tokens is None or estimate_tokens(chunk.text) <= chosen.max_tokens
            assert not text[covered : chunk.char_start].strip()
            assert chunk.char_end > covered
            covered = chunk.char_end
        assert not text[covered:].strip()


@settings(max_examples=150, deadline=None)
@given(sections=SECTIONS, chosen=SETTINGS)
def test_every_chunk_has_a_key_of_its_own_and_keeps_it_when_nothing_changed(sections, chosen):
    keys = [chunk.key for chunk in chunk_sections(sections, settings=chosen)]
    assert len(set(keys)) == len(keys)
    assert keys == [chunk.key for chunk in chunk_sections(iter(sections), settings=chosen)]


@given(sections=SECTIONS)
def test_without_overlap_no_character_is_in_two_chunks(sections):
    for _, chunks in pages_with_chunks(sections, ChunkSettings(target_chars=40, max_tokens=None)):
        assert all(left.char_end <= right.char_start for left, right in pairwise(chunks))


def test_a_change_in_one_place_leaves_the_keys_of_the_others():
    paragraphs = [f"Paragraph number {number} tells about a hive of its own kind. " * 6 for number in range(12)]
    sections = [Section(text=text, heading_path=(f"H{number}",)) for number, text in enumerate(paragraphs)]
    before = {chunk.key for chunk in chunk_sections(sections)}
    changed = [*sections[:5], Section(text="Quite another text. " * 20, heading_path=("H5",)), *sections[6:]]
    after = {chunk.key for chunk in chunk_sections(changed)}
    assert len(before - after) == len(before) / 12
    assert {chunk.key for chunk in chunk_sections(sections, settings=ChunkSettings(overlap=10))}.isdisjoint(before)


@pytest.mark.parametrize(
    ("sentence", "ends"),
    [("Bees carry nectar home to the hive, {}. ", (".",)), ("蜜蜂把第{}朵花的花蜜带回蜂箱里。", ("。",))],
)
def test_chunks_end_where_sentences_end(sentence, ends):
    text = "".join(sentence.format(number) for number in range(400)).strip()
    chunks = list(chunk_sections([Section(text=text)]))
    assert len(chunks) > 10
    assert all(chunk.text.endswith(ends) for chunk in chunks)


def test_a_closing_quotation_mark_stays_with_its_sentence():
    text = "他说：“蜜蜂回家了。”" * 60
    assert all(chunk.text.endswith("。”") for chunk in chunk_sections([Section(text=text)]))


def test_chinese_chunks_fit_what_an_embedder_reads():
    chunks = list(chunk_sections([Section(text="蜜蜂把花蜜带回蜂箱里。" * 200)]))
    assert max(estimate_tokens(chunk.text) for chunk in chunks) <= 256
    assert min(len(chunk.text) for chunk in chunks) >= 100


def test_a_short_rest_does_not_become_a_chunk_of_its_own():
    text = "Bees carry nectar home to the hive every day. " * 11 + "The end."
    chunks = list(chunk_sections([Section(text=text, page=1)]))
    assert len(chunks) == 2
    assert all(len(chunk.text) >= 90 for chunk in chunks)


def test_a_heading_without_text_goes_with_what_stands_under_it():
    sections = [
        Section(text="# Hives", heading_path=("Hives",)),
        Section(text="## Skep\n\n" + "A skep is woven of straw. " * 6, heading_path=("Hives", "Skep")),
        Section(text="# Honey\n\nSweet.", heading_path=("Honey",)),
    ]
    first, second = chunk_sections(sections)
    assert first.text.startswith("# Hives\n\n## Skep")
    assert first.heading_path == ("Hives", "Skep")
    assert second.heading_path == ("Honey",)


def test_a_chunk_never_crosses_a_page():
    sections = [Section(text="End of", page=1), Section(text="a sentence.", page=2)]
    assert [(chunk.page, chunk.text) for chunk in chunk_sections(sections)] == [(1, "End of"), (2, "a sentence.")]


def test_an_overlap_repeats_the_end_of_the_chunk_before():
    text = " ".join(f"Sentence {number} is here." for number in range(100))
    chunks = list(chunk_sections([Section(text=text)], settings=ChunkSettings(target_chars=200, overlap=60)))
    for left, right in pairwise(chunks):
        assert 0 < left.char_end - right.char_start <= 62
        assert right.text.startswith("Sentence")


def test_a_cut_never_parts_a_letter_from_its_accent():
    chunks = list(chunk_sections([Section(text="e\u0301" * 99)], settings=ChunkSettings(target_chars=21)))
    assert all(chunk.text.startswith("e") and chunk.text.endswith("\u0301") for chunk in chunks)


def test_headings_are_searched_with_their_chunks_once():
    [chunk] = chunk_sections([Section(text="Woven of straw.", heading_path=("Hives", "Skep"))])
    assert chunk.search_text == "Hives > Skep\nWoven of straw."
    [chunk] = chunk_sections([Section(text="# Skep\n\nWoven.", heading_path=("Skep",))])
    assert chunk.search_text == chunk.text


def test_settings_without_room_are_refused():
    for wrong in ({"target_chars": 5}, {"max_tokens": 3}, {"overlap": 400}, {"overlap": -1}):
        with pytest.raises(ValueError):
            ChunkSettings(**wrong)


@given(text=TEXT)
def test_a_long_section_is_cut_for_the_pipe_without_loss(text):
    parts = list(bounded(Section(text=text, page=4), limit=30))
    assert "".join(part.text for part in parts) == text
    assert all(len(part.text) <= 30 and part.page == 4 for part in parts)


def test_a_heading_stays_with_the_text_below_it():
    first = "Every chunk remembers its document, its page and where on the page it stands. " * 5
    second = "To delete a document, press the bin in its line. It disappears from search at once. " * 4
    text = f"{first.strip()}\nDeleting a document\n{second.strip()}"
    chunks = list(chunk_sections([Section(text=text, page=1)]))
    assert [chunk.text.startswith("Deleting a document\n") for chunk in chunks] == [False, True]
    assert all(chunk.text == text[chunk.char_start : chunk.char_end] for chunk in chunks)
