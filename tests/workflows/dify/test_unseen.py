"""Documents that the importer was not made for: they import, come back whole, and run to the end."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from apps.workflows.dsl import validate
from apps.workflows.dsl.problems import errors_in
from tests.model_runtime.openai_server import Completion, Raw
from tests.workflows.dify import unseen
from tests.workflows.dify.conftest import App, Place
from tests.workflows.dsl.dify.documents import codes, exported, imported, lost_on_the_way

Bring = Callable[..., App]
runs = pytest.mark.django_db(transaction=True, databases=["default", "traces"])

#: What an import must warn of, by document. The others need no warning.
TOLD = {
    "support_bot": {"secret_left_out"},
    "groups_and_lists": {"refers_to_nothing"},
    "tool_users": {"no_counterpart"},
}


@pytest.mark.parametrize("name", unseen.ALL)
def test_each_imports_and_what_is_not_taken_over_is_told(name: str) -> None:
    result = imported(unseen.ALL[name]())
    assert result.errors == []
    assert errors_in(validate(result.document)) == []
    if name != "knowledge":
        assert codes(result) == TOLD.get(name, set())


@pytest.mark.parametrize("name", [name for name in unseen.ALL if name != "simple_chat"])
def test_each_comes_back_with_everything_that_dify_reads_but_secrets(name: str) -> None:
    lost = [one for one in lost_on_the_way(unseen.ALL[name]()) if "t0ken" not in one]
    assert lost == []


@pytest.mark.parametrize("name", unseen.ALL)
def test_each_is_the_same_after_export_and_another_import(name: str) -> None:
    document = imported(unseen.ALL[name]()).document
    assert imported(json.loads(json.dumps(exported(document)))).document == document


@runs
def test_the_first_shape_of_a_branch_runs(bring: Bring) -> None:
    app = bring(unseen.oldest())
    assert app.run(word="beekeeper")["outputs"] == {"result": "yes beekeeper"}
    assert app.run(word="honey")["outputs"] == {"result": "no"}


@runs
def test_a_classifier_sends_orders_to_the_shop_and_the_rest_to_a_model(bring: Bring, place: Place) -> None:
    raw = unseen.support_bot()
    variables = raw["workflow"]["environment_variables"]
    variables[0]["value"], variables[1]["value_type"] = place.shop.base_url, "string"
    app = bring(raw)
    place.model.script(Completion('{"category_id": "class_1"}'))
    first = app.chat("我的订单 & 其他")
    assert first["answer"].startswith("200 {"), first
    (order,) = place.shop.orders
    assert order.headers["authorization"] == "Bearer t0ken"
    assert order.path.startswith("/orders?q=%E6%88%91")
    place.model.script(Completion('{"category_id": "class_2"}'), Completion("好啊。"))
    assert app.chat("聊聊天", conversation_id=first["conversation_id"])["answer"] == "好啊。"


@runs
def test_a_parallel_iteration_translates_in_order_and_drops_what_fails(bring: Bring, place: Place) -> None:
    app = bring(unseen.long_translation())
    place.model.default = Completion("übersetzt")
    assert app.run(text="a|b|c")["outputs"] == {"all": ["übersetzt"] * 3, "count": "3 parts"}
    assert sorted("(0)" in prompt for prompt in app.prompts()) == [False, False, True]


@runs
def test_a_loop_with_variables_ends_by_its_condition(bring: Bring) -> None:
    assert bring(unseen.counting_loop()).run(step=4)["outputs"] == {"total": 12, "rounds": 3}


@runs
def test_failures_go_where_the_document_says(bring: Bring) -> None:
    app = bring(unseen.careful())
    broken = app.run(n=0)
    assert broken["status"] == "partial-succeeded", broken
    assert broken["outputs"]["instead"] == 7
    assert "division by zero" in broken["outputs"]["said"]
    assert app.run(n=5)["outputs"] == {"said": 2, "instead": 2}


@runs
def test_lists_are_filtered_and_groups_joined_and_what_is_not_there_is_null(bring: Bring) -> None:
    outputs = bring(unseen.groups_and_lists()).run(mode="up")["outputs"]
    assert outputs == {"n": [5, 3], "s": ["b", "a", "bee"], "first": 5, "no": None, "mode": "up"}


@runs
def test_a_conversation_remembers(bring: Bring) -> None:
    app = bring(unseen.remembering_bot())
    first = app.chat("一")
    turn = {"conversation_id": first["conversation_id"]}
    assert first["answer"] == app.chat("停 二", **turn)["answer"] == "记下了。"
    assert app.chat("停", **turn)["answer"] == "记下了。"
    said = app.chat("三", **turn)["answer"]
    assert "上次是 停。再见。" in said
    assert "停 二" in said


@runs
def test_parameters_are_extracted_and_structure_is_kept(bring: Bring, place: Place) -> None:
    app = bring(unseen.extracting())
    place.model.script(Completion('```json\n{"city": "北京", "days": "3"}\n```'), Completion('{"ok": true}'))
    outputs = app.run(text="去北京玩三天")["outputs"]
    assert (outputs["city"], outputs["days"], outputs["ok"]) == ("北京", 3, True)
    assert "北京 3" in app.prompts()[1]


@runs
def test_a_missing_tool_does_no_harm_where_it_is_not_reached(bring: Bring) -> None:
    app = bring(unseen.tool_users())
    assert app.run(which="sum")["outputs"] == {"sum": "14"}
    failed = app.run(which="bee")
    assert (failed["code"], "dream" in failed["message"]) == ("node_unavailable", True)


@runs
def test_an_agent_calls_its_tool_and_a_jinja_prompt_is_rendered(bring: Bring, place: Place) -> None:
    app = bring(unseen.agent_app())
    place.model.script(_calls("current_time"), Completion("noon"), Completion("short"))
    reply = app.chat("What time is it?")
    assert reply["answer"] == "noon / short", reply
    assert "Sum up: NOON" in app.prompts()[2]


def _calls(name: str) -> Raw:
    """A reply that calls the first tool that was offered whose name ends so."""
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": name, "arguments": "{}"}}
    parts = [
        {"choices": [{"index": 0, "delta": {"role": "assistant", "tool_calls": [call]}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
    ]
    return Raw("".join(f"data: {json.dumps(part)}\n\n" for part in parts).encode() + b"data: [DONE]\n\n")


@runs
def test_an_assistant_without_a_canvas_answers(bring: Bring, place: Place) -> None:
    app = bring(unseen.simple_chat())
    place.model.script(Completion("你好！"))
    assert app.chat("hi", name="蜜蜂")["answer"] == "你好！"
    assert "你是 蜜蜂 的助手。" in app.prompts()[0]


@runs
def test_an_answer_comes_from_a_dataset_with_a_memory_without_a_window(bring: Bring, place: Place) -> None:
    raw = unseen.knowledge()
    graph = raw["workflow"]["graph"]  # a document that nobody gave cannot be read
    graph["nodes"] = [one for one in graph["nodes"] if one["id"] != "3"]
    graph["edges"] = [one for one in graph["edges"] if "3" not in (one["source"], one["target"])]
    app = bring(raw)
    place.model.script(Completion("好。"))
    reply: dict[str, Any] = app.chat("多少？")
    assert reply.get("answer") == "好。", str(reply)


@runs
def test_a_document_that_waits_for_a_person_pauses(bring: Bring) -> None:
    data = bring(unseen.approval()).run(what="买蜂箱")
    assert (data["status"], data["paused_nodes"]) == ("paused", ["human_input_1"]), data
    raw = unseen.approval()
    raw["app"]["mode"] = "advanced-chat"
    reply = bring(raw).chat("?", what="买蜂箱")
    assert (reply["event"], reply["answer"], reply["data"]["status"]) == ("workflow_paused", "", "paused"), reply
