"""Code and template nodes, run for real: what they give, how they fail, and that the next run works."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from pytest_django import Settings

from apps.workflows.adapters.code import SandboxedCode
from apps.workflows.dsl import compile_document, load, validate
from apps.workflows.engine.runner import RunValues, execute
from console import demo
from tests.sandbox.sidecar_process import Sidecar
from tests.workflows.dsl.test_docs import example
from tests.workflows.engine.ports_for_tests import ports
from tests.workflows.engine.runs import document, node, play


def code(source, *, outputs=None, **config):
    return node("work", "code", config={"code": source, "outputs": outputs or {"result": "string"}, **config})


async def work(written, *, inputs=None, **options):
    """Run one node between start and end; the run and the event the node ended with."""
    shown = "result" if written["type"] == "code" else "output"
    end = node("end", "end", config={"outputs": {"shown": f"work.{shown}"}})
    played = await play(
        document([written, end], "start>work work>end", kind="workflow"),
        ports=ports(code=SandboxedCode(uuid.uuid4())),
        inputs=inputs,
        **options,
    )
    ended = next(
        event for event in played.events if event.kind in ("node_succeeded", "node_failed") and event.node_id == "work"
    )
    return played, ended


DOCUMENTED = {
    "code": {"total": 20.48, "label": "20.48 EUR"},
    "template-transform": {"list": "\n1. Honey × 2\n2. Wax × 1"},
}


@pytest.mark.parametrize("node_type", sorted(DOCUMENTED))
async def test_the_documented_examples_run(sandbox: Sidecar, node_type: str) -> None:
    written = example(node_type)
    assert validate(written) == []
    finished = await execute(
        compile_document(written),
        run=RunValues(),
        ports=ports(code=SandboxedCode(uuid.uuid4())),
        emit=lambda _event: None,
    )
    assert (finished.status, finished.outputs) == ("succeeded", DOCUMENTED[node_type]), finished.error


async def invoice(**inputs):
    written = next(load(text) for text in demo.app_documents() if "type: code" in text)
    return await execute(
        compile_document(written),
        run=RunValues(inputs=inputs),
        ports=ports(code=SandboxedCode(uuid.uuid4())),
        emit=lambda _event: None,
    )


async def test_the_demo_app_works_out_an_invoice_and_names_the_line_it_cannot_read(sandbox: Sidecar) -> None:
    finished = await invoice(discount=5)
    assert finished.outputs["total"] == "223.04"
    assert finished.outputs["items"][2] == {"count": 1, "name": "Skep, woven", "price": "89.00", "sum": "89.00"}
    assert "| 12 | Honey jar | 7.90 | 94.80 |\n| 3 | Beeswax candle" in finished.outputs["invoice"]
    assert finished.outputs["invoice"].endswith("less 5 % 9.87 · tax 19 % 35.61 · **to pay 223.04**")
    assert "Invoice for a customer" in (await invoice(lines="", customer=" ")).outputs["invoice"]
    finished = await invoice(lines="1 x A @ 1\n\ntwo candles")
    assert (finished.error.node_id, finished.error.code) == ("sums", "code_error")
    assert "Line 2 is not like" in finished.error.message


async def test_python_gets_values_with_their_types_and_gives_them_back(sandbox: Sidecar) -> None:
    values = {"n": 3, "x": 1.5, "text": "é🐝\n", "none": None, "yes": True, "items": [{"a": [1]}], "class_": {}}
    source = """
        import asyncio, sys

        async def main(**values):
            await asyncio.sleep(0)
            print("took", len(values))
            print("careful", file=sys.stderr)
            return {"all": values, "same": values["yes"] is True and values["none"] is None}
    """
    written = code(
        source.replace("\n        ", "\n"),
        inputs={name: f"inputs.{name}" for name in values},
        outputs={"all": "object", "same": "boolean"},
    )
    played, ended = await work(written, inputs=values)
    outputs = played.state.nodes["work"].outputs
    assert outputs == {"all": values, "same": True}
    assert (ended.process["stdout"], ended.process["stderr"]) == (f"took {len(values)}\n", "careful\n")
    assert ended.process["usage"]["wall_ms"] > 0


async def test_javascript_takes_one_object_and_says_its_lines(sandbox: Sidecar) -> None:
    source = (
        "async function main({n, items}) {\n  console.log('js');\n  return {result: n + items.length, half: n / 2};\n}"
    )
    inputs = {"n": "inputs.n", "items": "inputs.items"}
    written = code(source, language="javascript", inputs=inputs, outputs={"result": "integer", "half": "number"})
    played, ended = await work(written, inputs={"n": 3, "items": [1, 2]})
    assert played.state.nodes["work"].outputs == {"result": 5, "half": 1.5}
    assert ended.process["stdout"] == "js\n"
    broken = code("function main() {\n\n  return missing.x;\n}", language="javascript")
    played, ended = await work(broken)
    assert ended.error.code == "code_error"
    assert ended.error.message.startswith("ReferenceError: missing is not defined")
    assert ended.error.details["line"] == 3
    assert "main.js:3" in ended.process["traceback"]


HELPER = "def main(a):\n    return helper(a)\n\ndef helper(a):\n    return {'result': 1 / a}\n"


async def test_an_exception_is_told_with_the_lines_of_the_author(sandbox: Sidecar) -> None:
    _, ended = await work(code(HELPER, inputs={"a": "inputs.a"}), inputs={"a": 0})
    assert ended.error.message == "ZeroDivisionError: division by zero (line 5)"
    assert ended.error.details == {"type": "ZeroDivisionError", "line": 5}
    trace = ended.process["traceback"]
    assert 'File "main.py", line 2, in main' in trace
    assert 'File "main.py", line 5, in helper' in trace
    assert trace.count("File ") == 2


FAILURES = {
    "a syntax error": ("def main(:\n", {}, "code_error", "line 1"),
    "a package of another profile": ("import numpy\ndef main(): ...", {}, "code_error", "profile: data"),
    "a package that nobody has": ("import left_pad\ndef main(): ...", {}, "code_error", "standard library only"),
    "no main": ("x = 1", {}, "code_error", "MissingMain"),
    "no object": ("def main(): return 3", {}, "code_result", ""),
    "not json": ("def main(): return {'result': float('nan')}", {}, "code_result", "result"),
    "an end of its own": ("import os\ndef main(): os._exit(0)", {}, "code_result", ""),
    "an endless loop": ("def main():\n    while True: pass", {"wall_s": 0.4}, "code_timeout", "limits.wall_s"),
    "a long sleep": ("import time\ndef main(): time.sleep(60)", {"wall_s": 0.4}, "code_timeout", ""),
    "too much memory": ("def main(): return {'result': len('x' * 10**10)}", {}, "code_memory", ""),
    "a flood": ("def main():\n    while True: print('x' * 10_000)", {}, "code_output_limit", ""),
    "a large result": ("def main(): return {'result': 'x' * 3_000_000}", {}, "code_output_limit", ""),
    "more than allowed": ("def main(): ...", {"wall_s": 3_600}, "sandbox_rejected", "limits.wall_s"),
}
BLOCKED = "import ctypes\ndef main():\n    ctypes.CDLL(None).ptrace(0, 0, 0, 0)\n    return {'result': 1}"


@pytest.mark.parametrize("name", FAILURES)
async def test_code_that_cannot_end_well_says_how_it_ended_and_harms_nobody(sandbox: Sidecar, name: str) -> None:
    source, limits, wanted, words = FAILURES[name]
    played, ended = await work(code(source, limits=limits))
    assert (ended.error.code, played.finished.status) == (wanted, "failed"), ended.error
    assert words in ended.error.message
    played, _ = await work(code("def main(): return {'result': 'fine'}"))
    assert played.finished.outputs == {"shown": "fine"}


async def test_a_blocked_call_is_named(sandbox: Sidecar) -> None:
    _, ended = await work(code(BLOCKED))
    assert (ended.error.code, ended.error.details["system_call"]) == ("code_blocked", "ptrace")


async def test_a_profile_that_nobody_set_up_says_so(sandbox: Sidecar) -> None:
    _, ended = await work(code("def main(): return {'result': 1}", profile="nowhere"))
    assert ended.error.code == "sandbox_profile_unavailable"
    assert "base" in ended.error.message
    assert ended.process == {"language": "python3", "profile": "nowhere"}


async def test_numpy_is_there_in_the_profile_data(sandbox: Sidecar) -> None:
    source = "import numpy\ndef main(): return {'result': float(numpy.arange(5).sum())}"
    played, ended = await work(code(source, profile="data", outputs={"result": "number"}))
    if ended.kind == "node_failed" and ended.error.code == "sandbox_profile_unavailable":
        pytest.skip(ended.error.message)
    assert played.finished.outputs == {"shown": 10.0}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ a|upper }}{% for x in xs %} {{ loop.index }}{{ x.n }}{% endfor %}", "É🐝 11 22"),
        ("{{ missing }}.", "."),
        ("", ""),
        ("{{ xs|tojson }}", '[{"n": 1}, {"n": 2}]'),
    ],
)
async def test_templates_are_filled_in(sandbox: Sidecar, template: str, text: str) -> None:
    written = node(
        "work", "template-transform", config={"template": template, "inputs": {"a": "inputs.a", "xs": "inputs.xs"}}
    )
    played, _ = await work(written, inputs={"a": "é🐝", "xs": [{"n": 1}, {"n": 2}]})
    assert played.finished.outputs == {"shown": text}, played.finished.error


@pytest.mark.parametrize(
    ("template", "code", "words"),
    [
        ("a\n{% if %}", "code_error", "line 2"),
        ("a\n\n{{ 1 // 0 }}", "code_error", "line 3"),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "code_error", "unsafe"),
        ("{{ 'a' * 10 ** 10 }}", "code_memory", ""),
    ],
)
async def test_templates_that_fail_name_their_line(sandbox: Sidecar, template: str, code: str, words: str) -> None:
    played, ended = await work(node("work", "template-transform", config={"template": template}))
    assert (ended.error.code, played.finished.status) == (code, "failed"), ended.error
    assert words in ended.error.message
    played, _ = await work(node("work", "template-transform", config={"template": "fine"}))
    assert played.finished.outputs == {"shown": "fine"}


async def test_a_stopped_run_leaves_no_code_behind(sandbox: Sidecar) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.3, stop.set)
    began = asyncio.get_running_loop().time()
    _, ended = await work(code("def main():\n    while True: pass"), stop=stop)
    assert ended.error.code == "stopped"
    assert asyncio.get_running_loop().time() - began < 2
    for _ in range(100):
        if not any(profile["running"] for profile in sandbox.health()["profiles"].values()):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the code of the stopped run still runs")


async def test_a_node_that_takes_too_long_by_its_own_timeout_is_ended(sandbox: Sidecar) -> None:
    slow = {**code("import time\ndef main(): time.sleep(30)"), "timeout": "300ms"}
    _, ended = await work(slow)
    assert ended.error.code == "timeout"


async def test_many_nodes_side_by_side_all_get_their_own_values(sandbox: Sidecar) -> None:
    count = 30
    nodes = [
        node(
            f"n{place}",
            "code",
            config={
                "code": f"def main(n): return {{'result': n * {place}}}",
                "inputs": {"n": "inputs.n"},
                "outputs": {"result": "number"},
            },
        )
        for place in range(count)
    ]
    end = node("end", "end", config={"outputs": {f"n{place}": f"n{place}.result" for place in range(count)}})
    edges = " ".join(f"start>n{place} n{place}>end" for place in range(count))
    played = await play(
        document([*nodes, end], edges, kind="workflow"),
        ports=ports(code=SandboxedCode(uuid.uuid4())),
        inputs={"n": 7},
    )
    assert played.finished.outputs == {f"n{place}": 7 * place for place in range(count)}


async def test_without_a_sandbox_a_code_node_says_how_to_get_one(settings: Settings) -> None:
    settings.SANDBOX_URL = ""
    _, ended = await work(code("def main(): return {'result': 1}"))
    assert ended.error.code == "sandbox_off"
    assert "SANDBOX_URL" in ended.error.message
