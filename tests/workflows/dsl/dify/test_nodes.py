"""Every node type of Dify's becomes one of ours, in all the shapes it has had."""

from __future__ import annotations

import pytest

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
    only,
)

QUESTION = ["sys", "query"]


def condition(selector, operator, value="", **more):
    return {"id": "c", "variable_selector": selector, "comparison_operator": operator, "value": value, **more}


LLM = node(
    "2",
    "llm",
    "Réponse finale",
    model=model(temperature=0.3, thinking_budget=3, stop="END"),
    prompt_template=[
        {"role": "system", "text": "Know this: {{#context#}}", "id": "x", "edition_type": "basic"},
        {"role": "user", "text": "", "edition_type": "jinja2", "jinja2_text": "{% if q %}{{ q }}{% endif %}"},
    ],
    prompt_config={"jinja2_variables": [{"variable": "q", "value_selector": QUESTION}]},
    context={"enabled": True, "variable_selector": QUESTION},
    memory={"window": {"enabled": True, "size": 7}, "query_prompt_template": "Q: {{#sys.query#}}"},
    vision={"enabled": True, "configs": {"variable_selector": ["sys", "files"], "detail": "high"}},
    structured_output_enabled=True,
    structured_output={"schema": {"type": "object", "properties": {"a": {"type": "string"}}}},
    reasoning_format="separated",
    retry_config={"retry_enabled": True, "max_retries": 2, "retry_interval": 500},
    error_strategy="default-value",
    default_value=[{"key": "text", "type": "string", "value": "sorry"}],
    unknown_key={"kept": [1, None]},
)


def test_a_model_keeps_prompts_context_memory_images_and_policy():
    made = only(chat_of(LLM, answer="{{#2.text#}} {{#2.reasoning_content#}} {{#2.structured_output.a#}}"), "llm")
    assert made["id"] == "reponse_finale"
    assert made["config"] == {
        "model": {"name": "gpt-4o-mini", "temperature": 0.3, "stop": ["END"]},
        "context": "sys.query",
        "prompt": [
            {"role": "system", "text": "Know this: {{ context }}"},
            {"role": "user", "text": "{% if q %}{{ q }}{% endif %}", "jinja": True, "variables": {"q": "sys.query"}},
        ],
        "memory": {"window": 7, "query": "Q: {{ sys.query }}"},
        "vision": {"files": "sys.files", "detail": "high"},
        "structured": {"schema": {"type": "object", "properties": {"a": {"type": "string"}}}},
        "reasoning": "separated",
    }
    assert made["on_error"] == {
        "retry": {"times": 2, "backoff": "fixed", "first": "500ms"},
        "then": "default",
        "outputs": {"text": "sorry"},
    }
    assert made["x-dify"]["keys"]["rest"]["/unknown_key"] == {"kept": [1, None]}


def test_references_follow_what_outputs_are_called_here():
    document = imported(
        chat_of(LLM, answer="{{#2.reasoning_content#}} {{#2.structured_output.a#}} {{#2.error_message#}}")
    ).document
    said = nodes_in(document)["say"]["config"]["text"]
    assert said == "{{ reponse_finale.reasoning }} {{ reponse_finale.structured.a }} {{ reponse_finale.error.message }}"


def test_a_prompt_of_a_completing_model_is_one_message():
    raw = chat_of(
        node("2", "llm", "L", model={**model(), "mode": "completion"}, prompt_template={"text": "Say {{#sys.query#}}"})
    )
    assert only(raw, "llm")["config"]["prompt"] == [{"role": "user", "text": "Say {{ sys.query }}"}]
    assert lost_on_the_way(raw) == []


def test_a_memory_asks_the_question_after_the_conversation():
    raw = chat_of(node("2", "llm", "L", model=model(), prompt_template=[], memory={"window": {"enabled": False}}))
    made = only(raw, "llm")["config"]
    assert made["memory"] == {"window": 100, "query": "{{ sys.query }}"}


