"""The parser of server-sent events."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_runtime import sse
from model_runtime.sse import EventTooLarge, ServerSentEvent, SSEParser

STORIES = {
    "one line": (b"data: hello\n\n", ["hello"]),
    "crlf": (b"data: a\r\n\r\ndata: b\r\n\r\n", ["a", "b"]),
    "cr": (b"data: a\r\rdata: b\r\r", ["a", "b"]),
    "mixed": (b"data: a\r\n\ndata: b\r\r\n", ["a", "b"]),
    "several data lines": (b"data: a\ndata\ndata: c\n\n", ["a\n\nc"]),
    "byte order mark": (b"\xef\xbb\xbfdata: a\n\n", ["a"]),
    "comments": (b": ping\n\n:\ndata: a\n: more\n\n", ["a"]),
    "one space only": (b"data:  a\n\ndata:b\n\n", [" a", "b"]),
    "unknown field": (b"colour: red\ndata: a\n\n", ["a"]),
    "line separators of unicode": (
        "data: a\u2028b\u0085c\x0cd\x1ee\n\n".encode(),
        ["a\u2028b\u0085c\x0cd\x1ee"],
    ),
    "unfinished": (b"data: a\n\ndata: b\n", ["a"]),
    "no data": (b"event: ping\n\ndata: a\n\n", ["a"]),
    "chinese and bees": ("data: 蜂巢🐝\n\n".encode(), ["蜂巢🐝"]),
}


@pytest.mark.parametrize("story", STORIES)
@given(data=st.data())
def test_no_split_of_the_bytes_changes_the_events(story, data):
    stream, expected = STORIES[story]
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)))))
    parser = SSEParser()
    events = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        events += parser.feed(stream[start:end])
    assert [event.data for event in events] == expected


@given(st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]))), st.data())
def test_what_was_written_is_read_back(lines, data):
    newline = data.draw(st.sampled_from([b"\n", b"\r\n", b"\r"]))
    stream = b"".join(b"data: " + line.encode() + newline * 2 for line in lines)
    size = data.draw(st.integers(1, 9))
    parser = SSEParser()
    events = [event for at in range(0, len(stream), size) for event in parser.feed(stream[at : at + size])]
    assert [event.data for event in events] == lines


def test_type_id_and_retry_follow_the_standard():
    parser = SSEParser()
    events = parser.feed(b"event: chunk\nid: 7\nretry: 1500\ndata: a\n\ndata: b\n\nid: x\0y\nretry: 1s\ndata: c\n\n")
    assert events == [
        ServerSentEvent(event="chunk", data="a", id="7", retry=1500),
        ServerSentEvent(data="b", id="7"),
        ServerSentEvent(data="c", id="7"),
    ]


@pytest.mark.parametrize("endless", [b"x" * 64, b"data: x\n" * 16])
def test_a_line_or_an_event_without_end_is_refused(monkeypatch, endless):
    monkeypatch.setattr(sse, "MAX_LINE_BYTES", 1000)
    parser = SSEParser()

    def feed_for_ever():
        for _ in range(100):
            parser.feed(endless)

    with pytest.raises(EventTooLarge):
        feed_for_ever()
