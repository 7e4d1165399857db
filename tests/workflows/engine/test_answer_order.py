"""What the reader of a chat sees, and when: answers in order, texts streaming through them."""

from __future__ import annotations

import time

import pytest

from apps.workflows.engine.events import AnswerText
from tests.workflows.engine.runs import answer, document, node, play


def talk(name, *pieces, naps=(), **more):
    return node(name, config={"pieces": list(pieces), "naps": list(naps)}, **more)


def choose(name, handle):
    return node(name, config={"handle": handle})


async def test_literals_around_a_model_text_come_as_soon_as_they_can():
    written = document([talk("m", "one ", "two"), answer("say", "Hi! {{ m.text }} Bye.")], "start>m m>say")
    played = await play(written)
    assert played.reading == ["Hi! ", "one ", "two", " Bye."]
    kinds = [event.kind for event in played.events]
    assert kinds.index("answer_text") < kinds.index("node_succeeded")


async def test_every_piece_names_the_node_that_made_it():
    nodes = [talk("m", "x"), talk("n", "y"), answer("say", "{{ m.text }}-{{ n.text }}")]
    played = await play(document(nodes, "start>m m>n n>say"))
    pieces = [(event.text, event.source_id) for event in played.events if isinstance(event, AnswerText)]
    assert pieces == [("x", "m"), ("-", None), ("y", "n")]


async def test_a_second_model_that_is_faster_waits_for_the_first():
    nodes = [
        talk("slow", "s1", "s2", naps=[0.02]),
        talk("fast", "f1", "f2"),
        answer("say", "{{ slow.text }}|{{ fast.text }}"),
    ]
    played = await play(document(nodes, "start>slow start>fast slow>say fast>say"))
    assert played.reading == ["s1", "s2", "|", "f1f2"]


async def test_two_answers_are_read_in_the_order_of_the_graph():
    nodes = [
        talk("a", "a1", "a2", naps=[0.01]),
        talk("b", "b1", "b2"),
        answer("second", "B:{{ b.text }}"),
        answer("first", "A:{{ a.text }} "),
    ]
    played = await play(document(nodes, "start>a a>first first>b b>second"))
    assert "".join(played.reading) == "A:a1a2 B:b1b2" == played.finished.outputs["answer"]


async def test_two_answers_side_by_side_do_not_mix():
    nodes = [
        talk("a", "a1", "a2", naps=[0.02]),
        talk("b", "b1", "b2", naps=[0.01]),
        answer("say_a", "[{{ a.text }}]"),
        answer("say_b", "({{ b.text }})"),
    ]
    played = await play(document(nodes, "start>a start>b a>say_a b>say_b"))
    assert "".join(played.reading) == "[a1a2](b1b2)"


async def test_behind_a_branch_nothing_is_said_before_the_branch_is_taken():
    nodes = [
        talk("early", "no"),
        choose("which", "left"),
        talk("m", "yes"),
        answer("left", "L {{ m.text }}"),
        answer("right", "R {{ early.text }}"),
    ]
    played = await play(document(nodes, "start>early early>which which>m:left m>left which>right:right"))
    assert played.reading == ["L ", "yes"]
    kinds = [(event.kind, getattr(event, "node_id", "")) for event in played.events]
    assert kinds.index(("answer_text", "left")) > kinds.index(("node_succeeded", "which"))


async def test_a_text_that_was_written_before_the_branch_comes_in_one_piece():
    nodes = [talk("m", "x", "y"), choose("which", "a"), answer("a", "{{ m.text }}!"), answer("b", "-")]
    played = await play(document(nodes, "start>m m>which which>a:a which>b:b"))
    assert played.reading == ["xy", "!"]


async def test_texts_that_nobody_answers_with_are_not_shown():
    nodes = [talk("hidden", "secret thoughts"), answer("say", "ok")]
    played = await play(document(nodes, "start>hidden hidden>say"))
    assert played.reading == ["ok"]
    assert [event.text for event in played.events if event.kind == "node_text"] == ["secret thoughts"]