@pytest.mark.parametrize(
    ("data", "items"),
    [
        (
            {
                "assigned_variable_selector": ["conversation", "topic"],
                "write_mode": "append",
                "input_variable_selector": QUESTION,
            },
            [{"variable": "conversation.topic", "operation": "append", "from": "sys.query"}],
        ),
        (
            {"assigned_variable_selector": ["conversation", "topic"], "write_mode": "clear"},
            [{"variable": "conversation.topic", "operation": "clear"}],
        ),
        (
            {
                "version": "2",
                "items": [
                    {
                        "variable_selector": ["conversation", "topic"],
                        "input_type": "variable",
                        "operation": "over-write",
                        "value": QUESTION,
                    },
                    {
                        "variable_selector": ["conversation", "topic"],
                        "input_type": "constant",
                        "operation": "+=",
                        "value": 3,
                    },
                    {"variable_selector": ["conversation", "topic"], "operation": "remove-first", "value": ""},
                ],
            },
            [
                {"variable": "conversation.topic", "operation": "set", "from": "sys.query"},
                {"variable": "conversation.topic", "operation": "add", "value": 3},
                {"variable": "conversation.topic", "operation": "remove_first"},
            ],
        ),
    ],
)
def test_both_versions_of_assigners_become_items(data, items):
    topic = [{"id": "v", "name": "topic", "value": "", "value_type": "string", "description": ""}]
    raw = chat_of(node("2", "assigner", "Set", **data), conversation_variables=topic)
    assert only(raw, "assigner")["config"]["items"] == items
    assert lost_on_the_way(raw) == []


def test_the_legacy_single_case_goes_on_by_true_and_false():
    raw = canvas(
        [
            node("1", "start", variables=[]),
            node("2", "if-else", "Which", conditions=[condition(QUESTION, "≥", "3")], logical_operator="or"),
            node("3", "answer", "Yes", answer="y"),
            node("4", "answer", "No", answer="n"),
        ],
        [edge("1", "2"), edge("2", "3", "true"), edge("2", "4", "false")],
    )
    document = imported(raw).document
    assert nodes_in(document)["which"]["config"]["cases"] == [
        {"id": "true", "logical": "or", "conditions": [{"left": "sys.query", "op": ">=", "right": "3"}]}
    ]
    assert document["edges"][1:] == [
        {"from": "which", "to": "yes", "when": "true"},
        {"from": "which", "to": "no", "when": "else"},
    ]
    assert lost_on_the_way(raw) == []


def test_cases_and_classes_with_numbers_for_ids_get_names():
    raw = canvas(
        [
            node("1", "start", variables=[]),
            node(
                "2",
                "question-classifier",
                "Sort",
                model=model(),
                query_variable_selector=QUESTION,
                classes=[
                    {"id": "1711528802873", "name": "Honey"},
                    {"id": "2", "name": "{{#sys.query#}}", "label": "B"},
                ],
            ),
            node(
                "3",
                "if-else",
                "Which",
                cases=[
                    {"case_id": "0b5f-77", "logical_operator": "and", "conditions": []},
                    {
                        "case_id": "else",
                        "logical_operator": "or",
                        "conditions": [
                            condition(
                                ["sys", "files"],
                                "contains",
                                "",
                                sub_variable_condition={
                                    "logical_operator": "or",
                                    "conditions": [{"key": "type", "comparison_operator": "in", "value": ["image"]}],
                                },
                            )
                        ],
                    },
                ],
            ),
            node("4", "answer", "A", answer="a"),
            node("5", "answer", "B", answer="b"),
        ],
        [
            edge("1", "2"),
            edge("2", "3", "1711528802873"),
            edge("2", "5", "2"),
            edge("3", "4", "0b5f-77"),
            edge("3", "5", "else"),
        ],
    )
    result = imported(raw)
    assert result.errors == []
    found = nodes_in(result.document)
    assert [one["id"] for one in found["sort"]["config"]["classes"]] == ["class_1", "class_2"]
    assert [one["id"] for one in found["which"]["config"]["cases"]] == ["case_1", "case_2"]
    assert found["which"]["config"]["cases"][1]["conditions"] == [
        {
            "left": "sys.files",
            "op": "contains",
            "where": {"logical": "or", "conditions": [{"key": "type", "op": "in", "right": ["image"]}]},
        }
    ]
    assert {(one["from"], one.get("when")) for one in result.document["edges"]} == {
        ("start_1", None),
        ("sort", "class_1"),
        ("sort", "class_2"),
        ("which", "case_1"),
        ("which", "case_2"),
    }
    assert lost_on_the_way(raw) == []


