"""Folding the events of a run into its trace: a pure function, tried on told runs."""

import datetime as dt

import orjson
import pytest

from apps.traces.models import Span
from apps.traces.recorder import kinds
from apps.traces.recorder.caps import PAYLOAD_LIMIT
from apps.traces.recorder.fold import fold
from apps.traces.recorder.record import RecordedSpan, RecordedTrace
from apps.workflows.engine.events import AnswerText, ErrorInfo, NodeSucceeded, RunFinished, to_dict
from tests.traces import stories

TOLD = {
    "retrieval chat": stories.retrieval_chat,
    "broken stream": stories.broken_stream,
    "stopped run": stories.stopped_run,
    "annotated reply": stories.annotated_reply,
    "branching run": stories.branching_run,
    "long run": stories.long_run,
    "Chinese chat": stories.chinese_chat,
    "hostile chat": stories.hostile_chat,
}


def recorded(story: stories.Story) -> RecordedTrace:
    return fold(story.run, story.log)


def spans_by_node(record: RecordedTrace) -> dict[str, RecordedSpan]:
    return {span.node_id: span for span in record.spans if span.node_id}


@pytest.mark.parametrize("tell", TOLD.values(), ids=TOLD)
def test_every_value_an_event_carries_is_found_in_the_trace(tell):
    story = tell()
    record = recorded(story)
    kept = _all_text(record)
    for _seq, event in story.log:
        body = to_dict(event)
        for name in ("query", "title", "node_type", "handle"):
            if body.get(name):
                assert str(body[name])[:190] in kept
        for name in ("inputs", "outputs", "process", "details"):
            for leaf in _leaves(body.get(name) or {}):
                assert leaf in kept
        if body.get("error"):
            assert body["error"]["message"] in kept
            assert body["error"]["code"][:90] in kept
    spoken = "".join(event.text for _seq, event in story.log if isinstance(event, AnswerText))
    assert spoken in record.trace.output["answer"] or record.trace.output.get("replaced")


def test_times_keep_their_microseconds():
    record = recorded(stories.retrieval_chat())
    assert record.trace.started_at == dt.datetime(2026, 9, 21, 14, 13, 20, 123457, tzinfo=dt.UTC)
    found = spans_by_node(record)
    assert found["start"].offset_us == 213
    assert found["start"].duration_us == 101
    assert found["find"].started_at == record.trace.started_at + dt.timedelta(microseconds=404)
    assert found["find"].duration_us == 184_300


def test_the_time_to_the_first_text_is_that_of_the_reader_for_the_trace_and_of_the_model_for_the_span():
    record = recorded(stories.retrieval_chat())
    model = spans_by_node(record)["answer_it"]
    assert model.first_text_us == 495_000
    assert record.trace.first_text_us == pytest.approx(model.offset_us + model.first_text_us, abs=1)


def test_tokens_of_the_run_and_of_each_model_are_kept_apart():
    record = recorded(stories.branching_run())
    found = spans_by_node(record)
    assert (found["bug"].input_tokens, found["bug"].output_tokens, found["bug"].reasoning_tokens) == (130, 42, 12)
    assert (record.trace.input_tokens, record.trace.output_tokens, record.trace.total_tokens) == (178, 43, 221)


def test_a_node_without_an_event_is_a_skipped_span_next_to_its_neighbour_of_the_document():
    record = recorded(stories.branching_run())
    names = [span.node_id for span in record.spans[1:]]
    assert names == ["start", "classify", "route", "refund", "search", "lookup", "bug", "join", "end"]
    skipped = spans_by_node(record)["refund"]
    assert skipped.status == "skipped"
    assert (skipped.started_at, skipped.offset_us, skipped.duration_us, skipped.index) == (None, None, None, None)


def test_a_failed_run_keeps_the_error_and_the_text_it_had_given():
    record = recorded(stories.broken_stream())
    span = spans_by_node(record)["answer_it"]
    assert record.trace.status == "failed"
    assert record.trace.error_code == span.error_code == "model_unavailable"
    assert record.trace.error_details["node_id"] == "answer_it"
    assert record.trace.output["answer"] == "After five years the notice period is two mon"
    assert record.thoughts[0].thought == "After five years the notice period is two mon"
    assert record.thoughts[0].error_code == "model_unavailable"


