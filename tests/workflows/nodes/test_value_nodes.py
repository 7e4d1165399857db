"""Nodes that work on values alone: setting variables, working on lists, conditions about files, and stand-ins."""

from __future__ import annotations

import pytest

from apps.workflows.dsl import validate
from apps.workflows.engine.events import NodeSucceeded
from apps.workflows.engine.graph import compile_plan
from apps.workflows.engine.runner import RunValues, execute
from apps.workflows.engine.summary import RunSummary
from tests.workflows.engine.ports_for_tests import ports
from tests.workflows.engine.runs import TEST_REGISTRY, Played, answer, body, check_story, document, node, play


def file(name, kind, size=1):
    extension = name.rpartition(".")[2]
    return {"kind": "file", "id": name, "name": name, "type": kind, "extension": extension, "size": size}


FILES = [file("a.png", "image", 30), file("b.pdf", "document", 10), file("c.jpg", "image", 20)]


async def assign(*items, **variables):
    """Set variables and say what is then there; the run and the values written."""
    nodes = [node("set", "assigner", config={"items": list(items)}), answer("say", "{{ conversation.x }}")]
    plan = compile_plan(document(nodes, "start>set set>say"), registry=TEST_REGISTRY)
    events = []
    values = RunValues(conversation=variables, inputs={"two": 2, "list": ["c"], "none": None})
    finished = await execute(plan, run=values, ports=ports(), emit=events.append)
    played = Played(plan, events, finished)
    check_story(played)
    written = [event.writes for event in events if isinstance(event, NodeSucceeded) and event.node_id == "set"]
    return played, written[0] if written else None


def item(operation, variable="conversation.x", **more):
    return {"variable": variable, "operation": operation, **more}


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ("a", item("set", value="b"), "b"),
        ("a", item("set", value=None), None),
        ("a", item("set", **{"from": "inputs.two"}), 2),
        ("a", item("set", **{"from": "{{ conversation.x }}-{{ inputs.two }}"}), "a-2"),
        ("a", item("clear"), ""),
        (7, item("clear"), 0),
        (True, item("clear"), False),
        ([1], item("clear"), []),
        ({"a": 1}, item("clear"), {}),
        (["a"], item("append", value="b"), ["a", "b"]),
        (None, item("append", value="b"), ["b"]),
        (["a"], item("extend", **{"from": "inputs.list"}), ["a", "c"]),
        (["a", "b"], item("remove_first"), ["b"]),
        (["a", "b"], item("remove_last"), ["a"]),
        ([], item("remove_last"), []),
        (7, item("add", value=3), 10),
        (7, item("subtract", **{"from": "inputs.two"}), 5),
        (7, item("multiply", value=1.5), 10.5),
        (6, item("divide", value=3), 2),
        (7, item("divide", value=2), 3.5),
    ],
)
async def test_assigner_changes_a_variable(before, change, after):
    played, written = await assign(change, x=before)
    assert written == {"conversation.x": after}
    assert type(written["conversation.x"]) is type(after)
    assert played.finished.status == "succeeded"


@pytest.mark.parametrize(
    ("before", "change", "code"),
    [
        (7, item("divide", value=0), "division_by_zero"),
        ("seven", item("add", value=1), "wrong_type"),
        (True, item("add", value=1), "wrong_type"),
        ("text", item("append", value=1), "wrong_type"),
        ([], item("extend", value="abc"), "wrong_type"),
        (2**62, item("multiply", value=4), "number_too_big"),
        (1e308, item("multiply", value=10), "number_too_big"),
        ([], item("set", variable="loop.x", value=1), "missing_value"),
    ],
)
async def test_assigner_fails_without_having_changed_anything(before, change, code):
    played, written = await assign(item("set", variable="conversation.y", value=1), change, x=before, y=0)
    assert (played.finished.error.code, written) == (code, None)


async def test_assigner_passes_over_what_is_not_there():
    given = {"from": "inputs.none"}
    played, written = await assign(item("append", **given), item("set", **given), item("add", **given), x=["a"])
    assert written == {}
    assert played.finished.outputs["answer"] == '["a"]'