async def test_a_join_of_two_branches_streams_the_one_that_runs():
    nodes = [
        choose("which", "b"),
        talk("a", "A"),
        talk("b", "B1", "B2", naps=[0.005]),
        answer("say", "{{ a.text }}{{ b.text }}."),
    ]
    played = await play(document(nodes, "start>which which>a:a which>b:b a>say b>say"))
    assert played.reading == ["B1", "B2", "."]


async def test_a_stream_that_fails_is_taken_back_when_the_run_goes_another_way():
    nodes = [
        talk("intro", "Well, "),
        answer("first", "{{ intro.text }}"),
        node("m", config={"pieces": ["half a"], "fails": 1}, on_error={"then": "branch"}),
        answer("say", "I think: {{ m.text }}"),
        answer("sorry", "sorry."),
    ]
    played = await play(document(nodes, "start>intro intro>first first>m m>say m>sorry:error"))
    assert played.reading == ["Well, ", "I think: ", "half a", "=Well, ", "sorry."]
    assert played.finished.outputs["answer"] == "Well, sorry."


async def test_an_unhandled_failure_keeps_what_was_said():
    nodes = [node("m", config={"pieces": ["half a"], "fails": 1}), answer("say", "I think: {{ m.text }}")]
    played = await play(document(nodes, "start>m m>say"))
    assert played.finished.status == "failed"
    assert played.finished.outputs["answer"] == "I think: half a"


async def test_the_same_text_may_be_shown_twice():
    nodes = [talk("m", "x", "y"), answer("say", "{{ m.text }} {{ m.text }}"), answer("again", "/{{ m.text }}")]
    played = await play(document(nodes, "start>m m>say say>again"))
    assert "".join(played.reading) == "xy xy/xy"


async def test_values_that_are_no_text_read_as_json_and_nothing_reads_as_nothing():
    nodes = [
        node("if", "if-else", config={"cases": [{"id": "a", "conditions": [{"left": "sys.query", "op": "empty"}]}]}),
        answer("say", "{{ if.result }} {{ if.case }} {{ sys.nothing }}{{ inputs.list }}"),
    ]
    played = await play(document(nodes, "start>if if>say:a if>say:else"), inputs={"list": [1, "é"]}, query="hi")
    assert "".join(played.reading) == 'false else [1, "é"]' == played.finished.outputs["answer"]


@pytest.mark.parametrize("join", ["first", "all"])
async def test_other_joins_end_with_the_text_of_the_answer_node(join):
    nodes = [
        talk("fast", "F"),
        talk("slow", "S1", "S2", naps=[0.01]),
        answer("say", "{{ slow.text }}<{{ fast.text }}", join=join),
    ]
    played = await play(document(nodes, "start>fast start>slow fast>say slow>say"))
    text = "<F" if join == "first" else "S1S2<F"
    assert played.finished.outputs["answer"] == text == played.state.answer


async def test_a_node_that_waits_for_all_is_skipped_when_one_way_is_not_taken():
    nodes = [choose("which", "a"), talk("x", "X"), answer("both", "{{ x.text }}", join="all"), answer("say", "S")]
    played = await play(document(nodes, "start>which start>x which>both:b x>both which>say:a"))
    assert played.finished.outputs["answer"] == "S"
    assert played.statuses()["both"] == "skipped"


async def test_thousands_of_answers_cost_no_more_than_their_number():
    count = 3000
    nodes = [answer(f"a{i}", "x") for i in range(count)]
    edges = " ".join(["start>a0", *(f"a{i}>a{i + 1}" for i in range(count - 1))])
    written = document(nodes, edges)
    began = time.perf_counter()
    played = await play(written)
    assert time.perf_counter() - began < 5
    assert played.finished.outputs["answer"] == "x" * count