def test_a_node_that_was_running_when_its_run_was_stopped_has_no_duration():
    record = recorded(stories.stopped_run())
    assert record.trace.status == "stopped"
    span = spans_by_node(record)["find"]
    assert (span.status, span.duration_us) == ("stopped", None)
    assert spans_by_node(record)["say"].status == "skipped"


def test_a_step_that_a_stop_cut_is_stopped_and_counts_as_no_error():
    story = stories.Story(stories.run_info(stories.CHAT_NODES, query="?")).begin().start("answer_it").after(0.2)
    story.fail("answer_it", ErrorInfo(code="stopped", message="The run was stopped.", node_id="answer_it"))
    record = recorded(story.finish("stopped", outputs={}))
    span = spans_by_node(record)["answer_it"]
    assert (span.status, span.error_message) == ("stopped", "The run was stopped.")
    assert (record.trace.status, record.trace.error_count) == ("stopped", 0)
    assert record.thoughts[0].error_code == ""


def test_a_log_that_breaks_off_gives_an_incomplete_trace_with_the_partial_text():
    story = stories.broken_stream()
    record = fold(story.run, story.log[:-3])
    assert record.trace.status == "incomplete"
    assert record.trace.output["answer"] == "After five years the notice period "
    model = spans_by_node(record)["answer_it"]
    assert model.status == "stopped"
    payload = next(payload for payload in record.payloads if payload.span_id == model.id)
    assert payload.text == "After five years the notice period is two mon"[: len(payload.text)]
    assert record.trace.input_tokens == 0


def test_a_model_that_was_stopped_keeps_what_its_reader_had_heard():
    """The log of a chat has the text that reached the reader only."""
    story = stories.Story(stories.run_info(stories.CHAT_NODES, query="?")).begin()
    story.start("answer_it").after(0.2).start("say").say("say", "Well, ", "first ", source="answer_it")
    record = recorded(story.say("say", "(see below)").finish("stopped", outputs={}))
    payloads = {payload.span_id: payload for payload in record.payloads}
    found = spans_by_node(record)
    assert payloads[found["answer_it"].id].text == "Well, first "
    assert payloads[found["say"].id].text == "(see below)"
    assert found["answer_it"].first_text_us == 200_000
    assert record.thoughts[0].thought == "Well, first "


def test_an_error_that_the_workflow_handled_is_marked_and_the_run_goes_on():
    record = recorded(stories.branching_run())
    span = spans_by_node(record)["lookup"]
    assert (span.status, span.error_handled, span.error_code) == ("error", True, "http_timeout")
    assert (record.trace.status, record.trace.error_code, record.trace.error_count) == ("partial-succeeded", "", 1)


def test_an_answer_that_was_replaced_is_tagged_and_what_stood_there_is_kept():
    story = stories.Story(stories.run_info({"say": ("answer", "Say")}, query="?")).begin()
    story.start("say").say("say", "First ", "try").replace("The whole answer", reason="retry", attempt=2).finish()
    record = recorded(story)
    assert record.trace.tags == ["retry"]
    assert record.trace.output["answer"] == "The whole answer"
    (entry,) = record.trace.output["replaced"]
    assert (entry["before"], entry["details"]) == ("First try", {"attempt": 2})


def test_a_curated_answer_gives_a_trace_of_skipped_nodes():
    record = recorded(stories.annotated_reply())
    assert record.trace.tags == ["annotation"]
    assert record.trace.first_text_us == 11_000
    assert {span.status for span in record.spans[1:]} == {"skipped"}


