"""What code and template nodes send to the sandbox, what they take from it, and what a run keeps of it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from apps.workflows.engine.ports import CodeFailed, CodeReport
from tests.workflows.engine.ports_for_tests import ScriptedCode, passage, ports
from tests.workflows.engine.runs import document, node, play


def code(outputs, **config):
    return node("work", "code", config={"code": "def main(): ...", "outputs": outputs, **config})


async def work(written, *, gives, inputs=None, env=None, report=None, before=(), **world):
    """Run start -> (before ->) work -> end; the run, and the port with the requests it got."""
    sandbox = ScriptedCode(gives=gives if isinstance(gives, list) else [gives], report=report or CodeReport())
    shown = "result" if written["type"] == "code" else "output"
    nodes = [*before, written, node("end", "end", config={"outputs": {"shown": f"work.{shown}"}})]
    names = ["start", *(each["id"] for each in nodes)]
    edges = " ".join(f"{one}>{other}" for one, other in pairwise(names))
    played = await play(
        document(nodes, edges, kind="workflow"), ports=ports(code=sandbox, **world), inputs=inputs, env=env or {}
    )
    return played, sandbox


def event_of(played, kind):
    return next(event for event in played.events if event.kind == kind and event.node_id == "work")


async def test_code_gets_its_inputs_with_their_types_and_gives_what_is_declared():
    files = [{"name": "a.pdf", "type": "document", "url": "https://example.org/a.pdf"}]
    written = code(
        {"result": "number"},
        inputs={"files": "inputs.files", "n": "inputs.n", "text": "{{ inputs.n }} things", "none": "inputs.gone"},
        language="javascript",
        profile="data",
        limits={"wall_s": 30, "memory_mb": 512},
    )
    played, sandbox = await work(written, gives={"result": 7}, inputs={"files": files, "n": 3})
    request = sandbox.seen[0]
    assert request.inputs == {"files": files, "n": 3, "text": "3 things", "none": None}
    assert (request.language, request.profile, request.code) == ("javascript", "data", "def main(): ...")
    assert (request.wall_s, request.memory_mb) == (30, 512)
    assert played.finished.outputs == {"shown": 7}
    assert event_of(played, "node_succeeded").inputs == request.inputs


async def test_code_has_the_defaults_of_the_sandbox_where_the_document_says_nothing():
    _, sandbox = await work(code({"result": "string"}), gives={"result": "x"})
    request = sandbox.seen[0]
    assert (request.language, request.profile, request.wall_s, request.memory_mb) == ("python3", "base", None, None)


@pytest.mark.parametrize(
    ("type_name", "returned", "given"),
    [
        ("string", "", ""),
        ("string", "x" * 900_000, "x" * 900_000),
        ("number", 2.5, 2.5),
        ("number", -0.0, -0.0),
        ("number", 2**63 - 1, 2**63 - 1),
        ("number", True, 1),
        ("integer", False, 0),
        ("integer", 3.0, 3),
        ("boolean", True, True),
        ("object", {"a": [1]}, {"a": [1]}),
        ("array[string]", ["a", None], ["a", None]),
        ("array[number]", [1, 2.5, True], [1, 2.5, 1]),
        ("array[number]", list(range(5_000)), list(range(5_000))),
        ("array[boolean]", [True], [True]),
        ("array[object]", [{}, {"a": 1}], [{}, {"a": 1}]),
        ("array[any]", [1, "a", [None]], [1, "a", [None]]),
        *((name, None, None) for name in ("string", "number", "integer", "boolean", "object", "array[any]")),
    ],
)
async def test_code_may_return_every_declared_type_and_null(type_name, returned, given):
    played, _ = await work(code({"result": type_name}), gives={"result": returned})
    result = played.finished.outputs["shown"]
    assert (result, type(result)) == (given, type(given))


@pytest.mark.parametrize(
    ("type_name", "returned", "words"),
    [
        ("string", 1, "result must be a text, but is a number"),
        ("string", ["a"], "is a list"),
        ("number", "1", "result must be a number, but is a text"),
        ("number", 2**63, "has more than 64 bits"),
        ("integer", 2.5, "result must be a whole number, but has a fraction"),
        ("integer", 1e300, "has more than 64 bits"),
        ("boolean", 1, "result must be true or false, but is a number"),
        ("object", [], "result must be an object, but is a list"),
        ("array[string]", "abc", "result must be a list of texts, but is a text"),
        ("array[string]", ["a", True], "item 1 is true or false"),
        ("array[object]", [{}, []], "item 1 is a list"),
        ("array[any]", {}, "is an object"),
    ],
)
async def test_code_that_returns_another_type_fails_and_says_which(type_name, returned, words):
    played, _ = await work(code({"result": type_name}), gives={"result": returned})
    assert played.finished.error.code == "code_result"
    assert words in played.finished.error.message
    assert played.finished.error.details == {"unfit": ["result"]}


async def test_code_that_returns_other_keys_than_declared_fails_and_names_all_of_them():
    gives = {"result": 1, "extra": 2, "more": 3}
    played, _ = await work(code({"result": "string", "a": "string", "b": "number"}), gives=gives)
    error = played.finished.error
    assert error.message == (
        "The code did not return: a, b. The code returned what is not declared as an output: extra, more. "
        "result must be a text, but is a number."
    )
    assert error.details == {"missing": ["a", "b"], "unexpected": ["extra", "more"], "unfit": ["result"]}


async def test_a_result_with_thousands_of_wrong_keys_still_makes_a_short_message():
    played, _ = await work(code({"result": "string"}), gives={f"key{n}": n for n in range(5_000)})
    assert len(played.finished.error.message) < 500
    assert len(played.finished.error.details["unexpected"]) == 10


REPORT = CodeReport(stdout="summing\n", stderr="careful\n", wall_ms=3.5, cpu_ms=2.0, peak_kb=9_000)


async def test_a_run_keeps_what_code_printed_and_used():
    played, _ = await work(code({"result": "number"}), gives={"result": 1}, report=REPORT)
    assert event_of(played, "node_succeeded").process == {
        "language": "python3",
        "profile": "base",
        "stdout": "summing\n",
        "stderr": "careful\n",
        "usage": {"wall_ms": 3.5, "cpu_ms": 2.0, "peak_kb": 9_000},
    }


async def test_a_flood_of_prints_is_kept_from_both_ends():
    flood = CodeReport(stdout="begin" + "x" * 200_000 + "end")
    played, _ = await work(code({"result": "number"}), gives={"result": 1}, report=flood)
    kept = event_of(played, "node_succeeded").process["stdout"]
    assert (kept[:5], kept[-3:]) == ("begin", "end")
    assert "167,240 characters" in kept
    assert len(kept) < 33_000


async def test_failed_code_keeps_its_traceback_what_it_printed_and_its_error():
    trace = 'Traceback (most recent call last):\n  File "main.py", line 2, in main\nValueError: no\n'
    failure = CodeFailed(
        "code_error", "ValueError: no (line 2)", details={"line": 2}, report=CodeReport(stdout="hm", traceback=trace)
    )
    played, _ = await work(code({"result": "number"}), gives=failure)
    event = event_of(played, "node_failed")
    assert (event.error.code, event.error.message, event.error.details) == (
        "code_error",
        "ValueError: no (line 2)",
        {"line": 2},
    )
    assert (event.process["stdout"], event.process["traceback"]) == ("hm", trace)


TOKEN = 'tok-"3f9\\x'


async def test_a_secret_is_passed_on_and_kept_nowhere():
    trace = f"line\n  call({TOKEN!r})\nValueError: {TOKEN}"
    report = CodeReport(stdout=f"got {TOKEN}", stderr=repr({"t": TOKEN}), traceback=trace)
    inputs = {"token": "env.token", "header": "Bearer {{ env.token }}", "all": "env.nested", "plain": "inputs.x"}
    env = {"token": TOKEN, "nested": {"pins": [98765, "abcdef"]}}
    failure = CodeFailed("code_error", f"ValueError: {TOKEN}", details={"type": TOKEN}, report=report)
    for gives in ({"result": 1}, failure):
        played, sandbox = await work(
            code({"result": "number"}, inputs=inputs), gives=gives, env=env, inputs={"x": f"x{TOKEN}"}, report=report
        )
        assert sandbox.seen[0].inputs["token"] == TOKEN
        assert sandbox.seen[0].inputs["header"] == f"Bearer {TOKEN}"
        assert sandbox.seen[0].inputs["all"] == env["nested"]
        ended = event_of(played, "node_failed" if gives is failure else "node_succeeded")
        hidden = {"token": "•••", "header": "Bearer •••", "all": {"pins": ["•••", "•••"]}, "plain": "x•••"}
        assert ended.inputs == hidden
        assert ended.process["stdout"] == "got •••"
        kept = repr((ended, played.finished))
        assert not [text for text in ("3f9", "98765", "abcdef") if text in kept]


async def test_a_template_gets_its_inputs_and_gives_a_text():
    written = node("work", "template-transform", config={"template": "{{ a|upper }}", "inputs": {"a": "inputs.a"}})
    played, sandbox = await work(written, gives={"output": "X"}, inputs={"a": ["x"]}, report=REPORT)
    assert (sandbox.seen[0].code, sandbox.seen[0].inputs) == ("{{ a|upper }}", {"a": ["x"]})
    assert played.finished.outputs == {"shown": "X"}
    assert event_of(played, "node_succeeded").process["usage"]["peak_kb"] == 9_000


async def test_a_template_that_fails_says_so():
    written = node("work", "template-transform", config={"template": "{{"})
    failure = CodeFailed("code_error", "TemplateSyntaxError: line 1: unexpected end", details={"line": 1})
    played, _ = await work(written, gives=failure)
    assert (played.finished.error.code, played.finished.error.details) == ("code_error", {"line": 1})


async def test_passages_reach_code_as_objects():
    find = node("find", "knowledge-retrieval", config={"query": "inputs.q", "datasets": ["handbook"]})
    written = code({"result": "number"}, inputs={"found": "find.result"})
    played, sandbox = await work(
        written, gives={"result": 1}, before=[find], passages=[passage("Bees.", page=3)], inputs={"q": "bees"}
    )
    assert sandbox.seen[0].inputs["found"][0]["page"] == 3
    assert played.finished.status == "succeeded"


async def test_code_that_was_lost_is_tried_again_only_when_the_document_says_so():
    lost = CodeFailed("sandbox_lost", "The sandbox ended.", retryable=True)
    played, sandbox = await work(code({"result": "number"}), gives=[lost, {"result": 1}])
    assert (played.finished.error.code, len(sandbox.seen)) == ("sandbox_lost", 1)

    again = {**code({"result": "number"}), "on_error": {"retry": {"times": 2, "first": "10ms"}}}
    played, sandbox = await work(again, gives=[lost, lost, {"result": 1}])
    assert (played.finished.status, len(sandbox.seen)) == ("succeeded", 3)

    wrong = CodeFailed("code_error", "ValueError")
    played, sandbox = await work(again, gives=[wrong, {"result": 1}])
    assert (played.finished.error.code, len(sandbox.seen)) == ("code_error", 1)
