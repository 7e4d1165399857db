"""The stored form of a run's events: nothing is lost in it."""

from __future__ import annotations

import json

import pytest

from apps.workflows.engine.events import AnswerText, NodeText, from_dict
from apps.workflows.engine.journal import decode, encode
from tests.workflows.engine.stories import FOLDER


def text(piece, node="ask", frame=""):
    return NodeText(at=1.0, node_id=node, text=piece, frame=frame)


def restored(events, **options):
    rows = json.loads(json.dumps(encode(enumerate(events, start=1))))
    return list(decode(rows, **options))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_every_story_comes_back_from_its_rows(path):
    events = [from_dict(body) for body in json.loads(path.read_text())["events"]]
    assert restored(events) == list(enumerate(events, start=1))


def test_texts_of_rounds_that_run_side_by_side_stay_apart():
    events = [text("a", frame="each:0"), text("b", frame="each:1"), text("c", frame="each:1"), text("d")]
    assert restored(events) == list(enumerate(events, start=1))
    assert len(encode(enumerate(events, start=1))) == 3


def test_neighbouring_texts_of_one_node_share_a_row_that_can_be_entered_in_the_middle():
    events = [text("a"), text("b"), AnswerText(at=2.0, node_id="say", text="b", source_id="ask"), text("c")]
    assert [(row.seq, row.last_seq) for row in encode(enumerate(events, start=1))] == [(1, 2), (3, 3), (4, 4)]
    assert restored(events, after=1) == [(2, events[1]), (3, events[2]), (4, events[3])]
