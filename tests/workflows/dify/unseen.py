"""Documents as people export them from Dify, written for these tests: every kind of node, old and new spellings.

Their quirks are those of real files: ids that are times, geometry of the canvas, keys nobody reads, names in Chinese,
models of plugins, versions of the format from 0.1.0 to 0.6.0.
"""

from __future__ import annotations

from typing import Any

Raw = dict[str, Any]


def _node(name: str, kind: str, title: str, /, parent: str = "", **data: Any) -> Raw:
    place, outer = {"x": 80, "y": 282.5}, data.pop("outer", "custom")
    return {
        "data": {"desc": "", "selected": False, "title": title, "type": kind, **data},
        "height": 90,
        "id": name,
        "position": place,
        "positionAbsolute": place,
        "selected": False,
        "sourcePosition": "right",
        "targetPosition": "left",
        "type": outer,
        "width": 244,
        **({"parentId": parent, "zIndex": 1002, "extent": "parent"} if parent else {}),
    }


def _edges(text: str) -> list[Raw]:
    """Written as `1>2 2>3:false`."""
    made = []
    for way in text.split():
        ends, _, handle = way.partition(":")
        source, target = ends.split(">")
        handle = handle or "source"
        made.append(
            {
                "data": {"isInIteration": False, "sourceType": "x", "targetType": "y"},
                "id": f"{source}-{handle}-{target}-target",
                "source": source,
                "sourceHandle": handle,
                "target": target,
                "targetHandle": "target",
                "type": "custom",
                "zIndex": 0,
            }
        )
    return made


def _app(name: str, mode: str, nodes: list[Raw], edges: str, *, version: Any = "0.1.5", **workflow: Any) -> Raw:
    features = {
        "file_upload": {"enabled": False, "image": {"enabled": False, "number_limits": 3}},
        "opening_statement": "",
        "retriever_resource": {"enabled": True},
        "sensitive_word_avoidance": {"enabled": False},
        "speech_to_text": {"enabled": False},
        "suggested_questions": [],
        "suggested_questions_after_answer": {"enabled": False},
        "text_to_speech": {"enabled": False, "language": "", "voice": ""},
    }
    graph = {"nodes": nodes, "edges": _edges(edges), "viewport": {"x": 0, "y": 0, "zoom": 0.7}}
    return {
        "app": {"description": "", "icon": "🤖", "icon_background": "#FFEAD5", "mode": mode, "name": name},
        "kind": "app",
        "version": version,
        "workflow": {
            "conversation_variables": [],
            "environment_variables": [],
            "features": features,
            "graph": graph,
            **workflow,
        },
    }


def _model(provider: str = "langgenius/openai/openai", **parameters: Any) -> Raw:
    return {"provider": provider, "name": "gpt-4o-mini", "mode": "chat", "completion_params": parameters}


def _llm(name: str, title: str, user: str, /, parent: str = "", **more: Any) -> Raw:
    prompt = [{"id": f"p{name}", "role": "user", "text": user}]
    rest = {"context": {"enabled": False, "variable_selector": []}, "vision": {"enabled": False}, **more}
    return _node(name, "llm", title, parent, model=_model(temperature=0.7), prompt_template=prompt, **rest)


def _input(variable: str, kind: str = "text-input", **more: Any) -> Raw:
    return {
        "label": variable,
        "max_length": 48,
        "options": [],
        "required": True,
        "type": kind,
        "variable": variable,
    } | more


def _code(
    name: str, title: str, source: str, inputs: dict[str, list[str]], outputs: dict[str, str], parent: str = ""
) -> Raw:
    variables = [{"variable": key, "value_selector": selector} for key, selector in inputs.items()]
    declared = {key: {"type": kind, "children": None} for key, kind in outputs.items()}
    return _node(
        name, "code", title, parent, code=source, code_language="python3", variables=variables, outputs=declared
    )


