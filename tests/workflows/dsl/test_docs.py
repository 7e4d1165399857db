"""The pages about nodes and errors: complete, and true."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from apps.workflows.dsl import compile_document, load, validate
from apps.workflows.dsl.validation import all_nodes
from apps.workflows.engine.events import NodeAnswered, RunStarted
from apps.workflows.engine.file_port import FileContent
from apps.workflows.engine.http_port import HttpResponse
from apps.workflows.engine.past import Past
from apps.workflows.engine.runner import Continuation, RunValues, execute
from apps.workflows.engine.tool_port import ToolResult
from apps.workflows.nodes.registry import REGISTRY
from tests.workflows.engine.ports_for_tests import (
    HeldFiles,
    HeldTools,
    Reply,
    ScriptedHttp,
    ScriptedModel,
    passage,
    ports,
    tool,
)

#: Their examples run in a real sandbox: see tests/workflows/sandbox.
SANDBOXED = {"code", "template-transform"}
ROOT = Path(__file__).resolve().parents[3]
#: What the model says in an example, where prose would not do.
REPLIES = {
    "question-classifier": ['{"class": "refund"}'],
    "parameter-extractor": ['{"city": "Rome", "days": "3", ', '"travel_class": "Second"}'],
}
#: Examples in which something fails that the document deals with.
FAILING = {"iteration", "unavailable"}
EXPECTED = {
    "start": {"answer": "Hello friend (plain)."},
    "llm": {"answer": "A fine reply."},
    "knowledge-retrieval": {"answer": "Handbook: Bees dance."},
    "if-else": {"answer": "A person will look at this."},
    "variable-aggregator": {"answer": "A fine reply."},
    "answer": {"answer": "You asked: A refund, please?\n\nI think: A fine reply."},
    "assigner": {"answer": 'Turn 1: ["A refund, please?"]'},
    "list-operator": {"cheapest": {"name": "Heather", "price": 5, "kind": "honey"}, "names": "Heather, Clover"},
    "question-classifier": {"answer": "About Money back, returned goods: within 14 days."},
    "parameter-extractor": {"answer": "3 days in Rome, second class."},
    "http-request": {"status": 200, "body": "sunny"},
    "tool": {"result": "42"},
    "agent": {"answer": "A fine reply."},
    "document-extractor": {"texts": ["Bees dance."]},
    "unavailable": {"answer": 'Without a map: The tool "maps" of the plugin "acme/maps" does not exist here.'},
    "iteration": {"labels": ["A fine reply.", "A fine reply."]},
    "human-input": {"decision": "approve", "note": "Well earned"},
    "loop": {"rest": 5, "steps": [20, 10, 5], "rounds": 3},
    "trigger-webhook": {"number": 7, "shop": "bees", "items": None},
    "trigger-schedule": {"due": "2026-03-02T07:30:00+01:00", "missed": 1},
    "loop-end": {"text": "A fine reply.", "rounds": 1},
    "end": {"summary": "A fine reply.", "tokens": 3, "title": "Summary of words"},
}


PAPER = {"kind": "file", "id": "p", "name": "bees.txt"}
#: What set the run off, as the services that watch for triggers put it.
FIRED = {
    "trigger-webhook": {"values": {"number": 7, "X_Shop": "bees"}, "request": {"method": "POST"}},
    "trigger-schedule": {"due_at": "2026-03-02T07:30:00+01:00", "timezone": "Europe/Berlin", "missed": 1},
}
TOOLS = ("builtin/calculator", "builtin/time.now", "dataset/search")


def found(**_given):
    return ToolResult(text="42")


def example(node_type):
    page = ROOT / "docs" / "nodes" / f"{node_type}.md"
    assert page.exists(), f"docs/nodes/{node_type}.md is missing"
    block = re.search(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
    assert block, f"docs/nodes/{node_type}.md has no example"
    return load(block[1])


def answered():
    """A run that somebody has replied to."""
    reply = NodeAnswered(at=0, node_id="ask", reply={"action": "approve", "note": "Well earned"})
    return Continuation(past=Past.of([RunStarted(at=0, inputs={}), reply]), reason="answer")


@pytest.mark.parametrize("node_type", sorted(set(REGISTRY) - SANDBOXED))
async def test_every_node_type_has_a_page_with_an_example_that_runs(node_type):
    document = example(node_type)
    assert [problem for problem in validate(document) if problem.code != "may_be_empty"] == []
    assert node_type in [node["type"] for _, node in all_nodes(document)]
    variables = document.get("variables", {}).get("conversation", [])
    finished = await execute(
        compile_document(document),
        goes_on=answered() if node_type == "human-input" else None,
        run=RunValues(
            inputs={"text": "words", "papers": [PAPER]},
            sys={"query": "A refund, please?", "trigger": FIRED.get(node_type)},
            conversation={variable["name"]: variable.get("default") for variable in variables},
        ),
        ports=ports(
            models=ScriptedModel(default=Reply(REPLIES.get(node_type, ["A fine ", "reply."]))),
            passages=[passage("Bees dance.")],
            http=ScriptedHttp([HttpResponse(status=200, url="", content=b"sunny")]),
            tools=HeldTools({name: made for each in TOOLS for name, made in tool(each, found).items()}),
            files=HeldFiles({"p": FileContent(name="bees.txt", mime_type="text/plain", content=b"Bees dance.")}),
        ),
        emit=lambda _event: None,
    )
    assert finished.status == ("partial-succeeded" if node_type in FAILING else "succeeded")
    assert finished.outputs == EXPECTED[node_type]


@pytest.mark.parametrize("node_type", sorted(REGISTRY))
def test_the_page_names_every_key_of_the_configuration(node_type):
    text = (ROOT / "docs" / "nodes" / f"{node_type}.md").read_text()
    for key in REGISTRY[node_type].schema["properties"]:
        assert key in text


def codes_in(folder):
    """Every string that is passed as a code, by name or as the first argument of something that takes one."""
    for path in (ROOT / "apps" / "workflows" / folder).glob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if not isinstance(call, ast.Call):
                continue
            name = getattr(call.func, "id", getattr(call.func, "attr", ""))
            values = [keyword.value for keyword in call.keywords if keyword.arg == "code"]
            if name in ("NodeFailure", "problem", "_problem"):
                values += call.args[:2]
            for value in values:
                if isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value.islower():
                    yield path.name, value.value


def test_every_code_is_explained_and_every_explained_code_exists():
    text = (ROOT / "docs" / "errors.md").read_text()
    ours = "\n".join(re.split(r"^## ", text, flags=re.MULTILINE)[1:3])
    explained = set(re.findall(r"^\| `([a-z_]+)`", ours, flags=re.MULTILINE))
    used = {code for folder in ("engine", "nodes", "dsl") for _, code in codes_in(folder)}
    assert len(used) > 25
    assert used <= explained, f"docs/errors.md does not explain {used - explained}"
    source = "".join(path.read_text() for path in (ROOT / "apps" / "workflows").glob("[edn]*/**/*.py"))
    assert not [code for code in explained if f'"{code}"' not in source]
