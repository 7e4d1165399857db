"""Documents with faults import with warnings where Dify would run them, and are refused with all errors where not."""

from __future__ import annotations

import time

import pytest

from apps.workflows.dsl import UnreadableDocument, dump, load, read, validate
from apps.workflows.dsl.problems import errors_in
from apps.workflows.engine.variables import Template
from tests.workflows.dsl.dify.documents import (
    canvas,
    chat_of,
    codes,
    edge,
    exported,
    imported,
    lost_on_the_way,
    model,
    node,
    nodes_in,
)


def refusals(text):
    with pytest.raises(UnreadableDocument) as caught:
        read(text)
    return [(problem.path, problem.code) for problem in caught.value.problems]


def test_notes_dangling_edges_and_missing_handles_do_no_harm():
    raw = chat_of(node("2", "template-transform", "T", template="x", variables=[]))
    note = {"id": "n", "type": "custom-note", "data": {"type": "", "text": "{}", "theme": "blue"}, "position": {"x": 1}}
    raw["workflow"]["graph"]["nodes"].append(note)
    raw["workflow"]["graph"]["edges"] += [edge("2", "404"), edge("405", "9")]
    for one in raw["workflow"]["graph"]["edges"][:2]:
        one.pop("sourceHandle")
    result = imported(raw)
    assert result.errors == []
    assert [one.path for one in result.warnings] == ["/workflow/graph/edges/2", "/workflow/graph/edges/3"]
    assert codes(result) == {"dangling_edge"}
    assert len(result.document["edges"]) == 2
    assert lost_on_the_way(raw) == []


def test_selectors_to_nothing_are_empty_and_insertions_stay_as_text():
    raw = chat_of(
        node(
            "2",
            "template-transform",
            "T",
            template="{{ a }}",
            variables=[{"variable": "a", "value_selector": ["404", "x"]}],
        ),
        node("3", "template-transform", "U", template="{{ a }}", variables=[{"variable": "a", "value_selector": []}]),
        answer="{{#404.text#}} {{#conversation.no#}} {{# sys.query #}} {{#2.output#}} {{#sys.dialogue_count_of_bees#}}",
    )
    result = imported(raw)
    found = nodes_in(result.document)
    assert result.errors == []
    texts = [one["config"].get("inputs") for one in found.values() if one["type"] == "template-transform"]
    assert texts == [{"a": "env.missing"}, {"a": "env.missing"}]
    assert found["say"]["config"]["text"].startswith("{{#404.text#}} {{#conversation.no#}} {{# sys.query #}} {{ ")
    assert codes(result) == {"refers_to_nothing"}
    assert result.document["variables"]["environment"][0]["name"] == "missing"
    assert exported(result.document)["workflow"]["environment_variables"] == []
    assert lost_on_the_way(raw) == []


def test_a_value_that_does_not_come_before_is_empty():
    raw = chat_of(
        node("2", "answer", "First", answer="{{#3.output#}} and {{#sys.query#}}"),
        node("3", "template-transform", "Later", template="x", variables=[]),
    )
    result = imported(raw)
    assert result.errors == []
    assert nodes_in(result.document)["first"]["config"]["text"] == "{{ env.missing }} and {{ sys.query }}"
    assert ("/workflow/graph/nodes/1/data", "not_upstream") in [(one.path, one.code) for one in result.warnings]
    assert lost_on_the_way(raw) == []


def test_braces_that_insert_nothing_there_insert_nothing_here():
    raw = chat_of(answer="Write {{ name }} and {{sys.query}} and {{ 'x' | upper }}.")
    result = imported(raw)
    text = nodes_in(result.document)["say"]["config"]["text"]
    assert text == """Write {{ "{{" }} name }} and {{ "{{" }}sys.query}} and {{ 'x' | upper }}."""
    assert Template.parse(text).segments[-1] == "sys.query}} and {{ 'x' | upper }}."
    assert "braces_kept" in codes(result)
    assert lost_on_the_way(raw) == []


def test_titles_make_ids_and_types_do_where_titles_cannot():
    titles = ["总结", "Index", "Index", "42", "", "LLM 2", "camelCase Title", "Über"]
    rows = [node(f"17{at}", "template-transform", title, template="", variables=[]) for at, title in enumerate(titles)]
    assert list(nodes_in(imported(chat_of(*rows)).document))[1:-1] == [
        "template_transform_1",
        "index_1",
        "index_2",
        "template_transform_2",
        "template_transform_3",
        "llm_2",
        "camel_case_title",
        "uber",
    ]