async def test_later_items_see_what_earlier_ones_wrote():
    steps = [item("append", value="b"), item("set", variable="conversation.y", **{"from": "conversation.x.1"})]
    before = ["a"]
    played, written = await assign(*steps, x=before, y="")
    assert written == {"conversation.x": ["a", "b"], "conversation.y": "b"}
    assert before == ["a"]
    assert played.finished.outputs["answer"] == '["a", "b"]'
    summary = RunSummary()
    for event in played.events:
        summary.add(event)
    assert summary.variables == {"x": ["a", "b"], "y": "b"}


async def test_assigner_sets_the_variables_of_the_loop_it_is_in():
    inner = node("inc", "assigner", config={"items": [item("add", variable="loop.n", value=2)]})
    config = {
        "rounds": 10,
        "variables": {"n": {"type": "number", "value": 0}},
        "until": [{"left": "loop.n", "op": ">=", "right": 5}],
        "body": body([inner]),
    }
    nodes = [node("count", "loop", config=config), answer("say", "{{ count.n }}")]
    played = await play(document(nodes, "start>count count>say"))
    assert played.finished.outputs["answer"] == "6"


def problems(*nodes, edges="start>n n>say"):
    written = document(
        [*nodes, answer("say", "x")], edges, variables={"conversation": [{"name": "x", "type": "string"}]}
    )
    return [(problem.path, problem.code) for problem in validate(written) if problem.severity == "error"]


def test_assigner_names_a_variable_that_exists_and_a_value_where_one_is_needed():
    def found(**change):
        return problems(node("n", "assigner", config={"items": [change]}))

    at = "/nodes/1/config/items/0"
    assert found(variable="conversation.x", operation="set", value="a") == []
    assert found(variable="conversation.z", operation="clear") == [(f"{at}/variable", "unknown_reference")]
    assert found(variable="loop.x", operation="clear") == [(f"{at}/variable", "unknown_reference")]
    assert found(variable="inputs.x", operation="clear") == [(f"{at}/variable", "bad_format")]
    assert found(variable="conversation.x", operation="set") == [(at, "required")]
    both = {"value": 1, "from": "sys.query"}
    assert found(variable="conversation.x", operation="set", **both) == [(at, "conflicting_keys")]


# Lists


async def listed(given, **config):
    nodes = [node("list", "list-operator", config={"list": "inputs.x", **config}), answer("say", "-")]
    played = await play(document(nodes, "start>list list>say"), inputs={"x": given, "n": 2, "word": "image"})
    error = played.finished.error
    return error.code if error else played.state.nodes["list"].outputs


LOW, HIGH = {"op": "<", "right": 2}, {"op": ">", "right": 8}


def names(outputs):
    return [each["name"] for each in outputs["result"]]


async def test_list_operator_filters_takes_orders_and_cuts_in_this_order():
    config = {
        "filter": {"conditions": [{"key": "type", "op": "is", "right": "{{ inputs.word }}"}]},
        "order": {"key": "size", "direction": "asc"},
    }
    outputs = await listed(FILES, **config)
    assert names(outputs) == ["c.jpg", "a.png"]
    assert (outputs["first"]["name"], outputs["last"]["name"]) == ("c.jpg", "a.png")
    assert names(await listed(FILES, **config, limit=1)) == ["c.jpg"]
    assert names(await listed(FILES, **config, extract={"position": 2})) == ["c.jpg"]


@pytest.mark.parametrize(
    ("given", "config", "expected"),
    [
        ([3, 1, 2], {"order": {"direction": "desc"}}, [3, 2, 1]),
        (["b", 10, None, "a", 9], {"order": {}}, [9, 10, "a", "b", None]),
        (["apple", "fig"], {"filter": {"conditions": [{"op": "contains", "right": "pp"}]}}, ["apple"]),
        ([1, 5, 9], {"filter": {"logical": "or", "conditions": [LOW, HIGH]}}, [1, 9]),
        ([1, 5], {"extract": {"position": "inputs.n"}}, [5]),
        ([1, 5], {"extract": {"position": "{{ inputs.n }}"}}, [5]),
        ([{"a": 2}, {}, {"a": 1}], {"order": {"key": "a", "direction": "desc"}}, [{"a": 2}, {"a": 1}, {}]),
        (None, {}, []),
        ([], {"limit": 3}, []),
    ],
)
async def test_list_operator_works_on_any_list(given, config, expected):
    assert (await listed(given, **config))["result"] == expected


