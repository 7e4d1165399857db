"""The nodes that use a tool and that read documents."""

from __future__ import annotations

import json

import pytest

from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.events import NodeIntended
from apps.workflows.engine.file_port import FileContent
from apps.workflows.engine.tool_port import ToolResult
from tests.workflows.engine.ports_for_tests import HeldFiles, HeldTools, ports, tool
from tests.workflows.engine.runs import document, node, play


async def use(held, *, inputs=None, env=None, on_error=None, **parameters):
    work = node("work", "tool", config={"tool": "builtin/it", "parameters": parameters})
    if on_error:
        work["on_error"] = on_error
    end = node("end", "end", config={"outputs": {"text": "work.text", "json": "work.json", "files": "work.files"}})
    return await play(
        document([work, end], "start>work work>end", kind="workflow"),
        ports=ports(tools=held),
        inputs=inputs,
        env=env or {},
    )


async def test_a_tool_gets_values_with_their_types_and_gives_text_and_data():
    held = HeldTools(tool("builtin/it", lambda **given: ToolResult(text="done", json=given)))
    played = await use(held, n="inputs.n", text="about {{ inputs.n }}", fixed={"value": [1]}, inputs={"n": 3})
    given = {"n": 3, "text": "about 3", "fixed": [1]}
    assert played.finished.outputs == {"text": "done", "json": given, "files": []}
    assert held.seen == [("builtin/it", given, "")]


async def test_only_a_tool_that_acts_is_announced_and_its_key_stays_when_it_is_tried_again():
    tries = []

    def act():
        tries.append(1)
        if len(tries) == 1:
            raise NodeFailure("tool_failed", "busy", retryable=True)
        return ToolResult(text="")

    held = HeldTools(tool("builtin/it", act, acts=True))
    played = await use(held, on_error={"retry": {"times": 1, "first": 0.01}})
    assert sum(isinstance(event, NodeIntended) for event in played.events) == 1
    (first, second) = (key for _, _, key in held.seen)
    assert first == second != ""


async def test_secrets_that_a_tool_gets_are_not_kept():
    def fails(token):
        raise NodeFailure("tool_failed", f"401 for {token}")

    played = await use(HeldTools(tool("builtin/it", fails)), token="env.token", env={"token": "hunter2"})
    failed = next(event for event in played.events if event.kind == "node_failed")
    assert "hunter2" not in json.dumps([failed.inputs, failed.error.message])
    assert played.finished.error.code == "tool_failed"


async def test_a_tool_that_is_not_there_fails_the_node():
    assert (await use(HeldTools())).finished.error.code == "tool_not_found"


FILES = {name: FileContent(name=name, mime_type="text/plain", content=name.encode() * 2) for name in ("a", "b")}


def file(name):
    return {"kind": "file", "id": name, "name": name}


@pytest.mark.parametrize(
    ("given", "text", "code"),
    [
        (file("a"), "aa", None),
        ([file("b"), file("a")], ["bb", "aa"], None),
        ([], [], None),
        ([file("a"), file("gone")], None, "file_not_found"),
        ([file("a"), "text"], None, "wrong_type"),
        ("text", None, "wrong_type"),
        (None, None, "missing_value"),
    ],
)
async def test_documents_become_texts_one_for_one(given, text, code):
    read = node("read", "document-extractor", config={"files": "inputs.files"})
    end = node("end", "end", config={"outputs": {"text": "read.text"}})
    played = await play(
        document([read, end], "start>read read>end", kind="workflow"),
        ports=ports(files=HeldFiles(dict(FILES))),
        inputs={"files": given},
    )
    if code is None:
        assert played.finished.outputs == {"text": text}
    else:
        assert played.finished.error.code == code