def test_an_illegal_operator_is_read_as_what_it_means_and_an_unknown_one_fails_when_reached():
    def with_operator(operator):
        return chat_of(
            node(
                "2",
                "if-else",
                "Which",
                cases=[
                    {"case_id": "true", "logical_operator": "and", "conditions": [condition(QUESTION, operator, "x")]}
                ],
            )
        )

    for operator, ours in (("==", "="), ("is_not", "is_not"), ("startsWith", "starts_with"), (">=", ">=")):
        result = imported(with_operator(operator))
        assert nodes_in(result.document)["which"]["config"]["cases"][0]["conditions"][0]["op"] == ours
        assert "illegal_operator" in codes(result)
    result = imported(with_operator("resembles"))
    made = nodes_in(result.document)["which"]
    assert (made["type"], made["config"]) == ("unavailable", {"reason": "There is no operator 'resembles'."})
    assert "no_counterpart" in codes(result)
    assert lost_on_the_way(with_operator("resembles")) == []


def test_requests_keep_lines_bodies_and_authorization():
    raw = chat_of(
        node(
            "2",
            "http-request",
            "Ask",
            method="post",
            url="https://bees.example/{{#sys.query#}}",
            headers="Content-Type:application/json\nX-Time: 10:30",
            params="q:{{#sys.query#}}\nq:2",
            authorization={
                "type": "api-key",
                "config": {"type": "custom", "header": "X-Key", "api_key": "{{#env.key#}}"},
            },
            body={
                "type": "form-data",
                "data": [
                    {"id": "k", "key": "n", "type": "text", "value": "{{#sys.query#}}"},
                    {"key": "f", "type": "file", "file": ["sys", "files"]},
                ],
            },
            timeout={"connect": 5, "read": 0, "max_read_timeout": 600},
            ssl_verify=False,
            retry_config={"retry_enabled": True, "max_retries": 3, "retry_interval": 100},
        ),
        environment_variables=[{"id": "e", "name": "key", "value": "s3cret", "value_type": "secret"}],
    )
    result = imported(raw)
    assert nodes_in(result.document)["ask"]["config"] == {
        "method": "POST",
        "url": "https://bees.example/{{ sys.query }}",
        "headers": [{"name": "Content-Type", "value": "application/json"}, {"name": "X-Time", "value": "10:30"}],
        "params": [{"name": "q", "value": "{{ sys.query }}"}, {"name": "q", "value": "2"}],
        "auth": {"kind": "custom", "header": "X-Key", "secret": "{{ env.key }}"},
        "body": {
            "kind": "multipart",
            "fields": [{"name": "n", "value": "{{ sys.query }}"}, {"name": "f", "file": "sys.files"}],
        },
        "timeouts": {"connect": 5},
        "verify_tls": False,
        "fail_on_status": True,
    }
    assert "s3cret" not in str(result.document)
    assert "secret_left_out" in codes(result)


@pytest.mark.parametrize(
    "body",
    [
        {"type": "json", "data": '{"a": "{{#sys.query#}}"}'},
        {"type": "json", "data": [{"id": "1", "key": "", "type": "text", "value": '{"a": 1}'}]},
        {"type": "x-www-form-urlencoded", "data": "a:1\nb:2"},
        {"type": "binary", "data": [{"key": "", "type": "file", "value": "", "file": ["sys", "files"]}]},
        {"type": "none", "data": []},
    ],
)
def test_bodies_in_all_their_shapes_come_back(body):
    raw = chat_of(
        node(
            "2",
            "http-request",
            "Ask",
            method="PUT",
            url="https://bees.example",
            headers="",
            params="",
            body=body,
            authorization={"type": "no-auth", "config": None},
            timeout={},
        )
    )
    assert imported(raw).errors == []
    assert lost_on_the_way(raw) == []


