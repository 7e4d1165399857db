"""What is told of a run while it goes on: at its end it is what its trace says."""

import random

import pytest

from apps.traces.admin.pages.live_stream import masker_of
from apps.traces.masking.masker import Masker
from apps.traces.masking.own import Own
from apps.traces.masking.streamed import StreamedText
from apps.traces.models import TracePolicy
from apps.traces.recorder.fold import fold
from apps.traces.recorder.live import LiveTree
from apps.traces.selectors.policies import forget_policies
from apps.workflows.engine.events import NodeAnswered, NodeRetried, NodeStarted, NodeWaiting, RunPaused
from tests.traces import elsewhere, stories

EMAILS = Masker(personal=["email", "card"], own=[Own.read("project", r"Project \w+ \d+")])


def told(story, *, every: int = 1, masker: Masker = EMAILS) -> dict:
    """What a reader knows who was told some events at a time."""
    tree = LiveTree(story.run, masker)
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
    story.add(again).write("answer_it", "Whole. Thi")
    known = told(story)
    first, second = (row for row in known["rows"].values() if row["node"] == "answer_it")
    assert (first["status"], second["status"]) == ("stopped", "running")
    assert [known["texts"].get(row["key"]) for row in (first, second)] == [None, "Whole. "]


def test_a_run_that_waits_for_a_person_says_so():
    story = stories.Story(stories.run_info(stories.CHAT_NODES)).begin().start("find")
    story.add(NodeWaiting(at=story.now, node_id="find", asks={})).add(RunPaused(at=story.now, waiting=[]))
    known = told(story)
    assert known["status"] == "paused"
    assert [row["status"] for row in known["rows"].values()] == ["running", "waiting"]
    story.add(NodeAnswered(at=story.now, node_id="find", reply={}))
    assert [row["status"] for row in told(story)["rows"].values()] == ["running", "running"]


def test_an_operator_sees_of_a_running_run_what_the_trace_will_hold():
    text = "Ask mei.lin@bees.example, card 4111 1111 1111 1111, about Project Honey 7, and bring tea."
    story = stories.Story(stories.run_info(stories.CHAT_NODES)).begin().start("answer_it")
    tree, shown = LiveTree(story.run, EMAILS), ""
    story.write("answer_it", *(text[at : at + 3] for at in range(0, len(text), 3)))
    for _seq, event in story.log:
        tree.take(event)
        change = tree.told().as_json()
        assert not change.get("voided")
        shown = "".join([shown, *change.get("texts", {}).values()])
        assert "mei" not in shown
        assert "4111" not in shown
        assert "Honey" not in shown
    assert shown == "Ask [masked:email], card [masked:card], about [masked:project], and bring "
    story.fail("answer_it", stories.ErrorInfo(code="gone", message="No answer from mei.lin@bees.example."))
    tree.take(story.log[-1][1])
    change = tree.told().as_json()
    assert list(change["texts"].values()) == ["tea."]
    assert change["rows"][0]["message"] == "No answer from [masked:email]."


@pytest.mark.parametrize("seed", range(20))
def test_a_text_in_pieces_ends_as_the_text_as_a_whole_does(seed):
    chance = random.Random(seed)
    words = [
        "tea",
        "a@bees.example",
        "4111 1111 1111 1111,",
        "Project Sea 12",
        "sk-ab12cd34ef56gh78ij",
        "密码：hunter22 。",
    ]
    words += ["Bearer abcdef0123456789abcdef", "https://joe:secret1@bees.example", "\n"]
    words += ["-----BEGIN PRIVATE KEY-----"]
    text = " ".join(chance.choices(words, k=30))
    stream, shown, at = StreamedText(EMAILS), "", 0
    while at < len(text):
        size = chance.randint(1, 9)
        shown += stream.add(text[at : at + size])
        at += size
        assert "hunter22" not in shown
        assert "joe:s" not in shown
    rest, is_whole = stream.finish()
    assert (rest if is_whole else shown + rest) == EMAILS.text(text)


@pytest.mark.django_db(databases=["default", "traces"])
def test_the_live_view_masks_by_the_policy_of_the_app():
    run = stories.run_info(stories.CHAT_NODES)
    TracePolicy.objects.create(team_id=run.team_id, application_id=run.application_id, personal=["email"])
    forget_policies()
    assert masker_of(run).text("Ask mei@bees.example.") == "Ask [masked:email]."
