"""What the validator says of documents: right ones, wrong ones, and things that are no documents at all."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from apps.workflows.dsl import (
    check_inputs,
    compile_document,
    document_schema,
    errors_in,
    nodes_of,
    validate,
    validate_against_team,
)
from apps.workflows.dsl.problems import pointer
from tests.workflows.dsl.handbook import changed, handbook


def found(document):
    return [(problem.path, problem.code) for problem in validate(document)]


def node(name, kind="answer", **config):
    if kind == "answer":
        config.setdefault("text", "x")
    return {"id": name, "type": kind, "config": config}


def graph(nodes, edges, kind="chat"):
    return {
        "skep": 1,
        "app": {"name": "x", "kind": kind},
        "nodes": [{"id": "start", "type": "start"}, *nodes],
        "edges": [
            dict(zip(("from", "to", "when"), edge.replace(":", ">").split(">"), strict=False)) for edge in edges.split()
        ],
    }


def llm(name, text="Hi", **more):
    config = {"model": {"name": "m"}, "prompt": [{"role": "user", "text": text}]}
    return {"id": name, "type": "llm", "config": config, **more}


def which(name="which", *cases):
    made = [{"id": case, "conditions": [{"left": "sys.query", "op": "empty"}]} for case in cases or ("a",)]
    return {"id": name, "type": "if-else", "config": {"cases": made}}


def test_a_right_document_has_no_problems_and_compiles():
    assert validate(handbook()) == []
    assert len(compile_document(handbook()).nodes) == 5


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("/skep", ..., [("/skep", "required")]),
        ("/skep", 2, [("/skep", "not_one_of")]),
        ("/app/name", "", [("/app/name", "too_short")]),
        ("/app/kind", "agent", [("/app/kind", "not_one_of")]),
        ("/colour", "red", [("/colour", "unknown_key")]),
        ("/x-note", {"any": 1}, []),
        ("/nodes/1/config/x-dify", {"any": 1}, []),
        ("/nodes/1/config/top_k", 0, [("/nodes/1/config/top_k", "out_of_range")]),
        ("/nodes/1/config/top_k", 5.0, [("/nodes/1/config/top_k", "wrong_type")]),
        ("/nodes/1/config/top_k", "5", [("/nodes/1/config/top_k", "wrong_type")]),
        ("/nodes/1/config/method", "magic", [("/nodes/1/config/method", "not_one_of")]),
        ("/nodes/1/config/datasets", [], [("/nodes/1/config/datasets", "too_short")]),
        ("/nodes/1/config/query", ..., [("/nodes/1/config/query", "required")]),
        ("/nodes/1/config/query", "what is it?", [("/nodes/1/config/query", "bad_format")]),
        ("/nodes/2/config/tempreture", 1, [("/nodes/2/config/tempreture", "unknown_key")]),
        ("/nodes/2/config/model/temperature", 3, [("/nodes/2/config/model/temperature", "out_of_range")]),
        ("/nodes/2/config/prompt/0/role", "robot", [("/nodes/2/config/prompt/0/role", "not_one_of")]),
        ("/nodes/2/config/context", "find.passages", [("/nodes/2/config/context", "unknown_output")]),
        ("/nodes/2/timeout", "0s", [("/nodes/2/timeout", "bad_format")]),
        ("/nodes/2/timeout", "60s\n", [("/nodes/2/timeout", "bad_format")]),
        ("/nodes/2/timeout", 1.5, []),
        ("/nodes/2/on_error/retry/times", 99, [("/nodes/2/on_error/retry/times", "out_of_range")]),
        (
            "/nodes/3/id",
            "say it",
            [("/nodes/3/id", "bad_format"), ("/edges/2/to", "unknown_node"), ("/nodes/3", "unreachable")],
        ),
        ("/nodes/3/id", "find", [("/nodes/3/id", "duplicate_id"), ("/edges/2/to", "unknown_node")]),
        ("/nodes/4/type", "teapot", [("/nodes/4/type", "unknown_node_type")]),
        (
            "/nodes/4/type",
            "end",
            [
                ("/nodes/4/config/outputs", "required"),
                ("/nodes/4/config/text", "unknown_key"),
                ("/nodes/4/type", "wrong_for_kind"),
            ],
        ),
        ("/nodes/4/config/text", "{{ nope.text }}", [("/nodes/4/config/text", "unknown_reference")]),
        ("/nodes/4/config/text", "{{ inputs.nope }}", [("/nodes/4/config/text", "unknown_reference")]),
        ("/nodes/4/config/text", "{{ sys.nope }}", [("/nodes/4/config/text", "unknown_reference")]),
        ("/nodes/4/config/text", "{{ find }}", [("/nodes/4/config/text", "unknown_reference")]),
        ("/nodes/4/config/text", "{{ context }}", [("/nodes/4/config/text", "unknown_reference")]),
        ("/nodes/4/config/text", "{{ say.text }}", [("/nodes/4/config/text", "not_upstream")]),
        ("/nodes/4/config/text", "{{ find.result.0.text }} {{ conversation.topic }}", []),
        ("/nodes/4/config/text", "{{ env.crm_token }}", [("/nodes/4/config/text", "secret_shown")]),
        ("/nodes/4/config/text", '{{ "{{" }} not.there }} {{ "{{ not.there }}" }}', []),
        ("/nodes/4/config/text", "{{ answer_it.error.message }}", []),
        ("/nodes/4/config/text", "{{ answer_it.text }}", [("/nodes/4/config/text", "may_be_empty")]),
        ("/nodes/3/config/text", "{{ answer_it.error.code }}", [("/nodes/3/config/text", "may_be_empty")]),
        ("/nodes/4/config/text", "{{ sys.query | upper }}", [("/nodes/4/config/text", "no_insertion")]),
        (
            "/edges/0/from",
            "nope",
            [("/edges/0/from", "unknown_node"), *[(f"/nodes/{n}", "unreachable") for n in (1, 2, 3, 4)]],
        ),
        ("/edges/0/color", "red", [("/edges/0/color", "unknown_key")]),
        (
            "/edges/2/when",
            "maybe",
            [("/edges/2/when", "unknown_handle"), ("/nodes/3/config/text", "may_be_empty")],
        ),
        ("/edges/0/when", "error", [("/edges/0/when", "unknown_handle")]),
        ("/edges/-", {"from": "start", "to": "find"}, [("/edges/4", "duplicate_edge")]),
        ("/edges/-", {"from": "say", "to": "start"}, [("/edges/4/to", "edge_into_start"), ("/edges/0", "cycle")]),
        ("/nodes/-", {"id": "start2", "type": "start"}, [("/nodes/5", "duplicate_start")]),
        ("/nodes/-", {"id": "lonely", "type": "answer", "config": {"text": ""}}, [("/nodes/5", "unreachable")]),
        (
            "/nodes/-",
            {"id": "sys", "type": "start"},
            [("/nodes/5/id", "reserved_name"), ("/nodes/5", "duplicate_start")],
        ),
        ("/nodes/-", "not a node", [("/nodes/5", "wrong_type")]),
        ("/inputs/0/options", ..., [("/inputs/0/options", "required")]),
        ("/inputs/0/default", "rude", [("/inputs/0/default", "not_one_of")]),
        ("/inputs/-", {"name": "tone", "type": "text"}, [("/inputs/1/name", "duplicate_name")]),
        ("/inputs/-", {"name": "n", "type": "number", "default": "x"}, [("/inputs/1/default", "wrong_type")]),
        ("/nodes/2/on_error", {"then": "default"}, [("/nodes/2/on_error/outputs", "required")]),
        (
            "/nodes/1/on_error",
            {"then": "default", "outputs": {"hits": []}},
            [("/nodes/1/on_error/outputs/hits", "unknown_output")],
        ),
        ("/nodes/1/on_error", {"then": "branch"}, [("/nodes/1", "unconnected")]),
        ("/app/name", "nul\x00", [("/app/name", "bad_character")]),
        ("/app/name", float("nan"), [("/app/name", "not_json")]),
    ],
)
def test_a_wrong_document_is_told_where_and_what(path, value, expected):
    assert sorted(found(changed(path, value))) == sorted(expected)


def test_all_errors_come_at_once():
    document = changed("/nodes/1/config/top_k", 500)
    document["nodes"][2]["config"]["model"] = {}
    document["app"]["kind"] = "workflow"
    document["edges"].append({"from": "say"})
    codes = {problem.code for problem in validate(document)}
    assert codes >= {"out_of_range", "required", "missing_end", "wrong_for_kind"}


def test_other_faults_of_a_node_whose_id_is_taken_are_told_too():
    nodes = [
        llm("ask"),
        llm("ask", "{{ nowhere.text }} {{ 1 + 1 }}"),
        {"id": "ask", "type": "end", "config": {"outputs": {"x": "ask.text"}}},
        node("say", text="{{ ask.text }}"),
    ]
    assert found(graph(nodes, "start>ask ask>say")) == [
        ("/nodes/3/type", "wrong_for_kind"),
        ("/nodes/2/id", "duplicate_id"),
        ("/nodes/3/id", "duplicate_id"),
        ("/nodes/2/config/prompt/0/text", "unknown_reference"),
        ("/nodes/2/config/prompt/0/text", "no_insertion"),
    ]


def test_messages_help():
    (problem,) = validate(changed("/nodes/1/config/topk", 5))
    assert problem.message == "There is no key 'topk' here. Did you mean top_k?"
    (problem,) = validate(changed("/nodes/1/config/top_k", 51))
    assert problem.message == "Must be between 1 and 50."
    (problem,) = validate(changed("/nodes/4/config/text", "{{ inputs.ton }}"))
    assert problem.message == "inputs.ton does not exist. There is: tone."
    assert problem.as_json()["severity"] == "error"


def test_circles_are_found_one_by_one():
    nodes = [node(name) for name in ("a", "b", "c", "d", "e")]
    problems = validate(graph(nodes, "start>a a>b b>a b>c c>d d>d d>e"))
    assert [(p.path, p.code) for p in problems if p.code == "cycle"] == [("/edges/5", "cycle"), ("/edges/1", "cycle")]
    assert "a, b" in problems[1].message


def test_branches_must_be_named_and_connected():
    document = graph([which("which", "a", "b", "a"), node("x"), node("y")], "start>which which>x:a which>y")
    assert found(document) == [
        ("/nodes/1/config/cases/2/id", "duplicate_id"),
        ("/edges/2/when", "required"),
        ("/nodes/1", "unconnected"),
    ]


def test_values_of_the_other_branch_may_be_empty_but_not_for_an_aggregator():
    join = {"id": "join", "type": "variable-aggregator", "config": {"variables": ["a.text", "b.text"]}}
    nodes = [which(), llm("a"), llm("b"), join, node("say", text="{{ a.text }}{{ join.output }}")]
    document = graph(nodes, "start>which which>a:a which>b:else a>join b>join join>say")
    assert found(document) == [("/nodes/5/config/text", "may_be_empty")]


def test_values_of_parallel_ways_are_there_after_the_join():
    nodes = [
        which(),
        llm("p"),
        llm("a"),
        llm("b"),
        llm("join", "{{ a.text }}{{ b.text }}"),
        node("say", text="{{ b.text }}"),
    ]
    document = graph([*nodes, node("no")], "start>which which>p:a p>a p>b a>join b>join join>say which>no:else")
    assert found(document) == []
    # the same, but one of the ways has a branch on it
    nodes[2] = llm("a", on_error={"then": "branch"})
    assert ("/nodes/5/config/prompt/0/text", "may_be_empty") in found(
        graph([*nodes, node("no")], "start>which which>p:a p>a p>b a>join b>join join>say which>no:else")
    )


def test_a_join_that_waits_for_all_is_sure_of_all():
    nodes = [which(), llm("a"), llm("b"), {**node("say", text="{{ a.text }}"), "join": "all"}]
    assert found(graph(nodes, "start>which which>a:a start>b a>say b>say")) == []
    nodes[-1].pop("join")
    assert found(graph(nodes, "start>which which>a:a start>b a>say b>say")) == [
        ("/nodes/4/config/text", "may_be_empty")
    ]


def test_a_workflow_needs_an_end_and_has_no_question():
    end = {"id": "end", "type": "end", "config": {"outputs": {"x": "sys.query"}}}
    assert found(graph([end], "start>end", kind="workflow")) == [("/nodes/1/config/outputs/x", "may_be_empty")]
    assert found(graph([node("say")], "start>say", kind="workflow")) == [
        ("/nodes", "missing_end"),
        ("/nodes/1/type", "wrong_for_kind"),
    ]
    end["config"]["outputs"] = {"not a name": "inputs.x"}
    assert found(graph([end], "start>end", kind="workflow"))[0] == ("/nodes/1/config/outputs", "bad_format")


def test_what_the_team_lacks_is_a_warning_first_and_an_error_when_it_matters():
    problems = validate_against_team(handbook(), datasets=set(), models={"demo"})
    assert [(p.path, p.code, p.severity) for p in problems] == [
        ("/nodes/1/config/datasets/0", "unknown_dataset", "warning"),
        ("/nodes/2/config/model/name", "unknown_model", "warning"),
    ]
    assert validate_against_team(handbook(), datasets={"handbook"}, models=None) == []
    lent = [{"tool": "builtin/x"}, {"tool": "dify/y", "enabled": False}]
    using = {
        "nodes": [
            {"id": "t", "type": "tool", "config": {"tool": "openapi/a/b"}},
            {"id": "a", "type": "agent", "config": {"model": {"name": "m"}, "query": "sys.query", "tools": lent}},
        ]
    }
    found = validate_against_team(using, datasets=set(), models=None, tools={"builtin/y"})
    assert [(problem.path, problem.code) for problem in found] == [
        ("/nodes/0/config/tool", "unknown_tool"),
        ("/nodes/1/config/tools/0/tool", "unknown_tool"),
    ]
    assert len(errors_in(validate_against_team(handbook(), datasets=set(), models=None, severity="error"))) == 1


def test_inputs_are_checked_and_completed():
    document = handbook()
    document["inputs"] += [
        {"name": "who", "type": "text", "required": True, "max_length": 3, "label": "Your name"},
        {"name": "age", "type": "number", "required": False},
    ]
    assert check_inputs(document, {"who": "Ada", "other": 1}) == ({"tone": "plain", "who": "Ada", "age": None}, [])
    for values, code in [
        ({}, "required"),
        ({"who": ""}, "required"),
        ({"who": "Adam"}, "too_long"),
        ({"who": 3}, "wrong_type"),
        ({"who": "Ada", "age": True}, "wrong_type"),
        ({"who": "Ada", "tone": "rude"}, "not_one_of"),
    ]:
        assert [problem.code for problem in check_inputs(document, values)[1]] == [code]


def test_pages_get_the_nodes_with_titles():
    assert nodes_of(handbook())["find"] == {"type": "knowledge-retrieval", "title": "Find passages"}
    assert list(nodes_of(handbook())) == ["start", "find", "answer_it", "say", "sorry"]
    assert nodes_of(handbook())["say"]["title"] == "say"


def test_the_published_schema_is_a_schema_and_agrees_with_the_validator():
    schema = document_schema()
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert validator.is_valid(handbook())
    for path, value in [
        ("/nodes/1/config/top_k", 0),
        ("/nodes/1/config/query", ...),
        ("/nodes/2/config/zip", 1),
        ("/nodes/4/config", ...),
        ("/inputs/0/name", "no good"),
        ("/edges/0/to", 5),
    ]:
        assert not validator.is_valid(changed(path, value)), path
        assert errors_in(validate(changed(path, value))), path


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=20,
)
KEYS = st.sampled_from(
    """
    skep app inputs variables features nodes edges canvas id type config from to when on_error retry then outputs
    timeout join cases conditions left op right text prompt role model name kind query datasets groups context memory
    few_shot default options conversation environment
    """.split()  # noqa: SIM905 - a list of eight lines reads worse
)
WORDS = st.sampled_from(
    """
    start llm answer end if-else knowledge-retrieval variable-aggregator chat workflow a b a.text {{a.text}}
    {{sys.query}} error else branch default select number 1s system user empty is code
    """.split()  # noqa: SIM905
)
LIKELY = st.recursive(
    WORDS | st.none() | st.booleans() | st.integers(-2, 9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=40,
)
NODES = st.lists(
    st.fixed_dictionaries(
        {"id": WORDS | LIKELY, "type": WORDS | LIKELY},
        optional={
            "config": st.dictionaries(KEYS, LIKELY, max_size=5) | LIKELY,
            "on_error": LIKELY,
            "join": LIKELY,
            "timeout": LIKELY,
        },
    ),
    max_size=5,
)
EDGES = st.lists(st.fixed_dictionaries({"from": WORDS, "to": WORDS}, optional={"when": WORDS | LIKELY}), max_size=6)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(value=JSON | LIKELY)
def test_no_json_value_makes_the_validator_fail(value):
    assert validate(value)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(nodes=NODES | LIKELY, edges=EDGES | LIKELY, rest=st.dictionaries(KEYS, LIKELY, max_size=3))
def test_nothing_in_the_place_of_nodes_makes_the_validator_fail(nodes, edges, rest):
    document = {"skep": 1, "app": {"name": "x", "kind": "chat"}, **rest, "nodes": nodes, "edges": edges}
    problems = validate(document)
    json.dumps([problem.as_json() for problem in problems])
    if not errors_in(problems):
        compile_document(document)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_nothing_in_any_place_of_a_right_document_makes_the_validator_fail(data):
    document = handbook()
    places = list(walk(document))
    parent, key = data.draw(st.sampled_from(places))
    parent[key] = data.draw(JSON | LIKELY)
    problems = validate(document)
    if not errors_in(problems):
        compile_document(document)


def walk(value):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(items):
        yield value, key
        yield from walk(item)


def test_depth_and_numbers_without_end_are_refused_quietly():
    deep: object = "x"
    for _ in range(50_000):
        deep = [deep]
    assert [code for _, code in found({"app": deep})] == ["too_deep"]
    assert [code for _, code in found({"app": 10**5000})] == ["not_json"]
    assert found({1: 2}) == [("", "not_json")]


def test_ten_thousand_nodes_and_ten_megabytes_are_checked_quickly():
    count = 10_000
    nodes = [llm(f"n{i}", "x" * 900 + (f" {{{{ n{i - 1}.text }}}}" if i else "")) for i in range(count)]
    edges = " ".join(["start>n0", *(f"n{i}>n{i + 1}" for i in range(count - 1)), f"n{count - 1}>say"])
    document = graph([*nodes, node("say", text="{{ n5.text }}")], edges)
    began = time.process_time()  # others may be busy
    assert validate(document) == []
    right = time.process_time() - began
    for item in document["nodes"]:
        item["zip"] = item["config"] = []
    began = time.process_time()
    problems = validate(document)
    wrong = time.process_time() - began
    assert len(problems) == 1_001
    assert problems[-1].code == "too_many_problems"
    assert right < 10
    assert wrong < 10


def test_regular_expressions_of_a_schema_are_told_to_be_unused():
    node_ = llm("ask", "Hello")
    node_["config"]["structured"] = {"schema": {"type": "object", "properties": {"zip": {"type": "string"}}}}
    document = graph([node_, node("say", text="{{ ask.text }}")], "start>ask ask>say")
    assert validate(document) == []
    node_["config"]["structured"]["schema"]["properties"]["zip"]["pattern"] = "(a+)+$"
    (told,) = validate(document)
    assert (told.code, told.severity) == ("pattern_not_checked", "warning")
    assert told.path == "/nodes/1/config/structured/schema"


def test_paths_are_json_pointers():
    assert pointer("nodes", 2, "a/b~c") == "/nodes/2/a~1b~0c"