def test_known_tools_become_ours_and_others_fail_only_when_reached():
    raw = chat_of(
        node(
            "2",
            "tool",
            "Add",
            provider_id="maths",
            provider_name="maths",
            provider_type="builtin",
            tool_name="eval_expression",
            tool_configurations={},
            tool_parameters={"expression": {"type": "mixed", "value": "1 + {{#sys.query#}}"}},
        ),
        node(
            "3",
            "tool",
            "Draw",
            provider_id="acme/draw/draw",
            provider_name="acme/draw/draw",
            provider_type="builtin",
            tool_name="paint",
            tool_configurations={},
            tool_parameters={"p": {"type": "variable", "value": QUESTION}},
        ),
        answer="{{#2.text#}}{{#3.text#}}",
    )
    result = imported(raw)
    found = nodes_in(result.document)
    assert found["add"]["config"]["tool"] == "builtin/calculator"
    assert list(found["add"]["config"]["parameters"].values()) == ["1 + {{ sys.query }}"]
    assert found["draw"]["type"] == "unavailable"
    assert "'paint'" in found["draw"]["config"]["reason"]
    assert [(one.path, one.code) for one in result.warnings if one.code == "no_counterpart"] == [
        ("/workflow/graph/nodes/2/data", "no_counterpart")
    ]


def test_lists_files_agents_forms_and_schedules():
    raw = canvas(
        [
            node(
                "1",
                "trigger-schedule",
                "Morning",
                mode="visual",
                frequency="weekly",
                timezone="Asia/Shanghai",
                visual_config={"time": "9:05 PM", "weekdays": ["mon", "fri"]},
            ),
            node(
                "2",
                "list-operator",
                "Pick",
                variable=["sys", "files"],
                var_type="array[file]",
                filter_by={"enabled": True, "conditions": [{"key": "size", "comparison_operator": "≥", "value": "3"}]},
                extract_by={"enabled": True, "serial": "2"},
                order_by={"enabled": True, "key": "name", "value": "desc"},
                limit={"enabled": True, "size": 4},
            ),
            node("3", "document-extractor", "Read", variable_selector=["2", "first_record"], is_array_file=False),
            node(
                "4",
                "agent",
                "Do",
                agent_strategy_name="ReAct",
                agent_strategy_provider_name="langgenius/agent/agent",
                agent_parameters={
                    "model": {
                        "type": "constant",
                        "value": {"provider": "openai", "model": "gpt-4o", "completion_params": {}},
                    },
                    "instruction": {"type": "constant", "value": "Be {{#3.text#}}"},
                    "query": {"type": "constant", "value": "{{#3.text#}}"},
                    "tools": {
                        "type": "constant",
                        "value": [
                            {
                                "provider_name": "time",
                                "tool_name": "current_time",
                                "type": "builtin",
                                "enabled": True,
                                "settings": {},
                                "parameters": {},
                            },
                            {"provider_name": "acme", "tool_name": "paint", "type": "builtin", "enabled": True},
                        ],
                    },
                    "maximum_iterations": {"type": "constant", "value": 4},
                },
            ),
            node(
                "5",
                "human-input",
                "Ask",
                form_content="Is {{#4.text#}} right?\n{{#$output.note#}}",
                inputs=[
                    {
                        "type": "paragraph",
                        "output_variable_name": "note",
                        "default": {"type": "variable", "selector": ["4", "text"]},
                    }
                ],
                user_actions=[{"id": "ok", "title": "Fine", "button_style": "primary"}],
                delivery_methods=[{"id": "d", "enabled": True, "type": "webapp"}],
                timeout=2,
                timeout_unit="day",
            ),
            node(
                "6",
                "end",
                "End",
                outputs=[
                    {"variable": "note", "value_selector": ["5", "note"], "value_type": "Array[string]"},
                    {"variable": "what", "value_selector": ["5", "__action_id"]},
                ],
            ),
        ],
        [edge("1", "2"), edge("2", "3"), edge("3", "4"), edge("4", "5"), edge("5", "6", "ok")],
        mode="workflow",
    )
    found = nodes_in(imported(raw).document)
    assert found["morning"]["config"] == {
        "every": "week",
        "at": "21:05",
        "weekdays": ["mon", "fri"],
        "timezone": "Asia/Shanghai",
    }
    assert found["pick"]["config"] == {
        "list": "sys.files",
        "filter": {"logical": "and", "conditions": [{"key": "size", "op": ">=", "right": "3"}]},
        "extract": {"position": 2},
        "order": {"key": "name", "direction": "desc"},
        "limit": 4,
    }
    assert found["read"]["config"] == {"files": "pick.first"}
    assert found["do"]["config"] == {
        "strategy": "react",
        "model": {"name": "gpt-4o"},
        "instruction": "Be {{ read.text }}",
        "query": "read.text",
        "tools": [{"tool": "builtin/time.now"}, {"tool": "dify/acme/paint", "enabled": False}],
        "max_steps": 4,
    }
    assert found["ask"]["config"] == {
        "form": "Is {{ do.text }} right?\n",
        "fields": [{"name": "note", "type": "paragraph", "default": "do.text"}],
        "actions": [{"id": "ok", "title": "Fine", "style": "primary"}],
        "timeout": "48h",
        "deliver": [{"kind": "page"}],
    }
    assert found["end"]["config"] == {"outputs": {"note": "ask.note", "what": "ask.action"}}