def test_names_that_cannot_be_names_get_others_and_come_back():
    raw = chat_of(
        variables=[
            {
                "variable": "名字",
                "type": "text-input",
                "label": "名字",
                "required": True,
                "options": [],
                "max_length": 48,
            }
        ],
        conversation_variables=[
            {"id": "c", "name": "话题", "value": [1], "value_type": "array[number]", "description": "d"}
        ],
        answer="Hello",
    )
    raw["workflow"]["graph"]["nodes"].insert(
        1,
        node(
            "2",
            "template-transform",
            "T",
            template="{{ a }}",
            variables=[
                {"variable": "a", "value_selector": ["1", "名字"]},
                {"variable": "b", "value_selector": ["conversation", "话题"]},
            ],
        ),
    )
    raw["workflow"]["graph"]["edges"] = [edge("1", "2"), edge("2", "9")]
    result = imported(raw)
    assert result.document["inputs"][0]["name"] == "input_1"
    assert result.document["variables"]["conversation"][0]["name"] == "variable_1"
    made = next(one for one in nodes_in(result.document).values() if one["type"] == "template-transform")
    assert made["config"]["inputs"] == {"a": "inputs.input_1", "b": "conversation.variable_1"}
    assert "renamed" in codes(result)
    assert lost_on_the_way(raw) == []


def test_what_nothing_reaches_inside_a_container_is_put_aside():
    raw = canvas(
        [
            node("1", "start", variables=[]),
            node(
                "2",
                "iteration",
                "Each",
                iterator_selector=["sys", "files"],
                output_selector=["4", "output"],
                start_node_id="2start",
            ),
            node("2start", "iteration-start", parentId="2", outer_type="custom-iteration-start"),
            node("3", "template-transform", "In", parentId="2", template="a", variables=[]),
            node("4", "template-transform", "Lost", parentId="2", template="b", variables=[]),
            node("5", "end", "Inner end", parentId="2", outputs=[]),
            node("6", "template-transform", "Orphan", parentId="77", template="c", variables=[]),
            node("9", "answer", "Say", answer="x"),
        ],
        [edge("1", "2"), edge("2", "9"), edge("2start", "3"), edge("3", "5"), edge("3", "9"), edge("1", "6")],
    )
    result = imported(raw)
    assert result.errors == []
    found = nodes_in(result.document)
    assert "lost" not in found
    assert [one["id"] for one in found["each"]["config"]["body"]["nodes"]] == ["in", "inner_end"]
    assert found["each"]["config"]["collect"] == "env.missing"
    assert {"unreachable", "crossing_edge", "no_container", "wrong_place"} <= codes(result)
    del raw["workflow"]["graph"]["nodes"][6]["parentId"]  # a container that is not there is nothing that Dify reads
    assert lost_on_the_way(raw) == []


def test_unknown_types_and_empty_containers_stand_there_and_say_why():
    raw = chat_of(
        node("2", "hologram", "Show", beam=1),
        node("3", "loop", "Empty", loop_count=3, break_conditions=[], loop_variables=[], start_node_id="3start"),
        node("4", "code", "No code", code="", code_language="python3", outputs={}, variables=[]),
        node(
            "5",
            "code",
            "名",
            code="def main(): ...",
            code_language="ruby",
            outputs={"a": {"type": "string"}},
            variables=[],
        ),
    )
    result = imported(raw)
    assert result.errors == []
    reasons = {one["id"]: one["config"]["reason"] for one in result.document["nodes"] if one["type"] == "unavailable"}
    assert len(reasons) == 4
    assert "hologram" in reasons["show"]
    assert lost_on_the_way(raw) == []


def test_workflows_do_without_an_end_and_chats_without_an_answer():
    for mode, kind in (("workflow", "end"), ("advanced-chat", "answer")):
        raw = canvas(
            [node("1", "start", variables=[]), node("2", "template-transform", "T", template="", variables=[])],
            [edge("1", "2")],
            mode=mode,
        )
        result = imported(raw)
        assert result.errors == []
        assert "added" in codes(result)
        assert result.document["nodes"][-1]["type"] == kind
        assert [one["id"] for one in exported(result.document)["workflow"]["graph"]["nodes"]] == ["1", "2"]


def test_answers_of_workflows_and_ends_of_chats_run_and_say_nothing():
    raw = chat_of(node("2", "end", "End", outputs=[{"variable": "a", "value_selector": ["sys", "query"]}]))
    result = imported(raw)
    assert (result.errors, nodes_in(result.document)["end"]["type"]) == ([], "variable-aggregator")
    assert lost_on_the_way(raw) == []