def _end(name: str, **outputs: list[str]) -> Raw:
    listed = [{"variable": key, "value_selector": selector} for key, selector in outputs.items()]
    return _node(name, "end", "结束", outputs=listed)


def oldest() -> Raw:
    """0.1.0: an if-else of the first shape, without cases, and the first assigner's name for an aggregator."""
    return _app(
        "最早的文档",
        "workflow",
        [
            _node("1", "start", "开始", variables=[_input("word")]),
            _node(
                "2",
                "if-else",
                "条件分支",
                logical_operator="and",
                conditions=[
                    {
                        "id": "c",
                        "comparison_operator": "contains",
                        "value": "bee",
                        "variable_selector": ["1", "word"],
                    }
                ],
            ),
            _node("3", "template-transform", "是", template="yes {{ w }}", variables=[_v("w", "1", "word")]),
            _node("4", "template-transform", "否", template="no", variables=[]),
            _node(
                "5",
                "variable-assigner",
                "变量赋值器",
                output_type="string",
                variables=[["3", "output"], ["4", "output"]],
            ),
            _end("6", result=["5", "output"]),
        ],
        "1>2 2>3:true 2>4:false 3>5 4>5 5>6",
        version="0.1.0",
    )


def _v(name: str, *selector: str) -> Raw:
    return {"variable": name, "value_selector": list(selector)}


def support_bot() -> Raw:
    """A classifier in front of two models and an HTTP call; opening words and suggestions."""
    raw = _app(
        "客服机器人",
        "advanced-chat",
        [
            _node("1711", "start", "开始", variables=[]),
            _node(
                "1712",
                "question-classifier",
                "问题分类",
                model=_model("openai"),
                query_variable_selector=["sys", "query"],
                classes=[{"id": "1", "name": "订单"}, {"id": "1713000", "name": "闲聊"}],
                instructions="",
                topics=[],
                vision={"enabled": False},
            ),
            _node(
                "1713",
                "http-request",
                "查订单",
                method="get",
                url="{{#env.shop#}}/orders",
                headers="Accept:application/json\nX-Who:{{#sys.user_id#}}",
                params="q:{{#sys.query#}}",
                authorization={"type": "api-key", "config": {"type": "bearer", "api_key": "{{#env.token#}}"}},
                body={"type": "none", "data": []},
                timeout={"connect": 5, "read": 20, "max_connect_timeout": 0},
                variables=[],
                retry_config={"retry_enabled": True, "max_retries": 3, "retry_interval": 100},
            ),
            _llm("1714", "闲聊", "{{#sys.query#}}", memory={"window": {"enabled": True, "size": 4}}),
            _node("1715", "answer", "订单回复", answer="{{#1713.status_code#}} {{#1713.body#}}", variables=[]),
            _node("1716", "answer", "闲聊回复", answer="{{#1714.text#}}", variables=[]),
        ],
        "1711>1712 1712>1713:1 1712>1714:1713000 1713>1715 1714>1716",
        environment_variables=[
            {"id": "e1", "name": "shop", "value": "SHOP", "value_type": "string", "description": ""},
            {"id": "e2", "name": "token", "value": "t0ken", "value_type": "secret", "description": ""},
        ],
    )
    raw["workflow"]["features"]["opening_statement"] = "您好，请问有什么可以帮您？"
    raw["workflow"]["features"]["suggested_questions"] = ["我的订单", "聊聊天"]
    return raw


