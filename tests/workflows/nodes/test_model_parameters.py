"""Parameters of a model that come from references: their type is kept, and what cannot be sent is told exactly."""

from __future__ import annotations

from typing import Any

import pytest

from apps.workflows.dsl import validate
from tests.workflows.engine.ports_for_tests import Reply, ScriptedModel, ports
from tests.workflows.engine.runs import answer, document, node, play

CONFIGS: dict[str, dict[str, Any]] = {
    "llm": {"prompt": [{"role": "user", "text": "Hello"}]},
    "question-classifier": {"query": "sys.query", "classes": [{"id": "a", "name": "A"}, {"id": "b", "name": "B"}]},
    "parameter-extractor": {"query": "sys.query", "parameters": [{"name": "x", "type": "string"}]},
    "agent": {"query": "sys.query"},
}


def written(kind: str = "llm", **parameters: Any) -> dict[str, Any]:
    ask = node("ask", kind, config={"model": {"name": "m", **parameters}, **CONFIGS[kind]})
    found = document(
        [ask, answer("say", "done")], "start>ask ask>say" if kind != "question-classifier" else "start>ask"
    )
    found["inputs"] = [{"name": "warmth", "type": "json"}]
    return found


async def asked(document: dict[str, Any], warmth: Any) -> tuple[Any, Any]:
    model = ScriptedModel(m=[Reply(["ok"])] * 3)
    played = await play(document, ports=ports(models=model), query="q", inputs={"warmth": warmth})
    return played, model.seen


@pytest.mark.parametrize("kind", CONFIGS)
async def test_a_reference_alone_keeps_its_type(kind):
    found = written(kind, temperature="{{ start.warmth }}", seed=7)
    assert [problem for problem in validate(found) if problem.severity == "error"] == []
    _, requests = await asked(found, 0.5)
    assert requests[0].parameters["temperature"] == 0.5
    assert requests[0].parameters["seed"] == 7


@pytest.mark.parametrize(
    ("name", "value", "expected", "got"),
    [
        ("temperature", "warm", "a number from 0 to 2", "text"),
        ("temperature", True, "a number from 0 to 2", "bool"),
        ("temperature", 3, "a number from 0 to 2", "3"),
        ("top_k", 1.5, "a whole number from 0 to 1000000", "number"),
        ("seed", None, "a whole number", "null"),
        ("stop", "END", "a list of texts of at most 16", "text"),
        ("stop", ["END", 1], "a list of texts of at most 16", "list"),
        ("response_format", "xml", "one of text, json_object", "another text"),
        ("reasoning_effort", "x" * 21, "a text of at most 20", "another text"),
        ("enable_thinking", "yes", "true or false", "text"),
    ],
)
async def test_what_cannot_be_sent_fails_the_node_and_is_told_exactly(name, value, expected, got):
    played, requests = await asked(written(**{name: "{{ start.warmth }}"}), value)
    assert requests == []
    error = played.finished.error
    assert (error.code, error.node_id) == ("wrong_type", "ask")
    assert error.details == {"field": f"model.{name}", "expected": expected, "got": got}
    assert error.message == f"model.{name} must be {expected}, but is {got}."


def test_references_in_parameters_are_checked_like_all_others():
    (unknown,) = validate(written(temperature="{{ nobody.warmth }}"))
    assert (unknown.path, unknown.code) == ("/nodes/1/config/model/temperature", "unknown_reference")
    (wrong,) = validate(written(top_p="much"))
    assert (wrong.path, wrong.code) == ("/nodes/1/config/model/top_p", "wrong_type")