def test_containers_hold_their_graph_and_rounds_have_names():
    raw = canvas(
        [
            node(
                "1",
                "start",
                variables=[{"variable": "words", "type": "json_object", "label": "Words", "required": True}],
            ),
            node(
                "2",
                "iteration",
                "每个词",
                iterator_selector=["1", "words"],
                output_selector=["5", "output"],
                start_node_id="2start",
                is_parallel=True,
                parallel_nums=4,
                error_handle_mode="remove-abnormal-output",
                width=388,
            ),
            node("2start", "iteration-start", parentId="2", outer_type="custom-iteration-start", isInIteration=True),
            node(
                "5",
                "template-transform",
                "Shout",
                parentId="2",
                iteration_id="2",
                isInIteration=True,
                template="{{ w }}{{ n }}",
                variables=[
                    {"variable": "w", "value_selector": ["2", "item"]},
                    {"variable": "n", "value_selector": ["2", "index"]},
                ],
            ),
            node(
                "3",
                "loop",
                "Again",
                start_node_id="3start",
                loop_count=5,
                logical_operator="or",
                break_conditions=[condition(["3", "sum"], ">", "2", varType="number")],
                loop_variables=[
                    {"id": "l", "label": "sum", "var_type": "number", "value_type": "constant", "value": "0"}
                ],
            ),
            node("3start", "loop-start", parentId="3", outer_type="custom-loop-start", isInLoop=True),
            node(
                "6",
                "assigner",
                "Add",
                parentId="3",
                loop_id="3",
                isInLoop=True,
                version="2",
                items=[{"variable_selector": ["3", "sum"], "operation": "+=", "input_type": "constant", "value": 1}],
            ),
            node("7", "loop-end", "Stop", parentId="3", loop_id="3"),
            node("4", "answer", "Say", answer="{{#2.output#}} {{#3.sum#}} {{#3.loop_round#}}"),
        ],
        [edge("1", "2"), edge("2", "3"), edge("3", "4"), edge("2start", "5"), edge("3start", "6"), edge("6", "7")],
    )
    result = imported(raw)
    found = nodes_in(result.document)
    assert list(found)[:4] == ["start_1", "iteration_1", "again", "say"]
    iteration = found["iteration_1"]["config"]
    assert {key: value for key, value in iteration.items() if key != "body"} == {
        "over": "inputs.words",
        "collect": "shout.output",
        "parallel": 4,
        "on_item_error": "drop",
        "flatten": True,
    }
    assert found["shout"]["config"]["inputs"] == {"w": "item", "n": "index"}
    assert found["again"]["config"]["variables"] == {"sum": {"type": "number", "value": 0}}
    assert found["again"]["config"]["until"] == [{"left": "loop.sum", "op": ">", "right": "2"}]
    assert found["add"]["config"]["items"] == [{"variable": "loop.sum", "operation": "add", "value": 1}]
    assert found["say"]["config"]["text"] == "{{ iteration_1.output }} {{ again.sum }} {{ again.loop_round }}"
    assert result.errors == []
    assert lost_on_the_way(raw) == []


