"""There and back again: nothing that either side reads is lost, whatever the document holds."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.workflows.dsl import load, validate
from apps.workflows.dsl.dify.patches import difference, patched
from apps.workflows.dsl.problems import errors_in
from tests.workflows.dsl.dify.documents import (
    canvas,
    chat_of,
    edge,
    exported,
    imported,
    lost,
    model,
    node,
    nodes_in,
)

ROOT = Path(__file__).resolve().parents[4]
NATIVE = [path.read_text() for path in sorted((ROOT / "platform/console/demo").glob("*.yaml"))] + [
    block
    for page in sorted((ROOT / "docs/nodes").glob("*.md"))
    for block in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
    if block.startswith("skep:")
]

SEEN = canvas(
    [
        node(
            "1",
            "start",
            "开始",
            variables=[
                {"variable": "words", "type": "paragraph", "label": "W", "required": True, "max_length": 100},
                {"variable": "pick", "type": "select", "options": ["a", "b"], "default": "a", "required": False},
            ],
        ),
        node(
            "2",
            "llm",
            "LLM",
            model=model(temperature=0.7),
            prompt_template=[
                {"role": "system", "text": "{{#context#}} {{#1.words#}}", "id": "p"},
                {"role": "user", "text": "{{#sys.query#}}"},
            ],
            context={"enabled": True, "variable_selector": ["conversation", "topic"]},
            memory={"window": {"enabled": True, "size": 5}},
            vision={"enabled": False},
            error_strategy="fail-branch",
            variables=[],
        ),
        node(
            "3",
            "if-else",
            "Which",
            cases=[
                {
                    "case_id": "true",
                    "logical_operator": "and",
                    "conditions": [
                        {
                            "id": "c",
                            "comparison_operator": "contains",
                            "value": "{{#1.words#}}",
                            "variable_selector": ["2", "text"],
                            "varType": "string",
                        }
                    ],
                },
                {"case_id": "7-7", "logical_operator": "or", "conditions": []},
            ],
        ),
        node(
            "4",
            "iteration",
            "每个",
            iterator_selector=["5", "list"],
            output_selector=["41", "output"],
            start_node_id="4start",
            is_parallel=False,
        ),
        node("4start", "iteration-start", parentId="4", outer_type="custom-iteration-start"),
        node(
            "41",
            "template-transform",
            "T",
            parentId="4",
            iteration_id="4",
            template="{{ x }}",
            variables=[{"variable": "x", "value_selector": ["4", "item"]}],
        ),
        node(
            "5",
            "code",
            "Cut",
            code="def main(t):\n    return {'list': t.split()}",
            code_language="python3",
            variables=[{"variable": "t", "value_selector": ["2", "text"]}],
            outputs={"list": {"type": "array[string]", "children": None}},
        ),
        node(
            "6",
            "assigner",
            "Set",
            version="2",
            items=[
                {
                    "variable_selector": ["conversation", "topic"],
                    "input_type": "variable",
                    "operation": "over-write",
                    "value": ["4", "output"],
                }
            ],
        ),
        node("7", "variable-aggregator", "Join", output_type="string", variables=[["4", "output"], ["2", "text"]]),
        node("8", "tool", "Paint", provider_id="x", provider_type="builtin", tool_name="y", tool_parameters={}),
        node("9", "answer", "Say", answer="{{#7.output#}}\n{{#2.error_message#}}"),
        {"id": "n", "type": "custom-note", "data": {"text": "Hello"}, "position": {"x": 0, "y": 0}},
    ],
    [
        edge("1", "2"),
        edge("2", "5"),
        edge("2", "9", "fail-branch"),
        edge("5", "3"),
        edge("3", "4", "true"),
        edge("3", "8", "7-7"),
        edge("3", "7", "false"),
        edge("4", "6"),
        edge("6", "7"),
        edge("7", "9"),
        edge("4start", "41"),
    ],
    conversation_variables=[{"id": "v", "name": "topic", "value": "", "value_type": "string", "description": ""}],
    features={"opening_statement": "Hi", "suggested_questions": ["a"], "retriever_resource": {"enabled": True}},
)

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 10**6)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
    | st.sampled_from(
        [
            "1",
            "2",
            "4",
            "4start",
            "true",
            "false",
            "source",
            "sys",
            "query",
            "{{#2.text#}}",
            "{{ a.b }}",
            "loop",
            "start",
            "x",
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "type", "data", "value", "variable", "name"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value, at=()):
    yield at
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*at, key))


PLACES = [place for place in places(SEEN) if place]


def mutated(document, place, action, value):
    holder = document
    for key in place[:-1]:
        try:
            holder = holder[key]
        except (KeyError, IndexError, TypeError):
            return
    key = place[-1]
    if not isinstance(holder, (dict, list)) or (
        isinstance(holder, list) and (not isinstance(key, int) or key >= len(holder))
    ):
        return
    if action == "replace":
        holder[key] = value
    elif action == "remove":
        holder.pop(key, None) if isinstance(holder, dict) else holder.pop(key)
    elif isinstance(holder, list):
        holder.append(copy.deepcopy(holder[key]))
    else:
        holder["extra"] = value


def as_json(value):
    return json.loads(json.dumps(value))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(st.sampled_from(PLACES), st.sampled_from(["replace", "remove", "more"]), plain),
        min_size=1,
        max_size=5,
    )
)
def test_no_document_makes_the_import_fail_and_what_it_gives_is_valid_and_stays(changes):
    raw = copy.deepcopy(SEEN)
    for place, action, value in changes:
        mutated(raw, place, action, copy.deepcopy(value))
    if not isinstance(raw.get("app"), dict):
        return
    before = copy.deepcopy(raw)
    result = imported(raw)
    assert raw == before
    assert all(problem.path == "" or problem.path.startswith("/") for problem in (*result.warnings, *result.errors))
    if result.errors:
        return
    assert errors_in(validate(result.document)) == []
    back = as_json(exported(result.document))
    assert imported(back).document == result.document
    assert lost_nodes(raw, back) == []


def nodes_by_id(raw):
    """The nodes that are nodes, by id: the later of two counts."""
    nodes = raw["workflow"]["graph"]["nodes"]
    return {
        one["id"]: one["data"]
        for one in nodes
        if isinstance(one, dict) and isinstance(one.get("data"), dict) and one.get("id")
    }


def lost_nodes(raw, back):
    try:
        before = nodes_by_id(raw)
    except (KeyError, TypeError):
        return []
    after = nodes_by_id(back)
    before = {name: data for name, data in before.items() if data.get("type") not in ("iteration-start", "loop-start")}
    return [
        fault for name, data in before.items() for fault in lost({str(name): data}, {str(name): after.get(str(name))})
    ]


def test_the_whole_of_a_document_comes_back():
    result = imported(SEEN)
    assert result.errors == []
    back = exported(result.document)
    ours = {one["id"]: one for one in back["workflow"]["graph"]["nodes"]}
    for one in SEEN["workflow"]["graph"]["nodes"]:
        assert list(lost(one["data"], ours[one["id"]]["data"])) == []
    assert "x-skep" not in json.dumps(back)


@pytest.mark.parametrize("text", NATIVE, ids=range(len(NATIVE)))
def test_documents_of_ours_come_back_from_dify_as_they_were(text):
    document = load(text)
    back = as_json(exported(document))
    assert "skep" not in back
    assert imported(back).document == document


def test_what_dify_cannot_say_is_carried_along():
    document = load(NATIVE[0])
    for one in document["nodes"]:
        one["timeout"] = "90s"
        one["x-note"] = {"of": "mine"}
    document["nodes"][-1]["join"] = "first"
    document["nodes"][1]["on_error"] = {
        "retry": {"times": 2, "backoff": "exponential", "on": ["rate_limited"], "longest": "9s"}
    }
    document["x-mine"] = [1]
    assert imported(as_json(exported(document))).document == document


def test_an_edit_on_either_side_is_not_undone_by_what_was_kept():
    document = imported(SEEN).document
    nodes_in(document)["llm"]["config"]["model"]["name"] = "another"
    nodes_in(document)["llm"]["config"]["prompt"][1]["text"] = "Changed {{ sys.query }}"
    nodes_in(document)["paint"].update(type="template-transform", config={"template": "now"})
    back = {one["id"]: one["data"] for one in exported(document)["workflow"]["graph"]["nodes"]}
    assert back["2"]["model"]["name"] == "another"
    assert back["2"]["model"]["provider"] == "openai"
    assert back["2"]["prompt_template"][1]["text"] == "Changed {{#sys.query#}}"
    assert (back["8"]["type"], back["8"]["template"]) == ("template-transform", "now")


@settings(max_examples=300, deadline=None)
@given(plain, plain)
def test_a_patch_leads_from_one_value_to_the_other(made, wanted):
    assert patched(made, difference(made, wanted, exactly=True)) == wanted
    reached = patched(made, difference(made, wanted))
    assert list(lost(wanted, reached)) == []


@settings(max_examples=300, deadline=None)
@given(plain, plain)
def test_a_damaged_patch_does_no_harm(made, patch):
    patched(made, patch)
    patched(made, {"rest": {"/a/b": 1, "": 2, "x": 3}, "instead": {"/0": patch, "": patch}, "without": patch})


def simple(mode, **settings_of_it):
    return {
        "version": "0.1.2",
        "kind": "app",
        "app": {"name": "Simple", "mode": mode, "icon": "🐝"},
        "model_config": {
            "model": {
                "provider": "openai",
                "name": "gpt-4o",
                "mode": "chat",
                "completion_params": {"temperature": 0.1},
            },
            "pre_prompt": "You are {{who}}. {{unknown}}",
            "user_input_form": [{"text-input": {"label": "Who", "variable": "who", "required": True, "default": ""}}],
            "opening_statement": "Hello",
            **settings_of_it,
        },
    }


def test_text_between_quotes_is_plain_text_in_dify():
    document = imported(chat_of(answer="x")).document
    said = '{{ "{{ sys.query }}" }} {{ sys.query }} {{ "{{#sys.query#}}" }}'
    nodes_in(document)["say"]["config"]["text"] = said
    assert validate(document) == []
    boxes = [one["data"] for one in exported(document)["workflow"]["graph"]["nodes"]]
    (answer,) = [one for one in boxes if one["type"] == "answer"]
    assert answer["answer"] == "{{ sys.query }} {{#sys.query#}} {\u2060{#sys.query#}}"
    again = nodes_in(imported(exported(document)).document)["say"]["config"]["text"]
    assert again == said


def test_simple_apps_become_small_graphs_and_come_back():
    chat = simple(
        "chat", dataset_configs={"top_k": 4, "datasets": {"datasets": [{"dataset": {"enabled": True, "id": "d1"}}]}}
    )
    result = imported(chat)
    assert result.errors == []
    assert [one["type"] for one in result.document["nodes"]] == ["start", "knowledge-retrieval", "llm", "answer"]
    prompt = nodes_in(result.document)["model"]["config"]["prompt"]
    assert prompt[0]["text"].startswith('You are {{ inputs.who }}. {{ "{{" }}unknown}}')
    assert prompt[1] == {"role": "user", "text": "{{ sys.query }}"}
    assert exported(result.document) == chat
    completion = simple("completion", prompt_type="simple")
    assert [one["type"] for one in imported(completion).document["nodes"]] == ["start", "llm", "end"]
    assert exported(imported(completion).document) == completion
    tools = [
        {
            "provider_id": "time",
            "provider_type": "builtin",
            "tool_name": "current_time",
            "tool_parameters": {},
            "enabled": True,
        }
    ]
    agent = simple("agent-chat", agent_mode={"enabled": True, "strategy": "react", "max_iteration": 3, "tools": tools})
    made = imported(agent).document
    assert nodes_in(made)["agent"]["config"]["tools"] == [{"tool": "builtin/time.now"}]
    assert exported(made) == agent


def test_a_simple_app_that_was_changed_goes_back_as_a_canvas():
    made = imported(simple("chat")).document
    nodes_in(made)["model"]["config"]["prompt"][0]["text"] = "Another"
    back = exported(made)
    assert back["app"]["mode"] == "advanced-chat"
    assert imported(as_json(back)).document == made


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["chat", "completion", "agent-chat"]),
    st.dictionaries(
        st.sampled_from(
            [
                "model",
                "pre_prompt",
                "user_input_form",
                "dataset_configs",
                "agent_mode",
                "prompt_type",
                "chat_prompt_config",
                "completion_prompt_config",
                "file_upload",
                "suggested_questions",
                "annotation_reply",
                "external_data_tools",
            ]
        ),
        plain,
    ),
)
def test_no_simple_app_makes_the_import_fail(mode, config):
    raw = simple(mode, **config)
    result = imported(raw)
    if not result.errors:
        assert exported(result.document) == raw


def test_chats_and_their_answers(tmp_path):
    raw = chat_of(answer="{{#sys.query#}}")
    assert as_json(exported(imported(raw).document))["workflow"]["graph"]["edges"][0]["sourceHandle"] == "source"
