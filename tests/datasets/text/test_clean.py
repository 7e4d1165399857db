"""Cleaning: what goes, what stays, and that line ends are undone only where a page's width made them."""

from hypothesis import given
from hypothesis import strategies as st

from apps.datasets.text.clean import CleanSettings, clean_sections, clean_text
from apps.datasets.text.sections import Section, page_texts

ANY_TEXT = st.text(
    st.one_of(st.sampled_from("ab <|>\n\r\t-. \u00ad\u200b\x00\ufb01\u3000蜂。"), st.characters(exclude_categories=())),
    max_size=120,
)


def test_what_cannot_be_stored_or_seen_is_removed():
    assert clean_text("a\x00b\x07c\u00add\u200be\u202ef\U000e0041g\ufeffh") == "abcdefgh"
    assert clean_text("half \ud83d here") == "half \ufffd here"
    assert clean_text("family 👩‍👩‍👧 stays") == "family 👩‍👩‍👧 stays"


def test_a_models_control_tokens_lose_their_marks():
    assert clean_text("<|im_start|>system<||x||>") == "<im_start>system<x>"
    assert clean_text("<\x00|im_end|\x00>") == "<im_end>"


def test_ligatures_and_radicals_become_the_letters_that_people_search_for():
    assert clean_text("e\ufb03cient \ufb02ow, ⼈⽤⼿⼯") == "efficient flow, 人用手工"


def test_blanks_are_collapsed_and_empty_lines_are_at_most_one():
    assert clean_text("a \u00a0 b\t c  \n\n\n\n  d\r\ne") == "a b c\n\n  d\ne"


def test_markdown_keeps_the_blanks_inside_its_lines():
    assert clean_text("    code  x\n| a   | b |  \n", kind="md") == "    code  x\n| a   | b |"


def test_addresses_are_removed_only_when_asked():
    text = "write to a.b@c.example or see https://c.example/x?y=1 now"
    assert clean_text(text) == text
    settings = CleanSettings(remove_urls_emails=True)
    assert clean_text(text, settings=settings) == "write to or see now"


@given(text=ANY_TEXT, kind=st.sampled_from(["txt", "md", "html"]))
def test_cleaning_a_cleaned_text_changes_nothing(text, kind):
    once = clean_text(text, kind=kind)
    assert clean_text(once, kind=kind) == once


@given(text=ANY_TEXT, kind=st.sampled_from(["txt", "md", "pdf"]))
def test_a_cleaned_text_can_be_stored(text, kind):
    cleaned = clean_text(text, kind=kind)
    cleaned.encode("utf-8")
    assert "\x00" not in cleaned
    assert "<|" not in cleaned
    assert "|>" not in cleaned


ENGLISH_PAGE = """\
The History of Bee Hives
A skep is a basket placed open end down that people have used to house bees
for more than two thousand years. It is made of straw or wicker and is inter-
esting because it has no frames; the well-known disadvantage is that the well-
known keeper cannot look inside.
The first movable frames came in the nineteenth century, when it was under-
stood how much room bees leave between their combs.
- straw skeps, which are the oldest of those that are still made today in the
- wicker skeps
1. Take the basket and turn it over, then wait until the evening has come, and
2. brush the bees out.
Kind 1990 2000 2010 with a rather long description of the row to fill the line
Skep 12 14 17
"""


def test_english_lines_are_joined_and_paragraphs_lists_and_rows_are_kept():
    lines = clean_text(ENGLISH_PAGE, kind="pdf").split("\n")
    assert lines[0] == "The History of Bee Hives"
    assert "to house bees for more than" in lines[1]
    assert "is interesting because" in lines[1]
    assert "the well-known keeper cannot look inside." in lines[1]
    assert lines[2].endswith("it was understood how much room bees leave between their combs.")
    assert lines[3].startswith("- straw")
    assert lines[4] == "- wicker skeps"
    assert lines[5].startswith("1. ")
    assert lines[6] == "2. brush the bees out."
    assert lines[7].startswith("Kind 1990")
    assert lines[8] == "Skep 12 14 17"