def long_translation() -> Raw:
    """Code cuts a text, a parallel iteration translates the pieces, a template joins them. A note lies beside."""
    return _app(
        "长文翻译",
        "workflow",
        [
            _node("1", "start", "开始", variables=[_input("text", "paragraph", max_length=20000)]),
            _code(
                "2",
                "切分",
                "def main(t):\n    return {'parts': t.split('|')}",
                {"t": ["1", "text"]},
                {"parts": "array[string]"},
            ),
            _node(
                "3",
                "iteration",
                "迭代",
                iterator_selector=["2", "parts"],
                output_selector=["32", "text"],
                output_type="array[string]",
                start_node_id="3start",
                is_parallel=True,
                parallel_nums=3,
                error_handle_mode="remove-abnormal-output",
                startNodeType="llm",
            ),
            _node("3start", "iteration-start", "", "3", outer="custom-iteration-start", isInIteration=True),
            _llm("32", "翻译", "Translate: {{#3.item#}} ({{#3.index#}})", "3", isInIteration=True, iteration_id="3"),
            _node(
                "4",
                "template-transform",
                "拼接",
                template="{{ parts | length }} parts",
                variables=[_v("parts", "3", "output")],
            ),
            _end("5", all=["3", "output"], count=["4", "output"]),
            {
                "data": {"author": "a", "showAuthor": True, "text": "{}", "theme": "blue", "title": "", "type": ""},
                "id": "9",
                "type": "custom-note",
                "position": {"x": 0, "y": 0},
            },
        ],
        "1>2 2>3 3start>32 3>4 4>5",
        version="0.1.3",
    )


def counting_loop() -> Raw:
    """0.3: a loop with variables, an assigner of the second version in it, a condition, and a way out."""
    return _app(
        "Loop",
        "workflow",
        [
            _node("1", "start", "Start", variables=[_input("step", "number")]),
            _node(
                "2",
                "loop",
                "Loop",
                start_node_id="2start",
                loop_count=10,
                logical_operator="and",
                break_conditions=[
                    {
                        "id": "b",
                        "comparison_operator": "≥",
                        "value": "9",
                        "varType": "number",
                        "variable_selector": ["2", "total"],
                    }
                ],
                loop_variables=[
                    {"id": "l", "label": "total", "var_type": "number", "value_type": "constant", "value": "0"},
                    {
                        "id": "m",
                        "label": "step",
                        "var_type": "number",
                        "value_type": "variable",
                        "value": ["1", "step"],
                    },
                ],
                error_handle_mode="terminated",
                width=500,
            ),
            _node("2start", "loop-start", "", "2", outer="custom-loop-start", isInLoop=True),
            _node(
                "21",
                "assigner",
                "Add",
                "2",
                version="2",
                isInLoop=True,
                loop_id="2",
                items=[
                    {
                        "variable_selector": ["2", "total"],
                        "input_type": "variable",
                        "operation": "over-write",
                        "value": ["22", "sum"],
                        "write_mode": "over-write",
                    }
                ],
            ),
            _code(
                "22",
                "Sum",
                "def main(a, b):\n    return {'sum': a + b}",
                {"a": ["2", "total"], "b": ["2", "step"]},
                {"sum": "number"},
                "2",
            ),
            _end("3", total=["2", "total"], rounds=["2", "loop_round"]),
        ],
        "1>2 2start>22 22>21 2>3",
        version="0.3.0",
    )


def careful_workflow() -> Raw:
    """0.2: a fail-branch, default values and retries."""
    return _app(
        "错误处理",
        "workflow",
        [
            _node("1", "start", "开始", variables=[_input("n", "number", required=False, default=0)]),
            {
                **_code("2", "除", "def main(n):\n    return {'r': 10 / n}", {"n": ["1", "n"]}, {"r": "number"}),
            },
            _code("3", "也除", "def main(n):\n    return {'r': 10 / n}", {"n": ["1", "n"]}, {"r": "number"}),
            _node(
                "4",
                "template-transform",
                "报错",
                template="{{ t }}: {{ m }}",
                variables=[_v("t", "2", "error_type"), _v("m", "2", "error_message")],
            ),
            _node(
                "5",
                "variable-aggregator",
                "聚合",
                output_type="string",
                variables=[["4", "output"], ["2", "r"]],
                advanced_settings={"group_enabled": False, "groups": []},
            ),
            _end("6", said=["5", "output"], instead=["3", "r"]),
        ],
        "1>2 1>3 2>4:fail-branch 2>5 4>5 5>6 3>6",
        version="0.2.0",
    )