@pytest.mark.parametrize(
    ("given", "config", "code"),
    [
        ("text", {}, "wrong_type"),
        ([1], {"extract": {"position": 2}}, "no_such_item"),
        ([], {"extract": {"position": 1}}, "no_such_item"),
        ([1], {"extract": {"position": "inputs.word"}}, "wrong_type"),
        ([1], {"extract": {"position": "{{ inputs.n }}.5"}}, "wrong_type"),
        ([{}], {"filter": {"conditions": [{"op": ">", "right": 1}]}}, "wrong_type"),
    ],
)
async def test_list_operator_says_what_it_cannot_do(given, config, code):
    assert await listed(given, **config) == code


# Conditions about files


@pytest.mark.parametrize(
    ("op", "logical", "conditions", "expected"),
    [
        ("contains", "and", [("type", "is", "document"), ("size", "<", 20)], "yes"),
        ("contains", "and", [("type", "is", "document"), ("size", ">", 20)], "else"),
        ("contains", "or", [("type", "is", "video"), ("name", "ends_with", ".jpg")], "yes"),
        ("not_contains", "and", [("type", "is", "audio")], "yes"),
        ("not_contains", "and", [("type", "in", ["image", "audio"])], "else"),
        ("all_of", "and", [("extension", "in", ["png", "pdf", "jpg"])], "yes"),
        ("all_of", "and", [("size", ">", 10)], "else"),
        ("contains", "and", [("mime_type", "exists", None)], "else"),
    ],
)
async def test_if_else_asks_about_the_files_of_a_list(op, logical, conditions, expected):
    where = {"logical": logical, "conditions": [{"key": k, "op": o, "right": r} for k, o, r in conditions]}
    cases = [{"id": "yes", "conditions": [{"left": "inputs.files", "op": op, "where": where}]}]
    nodes = [node("which", "if-else", config={"cases": cases}), answer("say", "-")]
    written = document(nodes, "start>which which>say:yes which>say:else", inputs=[{"name": "files", "type": "files"}])
    assert [problem for problem in validate(written) if problem.severity == "error"] == []
    played = await play(written, inputs={"files": FILES})
    assert played.state.nodes["which"].outputs["case"] == expected


def test_conditions_about_files_need_an_operator_about_lists():
    def found(op, **more):
        cases = [{"id": "yes", "conditions": [{"left": "conversation.x", "op": op, **more}]}]
        return problems(node("n", "if-else", config={"cases": cases}), edges="start>n n>say:yes n>say:else")

    where = {"conditions": [{"key": "type", "op": "is", "right": "image"}]}
    at = "/nodes/1/config/cases/0/conditions/0"
    assert found("contains", where=where) == []
    assert found("is", where=where) == [(f"{at}/op", "not_one_of")]
    assert found("is") == [(f"{at}/right", "required")]
    assert found("contains", where={"conditions": [{"key": "type", "op": "is"}]})[0][1] == "required"


async def test_unavailable_fails_only_where_it_is_reached():
    cases = [{"id": "old", "conditions": [{"left": "sys.query", "op": "is", "right": "old"}]}]
    nodes = [
        node("which", "if-else", config={"cases": cases}),
        node("gone", "unavailable", config={"reason": "The tool 'maps' does not exist here.", "x-dify": {"a": 1}}),
        answer("say", "Here."),
        answer("tell", "{{ gone.anything }}"),
    ]
    written = document(nodes, "start>which which>gone:old which>say:else gone>tell")
    assert [problem for problem in validate(written) if problem.severity == "error"] == []
    assert (await play(written, query="new")).finished.outputs["answer"] == "Here."
    error = (await play(written, query="old")).finished.error
    assert (error.code, error.message) == ("node_unavailable", "The tool 'maps' does not exist here.")
