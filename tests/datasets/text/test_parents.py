"""Parents and their children, and questions with their answers: nothing lost, places exact, limits kept."""

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.datasets.text.chunk import ChunkSettings
from apps.datasets.text.extract.tables import markdown_table
from apps.datasets.text.pairs import Pair, chunk_pairs, read_pairs
from apps.datasets.text.parents import ParentCut, chunk_under_parents
from apps.datasets.text.scripts import estimate_tokens
from apps.datasets.text.sections import Section, page_texts
from tests.datasets.text.test_chunk import SECTIONS, SETTINGS

CUTS = st.builds(ParentCut, mode=st.sampled_from(["section", "paragraph", "document"]), size=st.integers(40, 400))


@settings(max_examples=300, deadline=None)
@given(sections=SECTIONS, chosen=SETTINGS, cut=CUTS)
def test_children_cover_all_text_and_stand_in_their_parent(sections, chosen, cut):
    pages = {page.number: page.text for page in page_texts(sections)}
    children = list(chunk_under_parents(sections, settings=chosen, cut=cut))
    assert [child.ordinal for child in children] == list(range(len(children)))
    assert len({child.key for child in children}) == len(children)
    for number, text in pages.items():
        covered = 0
        for child in (child for child in children if child.page == number):
            assert text[child.char_start : child.char_end] == child.text
            assert not text[covered : child.char_start].strip()
            assert len(child.text) <= chosen.target_chars
            assert chosen.max_tokens is None or estimate_tokens(child.text) <= chosen.max_tokens
            covered = child.char_end
        assert not text[covered:].strip()
    for child in children:
        parent = child.parent
        assert child.text in parent.text
        assert cut.mode == "document" or len(parent.text) <= cut.size
        assert pages[parent.page][parent.char_start :].startswith(parent.text[:1])
        assert pages[parent.page_end][: parent.char_end].endswith(parent.text[-1:])
    order = [child.parent.ordinal for child in children]
    assert order == sorted(order)
    assert len({child.parent.key for child in children}) == len({child.parent.ordinal for child in children})


def sections_of_a_manual() -> list[Section]:
    return [
        Section(text="# Bees", page=1, heading_path=("Bees",)),
        Section(text="Bees make honey. " * 10, page=1, heading_path=("Bees", "Honey")),
        Section(text="They store it. " * 10, page=2, heading_path=("Bees", "Honey")),
        Section(text="Wax is for building. " * 10, page=2, heading_path=("Bees", "Wax")),
    ]


def test_a_section_that_goes_on_over_a_page_is_one_parent_with_both_places():
    children = list(
        chunk_under_parents(sections_of_a_manual(), settings=ChunkSettings(target_chars=60), cut=ParentCut(size=2_000))
    )
    parents = {child.parent.ordinal: child.parent for child in children}
    assert [(parent.page, parent.page_end) for parent in parents.values()] == [(1, 2), (2, 2)]
    assert [parent.heading_path for parent in parents.values()] == [("Bees", "Honey"), ("Bees", "Wax")]
    assert {child.page for child in children if child.parent.ordinal == 0} == {1, 2}


def test_the_whole_document_is_one_parent_and_a_paragraph_is_one_too():
    whole = list(
        chunk_under_parents(
            sections_of_a_manual(), settings=ChunkSettings(target_chars=60), cut=ParentCut(mode="document")
        )
    )
    assert {child.parent.ordinal for child in whole} == {0}
    text = "\n\n".join(f"Paragraph {number} tells a little about hives. " * 8 for number in range(4))
    single = list(
        chunk_under_parents(
            [Section(text=text)], settings=ChunkSettings(target_chars=80), cut=ParentCut(mode="paragraph")
        )
    )
    assert {child.parent.text.split(" tells")[0] for child in single} == {f"Paragraph {n}" for n in range(4)}


def test_a_change_in_one_section_leaves_the_children_of_the_others_as_they_were():
    sections = sections_of_a_manual()
    chosen, cut = ChunkSettings(target_chars=60), ParentCut(size=2_000)
    before = {child.key for child in chunk_under_parents(sections, settings=chosen, cut=cut)}
    sections[3] = Section(text="Propolis glues. " * 10, page=2, heading_path=("Bees", "Wax"))
    after = list(chunk_under_parents(sections, settings=chosen, cut=cut))
    assert {child.key for child in after if child.parent.heading_path == ("Bees", "Honey")} <= before
    assert not {child.key for child in after if child.parent.heading_path == ("Bees", "Wax")} & before


def test_chosen_separators_cut_always_and_headings_leave_room_for_the_text():
    text = "one\n---\ntwo two\n---\nthree"
    chosen = ChunkSettings(separators=("---",))
    assert [
        chunk.text.strip("-\n") for chunk in chunk_under_parents([Section(text=text)], settings=chosen, cut=ParentCut())
    ] == ["one", "two two", "three"]
    path = ("A long heading about the keeping of bees", "And another one below it")
    counted = ChunkSettings(max_tokens=60, count=lambda text: float(len(text.split())), counter="words")
    chunks = list(
        chunk_under_parents([Section(text="word " * 400, heading_path=path)], settings=counted, cut=ParentCut())
    )
    assert all(len(chunk.search_text.split()) <= 60 for chunk in chunks)


def test_pairs_come_from_the_columns_that_are_called_so_or_named_or_first():
    table = markdown_table([["No", "Answer", "Question"], ["1", "In May.", "When do bees | swarm?"], ["2", "", "?"]])
    (pair,) = chunk_pairs([Section(text=table)])
    assert (pair.text, pair.answer) == ("When do bees | swarm?", "In May.")
    assert pair.search_text == "When do bees | swarm?"
    assert table[pair.char_start : pair.char_end].startswith("| 1 |")
    plain = markdown_table([["Left", "Right"], ["l1", "r1"], ["l1", "r1"], ["l2", "r2"]])
    assert [(each.text, each.answer) for each in chunk_pairs([Section(text=plain)])] == [("l1", "r1"), ("l2", "r2")]
    named = list(chunk_pairs([Section(text=plain)], question="right", answer="LEFT"))
    assert [(each.text, each.answer) for each in named] == [("r1", "l1"), ("r2", "l2")]
    assert list(chunk_pairs([Section(text="No table | here")])) == []


def test_an_equal_pair_has_an_equal_key_and_a_table_over_several_sections_goes_on():
    first = markdown_table([["Frage", "Antwort"], ["Wer?", "Die Königin."]])
    second = markdown_table([["Frage", "Antwort"], ["蜜蜂吃什么？", "花蜜。"], ["wer?", "Die  Königin."]])
    chunks = list(chunk_pairs([Section(text=first, page=1), Section(text=second, page=2)]))
    assert [(chunk.text, chunk.page) for chunk in chunks] == [("Wer?", 1), ("蜜蜂吃什么？", 2)]


def test_a_models_pairs_are_read_from_json_and_from_lines_and_nonsense_is_none():
    pairs = [Pair(question="Who?", answer="The queen."), Pair(question="When?", answer="In\nMay.")]
    as_json = 'Here you are:\n```json\n[{"question": "Who?", "answer": "The queen."}, '
    assert read_pairs(as_json + '{"question": "When?", "answer": "In\\nMay."}, {"a": 1}]\n```') == pairs
    assert read_pairs("Q1: Who?\nA1: The queen.\n\nQ2: When?\nA2: In\nMay.") == pairs
    assert read_pairs("问：谁？\n答：蜂王。") == [Pair(question="谁？", answer="蜂王。")]
    assert read_pairs("I cannot do that [sorry].") == []