def _with_errors(raw: Raw) -> Raw:
    nodes = {one["id"]: one["data"] for one in raw["workflow"]["graph"]["nodes"]}
    nodes["2"] |= {
        "error_strategy": "fail-branch",
        "retry_config": {"retry_enabled": True, "max_retries": "1", "retry_interval": "50"},
    }
    nodes["3"] |= {"error_strategy": "default-value", "default_value": [{"key": "r", "type": "number", "value": "7"}]}
    return raw


def groups_and_lists() -> Raw:
    """Groups of an aggregator, a list operator, a select and a checkbox, an end that names what is not there."""
    return _app(
        "列表",
        "workflow",
        [
            _node(
                "1",
                "start",
                "开始",
                variables=[
                    _input("mode", "select", options=["up", "down"]),
                    _input("loud", "checkbox", required=False),
                ],
            ),
            _code(
                "2",
                "数",
                "def main():\n    return {'n': [3, 1, 2, 5], 's': ['b', 'a', 'bee']}",
                {},
                {"n": "array[number]", "s": "array[string]"},
            ),
            _node(
                "3",
                "list-operator",
                "列表操作",
                variable=["2", "n"],
                var_type="array[number]",
                item_var_type="number",
                filter_by={"enabled": True, "conditions": [{"key": "", "comparison_operator": ">", "value": "1"}]},
                order_by={"enabled": True, "key": "", "value": "desc"},
                limit={"enabled": True, "size": 2},
                extract_by={"enabled": False, "serial": "1"},
            ),
            _node(
                "4",
                "variable-aggregator",
                "分组",
                output_type="array[number]",
                variables=[],
                advanced_settings={
                    "group_enabled": True,
                    "groups": [
                        {
                            "groupId": "g1",
                            "group_name": "Numbers",
                            "output_type": "array[number]",
                            "variables": [["3", "result"]],
                        },
                        {
                            "groupId": "g2",
                            "group_name": "Texts",
                            "output_type": "array[string]",
                            "variables": [["2", "s"]],
                        },
                    ],
                },
            ),
            _end(
                "5",
                n=["4", "Numbers", "output"],
                s=["4", "Texts", "output"],
                first=["3", "first_record"],
                no=["99", "gone"],
                mode=["1", "mode"],
            ),
        ],
        "1>2 2>3 3>4 4>5",
        version="0.1.4",
    )


def remembering_bot() -> Raw:
    """A chat that keeps things: conversation variables, both versions of the assigner, a branch on what is kept."""
    return _app(
        "会记事的机器人",
        "advanced-chat",
        [
            _node("s", "start", "Start", variables=[]),
            _node(
                "b",
                "if-else",
                "第一次?",
                cases=[
                    {
                        "id": "true",
                        "case_id": "true",
                        "logical_operator": "or",
                        "conditions": [
                            {
                                "id": "x",
                                "comparison_operator": "empty",
                                "value": "",
                                "varType": "array[string]",
                                "variable_selector": ["conversation", "notes"],
                            },
                        ],
                    },
                    {
                        "id": "9e4b-11",
                        "case_id": "9e4b-11",
                        "logical_operator": "and",
                        "conditions": [
                            {
                                "id": "y",
                                "comparison_operator": "≥",
                                "value": "2",
                                "varType": "number",
                                "numberVarType": "constant",
                                "variable_selector": ["conversation", "turns"],
                            },
                            {
                                "id": "z",
                                "comparison_operator": "not contains",
                                "value": "{{#env.stop_word#}}",
                                "varType": "string",
                                "variable_selector": ["sys", "query"],
                            },
                        ],
                    },
                ],
            ),
            _node(
                "w1",
                "assigner",
                "记",
                version="2",
                items=[
                    {
                        "variable_selector": ["conversation", "notes"],
                        "input_type": "variable",
                        "operation": "append",
                        "value": ["sys", "query"],
                    },
                    {
                        "variable_selector": ["conversation", "turns"],
                        "input_type": "constant",
                        "operation": "+=",
                        "value": 1,
                    },
                ],
            ),
            _node(
                "w2",
                "assigner",
                "记2",
                assigned_variable_selector=["conversation", "last"],
                write_mode="over-write",
                input_variable_selector=["sys", "query"],
            ),
            _node("a1", "answer", "答", answer="记下了。", variables=[]),
            _node(
                "a2",
                "answer",
                "答2",
                answer="你说过 {{#conversation.notes#}}，上次是 {{#conversation.last#}}。",
                variables=[],
            ),
            _node("a3", "answer", "答3", answer="再见。", variables=[]),
        ],
        "s>b b>w1:true b>w1:false w1>w2 w2>a1 b>a2:9e4b-11 a2>a3",
        version="0.1.5",
        conversation_variables=[
            {
                "id": "1",
                "name": "notes",
                "value": [],
                "value_type": "array[string]",
                "description": "",
                "selector": ["conversation", "notes"],
            },
            {"id": "2", "name": "turns", "value": 0, "value_type": "number", "description": ""},
            {"id": "3", "name": "last", "value": "", "value_type": "string", "description": ""},
        ],
        environment_variables=[
            {"id": "e", "name": "stop_word", "value": "停", "value_type": "string", "description": ""}
        ],
    )