@pytest.mark.parametrize("version", [0.1, 0.6, 1, "0.1.0", "0.7.0", "", None, [], "nonsense"])
def test_versions_are_no_reason_to_refuse(version):
    raw = {**chat_of(), "version": version}
    result = imported(raw)
    assert result.errors == []
    assert ("bad_version" in codes(result)) == (version in (0.1, 0.6, 1, "0.7.0"))
    assert exported(result.document)["version"] == version


def test_settings_out_of_bounds_are_brought_within_them_and_come_back():
    raw = chat_of(
        node(
            "2",
            "llm",
            "L" * 300,
            model=model(temperature=9, top_p="0.5", stop=["a"] * 30, seed="x"),
            prompt_template=[{"role": "wizard", "text": "t"}],
            memory={"window": {"enabled": True, "size": 9999}},
            retry_config={"retry_enabled": True, "max_retries": 99, "retry_interval": 0},
        ),
        node(
            "3",
            "knowledge-retrieval",
            "K",
            query_variable_selector=["sys", "query"],
            dataset_ids=[],
            multiple_retrieval_config={"top_k": 500, "score_threshold": 7},
        ),
        variables=[
            {"variable": "n", "type": "number", "default": "5", "label": "L" * 300, "max_length": 0},
            {"variable": "s", "type": "select", "options": [], "label": "S"},
            {"variable": "t", "type": "select", "options": ["a"], "default": "b", "label": "T"},
        ],
    )
    result = imported(raw)
    assert result.errors == []
    found = next(one for one in nodes_in(result.document).values() if one["type"] == "llm")
    assert found["config"]["model"]["temperature"] == 2
    assert found["on_error"]["retry"]["times"] == 10
    assert result.document["inputs"][0]["default"] == 5
    assert lost_on_the_way(raw) == []


def test_circles_and_other_modes_are_refused_with_places():
    raw = chat_of(node("2", "template-transform", "T", template="", variables=[]))
    raw["workflow"]["graph"]["edges"].append(edge("2", "2"))
    assert [one.code for one in imported(raw).errors] == ["cycle"]
    assert [one.path for one in imported({**chat_of(), "app": {"mode": "channel"}}).errors] == ["/app/mode"]
    assert [one.code for one in imported({**chat_of(), "kind": "rag_pipeline"}).errors] == ["unsupported_format"]
    assert [one.code for one in imported(canvas([], [])).errors] != []


def test_what_cannot_be_stored_is_replaced_and_what_is_too_deep_refused():
    raw = chat_of(node("2", "template-transform", "T", template="a\x00b", variables=[], **{"k\x00": "\ud800"}))
    raw["workflow"]["huge"] = [10**400, float("inf")]
    result = imported(raw)
    assert result.errors == []
    assert codes(result) == {"bad_character"}
    assert nodes_in(result.document)["template_transform_1"]["config"]["template"] == "a\ufffdb"
    deep: list = []
    for _ in range(60):
        deep = [deep]
    assert [one.code for one in imported({**chat_of(), "deep": deep}).errors] == ["too_deep"]


def test_a_bomb_and_a_huge_document_are_refused_at_once():
    began = time.perf_counter()
    bomb = "kind: app\napp: {mode: workflow}\na0: &a0 [1,1,1,1,1,1,1,1,1,1]\n"
    bomb += "".join(f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 10)}]\n" for at in range(1, 10)) + "workflow: *a9\n"
    assert refusals(bomb)[0][1] == "too_large"
    assert refusals("kind: app\napp: {mode: workflow}\nworkflow:\n  a: '" + "x" * 10_000_000 + "'\n") == [
        ("", "too_large")
    ]
    assert refusals("skep: 1\nnote: workflow\na: '" + "x" * 1_100_000 + "'\n") == [("", "too_large")]
    assert time.perf_counter() - began < 5


def test_a_document_of_two_megabytes_imports():
    raw = chat_of(node("2", "template-transform", "T", template="y" * 150_000, variables=[]), padding="z" * 2_000_000)
    raw["workflow"]["unheard_of"] = raw["workflow"].pop("padding")
    found = read(dump(raw))
    assert found.translated
    assert errors_in(validate(found.document)) == []


def test_reading_takes_either_format():
    raw = chat_of(answer="{{#sys.query#}}")
    ours = read(dump(raw))
    assert ours.translated
    assert ours.document["skep"] == 1
    again = read(dump(ours.document))
    assert (again.translated, again.document) == (False, ours.document)
    assert load(dump(raw)) == ours.document