def test_chinese_lines_are_joined_without_a_blank_and_short_ones_end_a_paragraph():
    page = (
        "第一章 蜂箱的历史\n"
        "蜜蜂是一种会飞行的群居昆虫，被称为资源昆虫，它们在花园里采集花蜜并且酿造蜂\n"
        "蜜，人类饲养蜜蜂已经有几千年的历史了。\n"
        "草编蜂箱是一种古老的蜂箱，用稻草或者柳条编织而成，没有活动的巢框，所以养蜂\n"
        "人不能检查蜂群。\n"
        "一、取下蜂箱\n"
        "二、等到晚上"
    )
    assert clean_text(page, kind="pdf").split("\n") == [
        "第一章 蜂箱的历史",
        "蜜蜂是一种会飞行的群居昆虫，被称为资源昆虫，它们在花园里采集花蜜并且酿造蜂蜜，人类饲养蜜蜂已经有几千年的历史了。",
        "草编蜂箱是一种古老的蜂箱，用稻草或者柳条编织而成，没有活动的巢框，所以养蜂人不能检查蜂群。",
        "一、取下蜂箱",
        "二、等到晚上",
    ]


def test_a_list_of_names_and_a_plain_text_file_are_not_unwrapped():
    names = "\n".join(f"Keeper Number {n} Of The Northern Association" for n in range(9))
    assert clean_text(names, kind="pdf") == names
    assert clean_text(ENGLISH_PAGE, kind="txt") == ENGLISH_PAGE.strip()


def test_a_word_that_the_pdf_marks_as_broken_is_made_whole():
    assert "informational" in clean_text("some infor\ufffe\nmational text", kind="pdf")
    assert "informational" in clean_text("some infor\x02\nmational text", kind="pdf")


def book(pages: int) -> list[Section]:
    return [
        Section(
            page=number,
            text=f"The Bee Book\n{'Left' if number % 2 else 'Right'} side\n"
            f"Fact {number * 17 % 89} about hives is told on this page and nowhere else.\n"
            f"Total {number * 31}\nPage {number} of {pages}\n{number}",
        )
        for number in range(1, pages + 1)
    ]


def test_running_headers_and_page_numbers_go_and_their_first_showing_stays():
    cleaned = list(clean_sections(book(60), kind="pdf"))
    assert [section.page for section in cleaned] == list(range(1, 61))
    assert cleaned[0].text.startswith("The Bee Book\nLeft side\n")
    for section in cleaned[2:]:
        assert section.text.split("\n") == [
            f"Fact {section.page * 17 % 89} about hives is told on this page and nowhere else.",
            f"Total {section.page * 31}",
        ]


def test_figures_that_change_from_page_to_page_are_not_furniture():
    pages = [Section(page=n, text=f"{n * n + 7}\nSum {n * 13}\n{n * n * 3}") for n in range(1, 20)]
    assert [section.text for section in clean_sections(pages, kind="pdf")] == [page.text for page in pages]


def test_a_page_number_inside_a_sentence_and_a_page_that_holds_nothing_else_are_kept():
    for line in ("Fact number {} stands on this page alone", "On page {} the queen is described.", "Page {}"):
        pages = [Section(page=n, text=line.format(n)) for n in range(1, 9)]
        assert [section.text for section in clean_sections(pages, kind="pdf")] == [page.text for page in pages]


def test_two_pages_are_too_few_to_call_anything_repeated():
    assert all("The Bee Book" in section.text for section in clean_sections(book(2), kind="pdf"))


def test_the_text_of_a_page_is_its_sections_joined():
    sections = [
        Section(text="a", page=1),
        Section(text="", page=1),
        Section(text="b", page=1),
        Section(text="c", page=2),
    ]
    assert [(page.number, page.text) for page in page_texts(sections)] == [(1, "a\n\nb"), (2, "c")]