def test_each_call_of_a_model_is_a_thought_with_its_parameters():
    record = recorded(stories.retrieval_chat())
    (thought,) = record.thoughts
    assert thought.position == 1
    assert thought.parameters == stories.PARAMETERS
    assert (thought.model, thought.provider, thought.finish_reason) == ("gpt-4o-mini", "openai", "stop")
    assert (thought.input_tokens, thought.output_tokens, thought.cached_tokens) == (812, 64, 512)
    assert thought.thought.startswith("You have 30 days")
    assert thought.span_id == spans_by_node(record)["answer_it"].id


def test_folding_the_same_events_again_gives_the_same_trace_with_the_same_ids():
    story = stories.branching_run()
    assert recorded(story) == recorded(story)
    assert len({span.id for span in recorded(story).spans}) == len(recorded(story).spans)


def test_every_node_of_a_loop_that_starts_again_gets_a_span_of_its_own():
    story = stories.Story(stories.run_info({"work": ("code", "Work")})).begin()
    for turn in range(3):
        story.start("work").after(0.01).succeed("work", {"turn": turn})
    record = recorded(story.finish(outputs={}))
    payloads = {payload.span_id: payload for payload in record.payloads}
    assert [payloads[span.id].outputs for span in record.spans[1:]] == [{"turn": 0}, {"turn": 1}, {"turn": 2}]


def test_a_value_that_is_too_large_is_cut_and_its_size_is_told():
    story = stories.Story(stories.run_info({"work": ("code", "Work")})).begin()
    large = {"rows": [{"text": "x" * 1000, "n": n} for n in range(1000)], "last": "here"}
    story.start("work").succeed("work", large)
    record = recorded(story.finish(outputs={}))
    payload = record.payloads[1]
    assert len(orjson.dumps(payload.outputs)) < PAYLOAD_LIMIT * 1.01
    assert payload.truncated == {"outputs": len(orjson.dumps(large))}
    assert payload.outputs["rows"][0] == {"text": "x" * 1000, "n": 0}
    assert payload.outputs["rows"][-1].startswith("… ")


def test_text_without_end_is_counted_but_not_kept():
    story = stories.Story(stories.run_info({"think": ("llm", "Think")})).begin()
    story.start("think").write("think", *["0123456789" * 100] * 400, pause=0.001)
    record = recorded(story.finish("stopped", outputs={}))
    payload = record.payloads[1]
    assert len(payload.text) <= PAYLOAD_LIMIT
    assert payload.truncated == {"text": 400_000}


@pytest.mark.parametrize(
    ("value", "stored"),
    [("a\x00b", "a\ufffdb"), ("lone \ud800 half", "lone ? half"), (2**70, str(2**70)), (float("nan"), None)],
    ids=["NUL", "half a character", "a number beyond 64 bits", "not a number"],
)
def test_what_the_database_has_no_word_for_is_replaced(value, stored):
    story = stories.Story(stories.run_info({"work": ("code", "Work")})).begin()
    record = recorded(story.start("work").succeed("work", {"value": value}).finish(outputs={}))
    assert orjson.loads(orjson.dumps(record.payloads[1].outputs)) == {"value": stored}


def test_an_event_of_an_unknown_node_still_makes_a_span():
    run = stories.run_info({})
    log = [(1, NodeSucceeded(at=10.5, node_id="late", outputs={"x": 1}, elapsed=0.25))]
    log.append((2, RunFinished(at=10.6, status="succeeded", outputs={})))
    record = fold(run, log)
    assert [span.node_id for span in record.spans] == ["", "late"]
    assert record.spans[1].duration_us == 250_000


def test_the_kinds_that_are_recorded_are_the_kinds_that_are_shown():
    of_others = {"embedding", "reranker", "chain", "guardrail", "evaluator", "event"}
    assert {*kinds.KIND_OF_TYPE.values(), kinds.RUN, kinds.OTHER} == set(Span.Kind.values) - of_others


def _all_text(record: RecordedTrace) -> str:
    """Everything the trace holds, leaf by leaf."""
    rows = (record.trace, *record.spans, *record.payloads, *record.thoughts)
    return "\n".join(leaf for row in rows for name in row.__slots__ for leaf in _leaves(getattr(row, name)))


def _leaves(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _leaves(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield str(value)
