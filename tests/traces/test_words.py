"""The words of a span are those that the analyser of queries finds in its texts."""

import pytest

from apps.datasets.text.analyze import term_counts
from apps.traces.recorder.fold import fold
from apps.traces.recorder.record import RecordedPayload
from apps.traces.recorder.words import input_text, output_text, words_of
from tests.traces import stories


@pytest.mark.parametrize(
    "text",
    [
        "Where is order 1,234,567? C++ v1.2 OPENAI_API_KEY /v1/chat-messages it's",
        "蜂蜜 在哪里？请看third\u3000page第三页 abc中文def\u00a0x café",
        "quotes ' and \\ back'slashes \\' stay what they are " * 40,
    ],
)
def test_a_text_in_pieces_has_the_words_of_the_whole(text):
    record = fold(*_told())
    span = record.spans[0]
    payload = RecordedPayload(span_id=span.id, inputs={"query": text}, outputs={"text": text[::-1]})
    whole = " \n".join([span.name, input_text(payload), output_text(payload)])
    assert {word.strip("'") for word in words_of(span, payload).split("' '")} == set(term_counts(whole))


def _told():
    story = stories.stopped_run()
    return story.run, story.log