def extracting() -> Raw:
    """A parameter extractor by prompt, and structured output with a schema."""
    return _app(
        "提取",
        "workflow",
        [
            _node("1", "start", "开始", variables=[_input("text", "paragraph")]),
            _node(
                "2",
                "parameter-extractor",
                "参数提取",
                query=["1", "text"],
                model=_model("langgenius/tongyi/tongyi"),
                parameters=[
                    {"name": "city", "type": "string", "description": "城市", "required": True},
                    {"name": "days", "type": "number", "description": "天数", "required": False},
                    {
                        "name": "kind",
                        "type": "select",
                        "options": ["work", "fun"],
                        "description": "",
                        "required": False,
                    },
                ],
                reasoning_mode="prompt",
                instruction="只提取。",
                vision={"enabled": False},
            ),
            _llm(
                "3",
                "结构化",
                "{{#2.city#}} {{#2.days#}}",
                structured_output_enabled=True,
                structured_output={
                    "schema": {
                        "type": "object",
                        "properties": {"ok": {"type": "boolean"}},
                        "required": ["ok"],
                        "additionalProperties": False,
                    }
                },
            ),
            _end(
                "4",
                city=["2", "city"],
                days=["2", "days"],
                success=["2", "__is_success"],
                ok=["3", "structured_output", "ok"],
            ),
        ],
        "1>2 2>3 3>4",
        version="0.3.1",
    )


def tool_users() -> Raw:
    """Tools: one that is here (of a plugin), one that nobody has, behind a branch."""
    return _app(
        "工具",
        "workflow",
        [
            _node("1", "start", "开始", variables=[_input("which")]),
            _node(
                "2",
                "if-else",
                "?",
                cases=[
                    {
                        "case_id": "true",
                        "logical_operator": "and",
                        "conditions": [
                            {
                                "id": "c",
                                "comparison_operator": "is",
                                "value": "sum",
                                "varType": "string",
                                "variable_selector": ["1", "which"],
                            }
                        ],
                    }
                ],
            ),
            _node(
                "3",
                "tool",
                "算",
                provider_id="langgenius/maths/maths",
                provider_name="langgenius/maths/maths",
                provider_type="builtin",
                tool_name="eval_expression",
                tool_label="计算",
                tool_configurations={},
                tool_parameters={"expression": {"type": "mixed", "value": "2+3*4"}},
                tool_node_version="2",
                paramSchemas=[],
                params={},
            ),
            _node(
                "4",
                "tool",
                "画",
                provider_id="stability/dream",
                provider_name="stability",
                provider_type="plugin",
                tool_name="dream",
                tool_label="画",
                tool_configurations={"size": {"type": "constant", "value": 512}},
                tool_parameters={"prompt": {"type": "mixed", "value": "{{#1.which#}}"}},
                plugin_unique_identifier="stability/dream:0.0.1@abc",
            ),
            _end("5", sum=["3", "text"]),
            _end("6", picture=["4", "files"]),
        ],
        "1>2 2>3:true 2>4:false 3>5 4>6",
        version="0.4.0",
    )


