"""Pages are kept in parts that put together are the page, and none of them is long."""

from hypothesis import given
from hypothesis import strategies as st

from apps.datasets.text.page_parts import PageRecorder
from apps.datasets.text.sections import Section, page_texts

SECTIONS = st.lists(
    st.builds(Section, text=st.text("ab \n", max_size=30), page=st.integers(1, 3) | st.none()), max_size=12
).map(lambda sections: sorted(sections, key=lambda section: section.page or 0))


@given(SECTIONS, st.integers(1, 25))
def test_parts_put_together_are_the_pages(sections, size):
    recorder, parts = PageRecorder(size=size), []
    for section in recorder.through(sections):
        assert section in sections
        parts += recorder.take()
    parts += recorder.take()
    whole = {}
    for part in parts:
        assert part.start == len(whole.get(part.number, ""))
        whole[part.number] = whole.get(part.number, "") + part.text
        assert len(part.text) <= size
    assert list(whole.items()) == [(page.number, page.text) for page in page_texts(sections)]


def test_no_more_than_a_part_and_a_section_is_held():
    recorder = PageRecorder(size=1_000)
    for _section in recorder.through(Section(text="bees " * 400) for _ in range(50)):
        assert sum(len(part.text) for part in recorder.take()) <= 3_002
