"""What is told of a run while it goes on: at its end it is what its trace says."""

import pytest

from apps.traces.recorder.fold import fold
from apps.traces.recorder.live import LiveTree
from apps.workflows.engine.events import NodeAnswered, NodeRetried, NodeStarted, NodeWaiting, RunPaused
from tests.traces import elsewhere, stories


def told(story, *, every: int = 1) -> dict:
    """What a reader knows who was told some events at a time."""
    tree = LiveTree(story.run)
    known: dict = {"rows": {}, "texts": {}, "status": ""}
    for place, (_seq, event) in enumerate(story.log, start=1):
        tree.take(event)
        if place % every == 0 or place == len(story.log):
            learn(known, tree.told().as_json())
    return known


def learn(known: dict, change: dict) -> None:
    known["rows"].update({row["key"]: dict(row) for row in change.get("rows", ())})
    for key in change.get("voided", ()):
        known["texts"].pop(key, None)
    for key, text in change.get("texts", {}).items():
        known["texts"][key] = known["texts"].get(key, "") + text
    known["status"] = change.get("status", known["status"])


@pytest.mark.parametrize("every", [1, 7, 10_000])
@pytest.mark.parametrize("tell", [stories.retrieval_chat, stories.branching_run, stories.broken_stream])
def test_at_the_end_rows_and_text_are_those_of_the_trace(tell, every):
    story = tell()
    record = fold(story.run, story.log)
    known = told(story, every=every)
    spans = {span.node_id: span for span in record.spans if span.started_at is not None}
    rows = {row["node"]: row for row in known["rows"].values()}
    assert rows.keys() == spans.keys()
    for node, row in rows.items():
        assert row["name"] == spans[node].name
        assert row["status"] == spans[node].status
        assert abs(row["offset"] - spans[node].offset_us) <= 1
        # What never ended has no duration in the trace; here its bar stands still where the run ended.
        assert row["duration"] is not None
        assert abs(row["duration"] - (spans[node].duration_us or row["duration"])) <= 1_000
    assert known["status"] == record.trace.status
    assert known["texts"].get("run", "") == record.trace.output["answer"]


def test_rounds_of_a_loop_stand_below_their_loop():
    rows = told(elsewhere.looping(rounds=20), every=50)["rows"]
    inner = [row for row in rows.values() if row["parent"] not in ("", "run")]
    assert inner
    assert all(rows[row["parent"]]["kind"] in ("iteration", "loop") for row in inner)


def test_text_of_a_failed_try_is_taken_back():
    story = stories.Story(stories.run_info(stories.CHAT_NODES)).begin().start("answer_it")
    story.write("answer_it", "Half a sen")
    error = stories.ErrorInfo(code="model_unavailable", message="gone")
    story.add(NodeRetried(at=story.now, node_id="answer_it", error=error, attempt=2, delay=0.1))
    again = NodeStarted(at=story.now, node_id="answer_it", node_type="llm", title="Answer", index=1, attempt=2)
    story.add(again).write("answer_it", "Whole.")
    known = told(story)
    first, second = (row for row in known["rows"].values() if row["node"] == "answer_it")
    assert (first["status"], second["status"]) == ("stopped", "running")
    assert [known["texts"].get(row["key"]) for row in (first, second)] == [None, "Whole."]


def test_a_run_that_waits_for_a_person_says_so():
    story = stories.Story(stories.run_info(stories.CHAT_NODES)).begin().start("find")
    story.add(NodeWaiting(at=story.now, node_id="find", asks={})).add(RunPaused(at=story.now, waiting=[]))
    known = told(story)
    assert known["status"] == "paused"
    assert [row["status"] for row in known["rows"].values()] == ["running", "waiting"]
    story.add(NodeAnswered(at=story.now, node_id="find", reply={}))
    assert [row["status"] for row in told(story)["rows"].values()] == ["running", "running"]