def agent_app() -> Raw:
    """An agent node of a strategy plugin, and jinja in a prompt."""
    parameters = {
        "model": {
            "type": "constant",
            "value": {
                "provider": "langgenius/openai/openai",
                "model": "gpt-4o-mini",
                "mode": "chat",
                "completion_params": {},
            },
        },
        "tools": {
            "type": "constant",
            "value": [
                {
                    "enabled": True,
                    "type": "builtin",
                    "provider_name": "time",
                    "tool_name": "current_time",
                    "parameters": {},
                    "settings": {},
                }
            ],
        },
        "instruction": {"type": "constant", "value": "Be brief."},
        "query": {"type": "constant", "value": "{{#sys.query#}}"},
        "maximum_iterations": {"type": "constant", "value": 3},
    }
    jinja = _llm("3", "总结", "")
    jinja["data"]["prompt_template"] = [
        {"id": "p", "role": "user", "edition_type": "jinja2", "jinja2_text": "Sum up: {{ text | upper }}", "text": ""}
    ]
    jinja["data"]["prompt_config"] = {"jinja2_variables": [_v("text", "2", "text")]}
    return _app(
        "Agent",
        "advanced-chat",
        [
            _node("1", "start", "Start", variables=[]),
            _node(
                "2",
                "agent",
                "Agent",
                agent_strategy_provider_name="langgenius/agent/agent",
                agent_strategy_name="function_calling",
                agent_strategy_label="FunctionCalling",
                agent_parameters=parameters,
                output_schema=None,
                plugin_unique_identifier="langgenius/agent:0.0.9@x",
                tool_node_version="2",
            ),
            jinja,
            _node("4", "answer", "Answer", answer="{{#2.text#}} / {{#3.text#}}", variables=[]),
        ],
        "1>2 2>3 3>4",
        version="0.5.0",
    )


def approval() -> Raw:
    """0.6: a person decides; a timeout; a webhook beside the usual start."""
    return _app(
        "审批",
        "workflow",
        [
            _node("1", "start", "User Input", variables=[_input("what")]),
            _node(
                "2",
                "human-input",
                "审批",
                form_content="同意 {{#1.what#}} 吗？\n{{#$output.why#}}",
                inputs=[
                    {
                        "type": "paragraph",
                        "output_variable_name": "why",
                        "default": {"type": "constant", "selector": [], "value": "-"},
                    }
                ],
                user_actions=[
                    {"id": "yes", "title": "同意", "button_style": "primary"},
                    {"id": "no", "title": "拒绝", "button_style": "default"},
                ],
                timeout=2,
                timeout_unit="day",
                delivery_methods=[{"id": "d", "enabled": True, "type": "webapp", "config": {}}],
            ),
            _node("3", "template-transform", "同意", template="ok {{ w }}", variables=[_v("w", "2", "why")]),
            _end("4", said=["3", "output"]),
            _end("5", late=["1", "what"]),
        ],
        "1>2 2>3:yes 3>4 2>5:__timeout",
        version="0.6.0",
    )


def scheduled() -> Raw:
    """0.5: only triggers begin it."""
    return _app(
        "定时",
        "workflow",
        [
            _node(
                "1",
                "trigger-schedule",
                "定时",
                mode="visual",
                frequency="daily",
                visual_config={"time": "9:30 AM", "on_minute": 0, "weekdays": ["mon"], "monthly_days": [1]},
                timezone="Asia/Shanghai",
                cron_expression="",
            ),
            _node(
                "2",
                "trigger-webhook",
                "回调",
                method="POST",
                content_type="application/json",
                headers=[],
                params=[{"name": "page", "type": "number", "required": False}],
                body=[{"name": "who", "type": "string", "required": True}],
                status_code=200,
                response_body="",
                async_mode=True,
                timeout=30,
            ),
            _node("3", "template-transform", "说", template="done", variables=[]),
            _end("4", said=["3", "output"]),
        ],
        "1>3 2>3 3>4",
        version="0.5.0",
    )