def test_an_old_name_of_a_type_is_known():
    raw = chat_of(node("2", "variable-assigner", "Join", output_type="string", variables=[QUESTION]))
    assert only(raw, "variable-aggregator")["config"] == {"variables": ["sys.query"]}
    assert exported(imported(raw).document)["workflow"]["graph"]["nodes"][1]["data"]["type"] == "variable-assigner"


def retrieval(**data):
    shared = {"query_variable_selector": QUESTION, "dataset_ids": ["d1"], "retrieval_mode": "multiple"}
    return chat_of(node("2", "knowledge-retrieval", "K", **shared, **data))


@pytest.mark.parametrize(
    ("multiple", "expected"),
    [
        ({"top_k": 3}, {"top_k": 3}),
        ({"reranking_enable": False}, {"rerank": False}),
        (
            {
                "reranking_enable": True,
                "reranking_mode": "reranking_model",
                "reranking_model": {"provider": "langgenius/jina/jina", "model": "jina-reranker-v2"},
            },
            {"rerank": {"model": "jina/jina-reranker-v2"}},
        ),
        (
            {
                "reranking_enable": True,
                "reranking_mode": "weighted_score",
                "weights": {
                    "vector_setting": {"vector_weight": 0.7, "embedding_model_name": "e"},
                    "keyword_setting": {"keyword_weight": 0.3},
                },
            },
            {"rerank": False, "lexical_weight": 0.3},
        ),
    ],
    ids=["nothing", "off", "a model", "weights"],
)
def test_who_ranks_passages_comes_along_and_goes_back(multiple, expected):
    raw = retrieval(multiple_retrieval_config=multiple)
    result = imported(raw)
    assert result.errors == []
    config = only(raw, "knowledge-retrieval")["config"]
    assert {key: config[key] for key in expected} == expected
    assert lost_on_the_way(raw) == []


def test_filters_on_metadata_come_along_with_every_operator_and_go_back():
    operators = ["contains", "not contains", "start with", "end with", "is", "is not", "in", "not in"]
    operators += ["=", "≠", ">", "<", "≥", "≤", "before", "after", "empty", "not empty"]
    conditions = [
        {"id": str(at), "name": "author", "comparison_operator": op, "value": "{{#sys.query#}}"}
        for at, op in enumerate(operators)
    ]
    raw = retrieval(
        metadata_filtering_mode="manual",
        metadata_filtering_conditions={"logical_operator": "or", "conditions": conditions},
    )
    result = imported(raw)
    assert result.errors == []
    filters = only(raw, "knowledge-retrieval")["config"]["filters"]
    assert filters["logical"] == "or"
    assert [each["op"] for each in filters["conditions"]] == [
        *("contains", "not_contains", "starts_with", "ends_with", "is", "is_not", "in", "not_in"),
        *("=", "!=", ">", "<", ">=", "<=", "before", "after", "empty", "not_empty"),
    ]
    assert filters["conditions"][0]["right"] == "{{ sys.query }}"
    assert lost_on_the_way(raw) == []


def test_filters_that_a_model_makes_come_along():
    raw = retrieval(metadata_filtering_mode="automatic", metadata_model_config=model(temperature=0))
    result = imported(raw)
    assert result.errors == []
    filters = only(raw, "knowledge-retrieval")["config"]["filters"]
    assert filters == {"mode": "automatic", "model": model()["name"]}
    assert lost_on_the_way(raw) == []


def test_a_workflow_that_is_a_tool_is_the_app_of_that_name():
    raw = chat_of(
        node(
            "2",
            "tool",
            "Greet",
            provider_id="7d1c9b4e-3c8e-4a57-9a6e-6a3f1de1c001",
            provider_name="greet_people",
            provider_type="workflow",
            tool_name="greet_people",
            tool_configurations={},
            tool_parameters={"who": {"type": "variable", "value": ["sys", "query"]}},
        )
    )
    found = only(raw, "tool")
    assert found["config"]["tool"] == "workflow/greet-people"
    assert found["config"]["parameters"] == {"who": "sys.query"}
    assert "other_app" in codes(imported(raw))
    assert lost_on_the_way(raw) == []