def knowledge() -> Raw:
    """Retrieval by one model and by metadata, documents read, memory without a window, vision on."""
    return _app(
        "知识库",
        "advanced-chat",
        [
            _node(
                "1",
                "start",
                "开始",
                variables=[
                    _input(
                        "doc",
                        "file",
                        required=False,
                        allowed_file_types=["document"],
                        allowed_file_upload_methods=["local_file"],
                    ),
                    _input("docs", "file-list", required=False, max_length=5),
                ],
            ),
            _node(
                "2",
                "knowledge-retrieval",
                "检索",
                query_variable_selector=["sys", "query"],
                dataset_ids=["0b1e2a3c-0000-4000-8000-000000000001"],
                retrieval_mode="multiple",
                multiple_retrieval_config={
                    "top_k": 4,
                    "score_threshold": None,
                    "reranking_enable": False,
                    "reranking_mode": "reranking_model",
                    "reranking_model": {"provider": "", "model": ""},
                },
                metadata_filtering_mode="manual",
                metadata_filtering_conditions={
                    "logical_operator": "and",
                    "conditions": [{"id": "m", "name": "year", "comparison_operator": "≥", "value": 2020}],
                },
            ),
            _node("3", "document-extractor", "读文档", variable_selector=["1", "docs"], is_array_file=True),
            _llm(
                "4",
                "答",
                "{{#context#}}\n{{#sys.query#}}",
                context={"enabled": True, "variable_selector": ["2", "result"]},
                memory={
                    "role_prefix": {"user": "", "assistant": ""},
                    "window": {"enabled": False, "size": 50},
                    "query_prompt_template": "{{#sys.query#}}",
                },
                vision={"enabled": True, "configs": {"detail": "low", "variable_selector": ["sys", "files"]}},
            ),
            _node("5", "answer", "说", answer="{{#4.text#}}", variables=[]),
        ],
        "1>2 1>3 2>4 3>4 4>5",
        version="0.2.0",
    )


def simple_chat() -> Raw:
    """A chat assistant of the first days, without a canvas."""
    return {
        "app": {
            "description": "",
            "icon": "🤖",
            "icon_background": "#FFEAD5",
            "mode": "chat",
            "name": "小助手",
            "use_icon_as_answer_icon": False,
        },
        "dependencies": [],
        "kind": "app",
        "model_config": {
            "agent_mode": {"enabled": False, "max_iteration": 5, "strategy": "function_call", "tools": []},
            "annotation_reply": {"enabled": False},
            "chat_prompt_config": {},
            "completion_prompt_config": {},
            "dataset_configs": {"datasets": {"datasets": []}, "retrieval_model": "multiple"},
            "external_data_tools": [],
            "model": {"completion_params": {"stop": []}, "mode": "chat", "name": "gpt-4o-mini", "provider": "openai"},
            "opening_statement": "你好 {{name}}",
            "pre_prompt": "你是 {{name}} 的助手。",
            "prompt_type": "simple",
            "user_input_form": [
                {"text-input": {"default": "", "label": "名字", "max_length": 20, "required": True, "variable": "name"}}
            ],
        },
        "version": "0.1.2",
    }


def careful() -> Raw:
    """The workflow with its error strategies in place."""
    return _with_errors(careful_workflow())


ALL = {
    make.__name__: make
    for make in (
        oldest,
        support_bot,
        long_translation,
        counting_loop,
        careful,
        groups_and_lists,
        remembering_bot,
        extracting,
        tool_users,
        agent_app,
        approval,
        scheduled,
        knowledge,
        simple_chat,
    )
}
