"""Nodes that ask a model for something else than prose: data, a class, values; and how its thoughts are kept apart."""

from __future__ import annotations

import json

import pytest

from apps.workflows.dsl import validate
from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.events import NodeSucceeded, NodeText
from apps.workflows.engine.ports import PromptMessage, ToolCall
from apps.workflows.nodes.json_reply import NotJson, read_json
from apps.workflows.nodes.json_schema import without_patterns
from apps.workflows.nodes.thinking import Thoughts, apart
from tests.workflows.engine.ports_for_tests import Reply, ScriptedCode, ScriptedModel, ports
from tests.workflows.engine.runs import answer, document, node, play

MODEL = {"name": "m"}
PICTURE = {"kind": "file", "id": "f1", "name": "cat.png", "type": "image", "mime_type": "image/png"}
PAPER = {"kind": "file", "id": "f2", "name": "a.pdf", "type": "document", "mime_type": "application/pdf"}


def asking(*prompt, **config):
    messages = [message if isinstance(message, dict) else {"role": "user", "text": message} for message in prompt]
    return node("ask", "llm", config={"model": MODEL, "prompt": messages, **config})


async def run(written, *replies, query="q", **world):
    """Run start -> the node -> an answer; the run, and the requests that the model got."""
    model = ScriptedModel(m=list(replies) or [Reply(["ok"])])
    nodes = [written, answer("say", f"{{{{ {written['id']}.text }}}}")]
    inputs = world.pop("inputs", {})
    doc = document(nodes, f"start>{written['id']} {written['id']}>say")
    played = await play(doc, ports=ports(models=model, **world), query=query, inputs=inputs)
    return played, model.seen


def said(*pieces, **more):
    return Reply(list(pieces), **more)


def outputs(played, name="ask"):
    return played.state.nodes[name].outputs


def process(played, name="ask"):
    return next(e for e in played.events if isinstance(e, NodeSucceeded) and e.node_id == name).process


# Thoughts


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_thoughts_are_kept_apart_wherever_the_pieces_are_cut(size):
    text = "<think>a < b, so\n</think>\n\nIt is <b>7</b> <thin> <THINK>or 8</THINK> sure < 9"
    thoughts = Thoughts()
    got = "".join(thoughts.take(text[at : at + size]) for at in range(0, len(text), size)) + thoughts.take(
        "", last=True
    )
    assert got == "It is <b>7</b> <thin> sure < 9"
    assert thoughts.reasoning == "a < b, so\nor 8"


def test_a_thought_that_never_ends_is_no_answer():
    assert apart("<think>hm") == ("", "hm")


async def test_llm_streams_what_is_said_and_keeps_what_is_thought():
    played, _ = await run(asking("x"), said("<thi", "nk>hm", "</think>", "\n\nSe", "ven"))
    assert (outputs(played)["text"], outputs(played)["reasoning"]) == ("Seven", "hm")
    assert "".join(e.text for e in played.events if isinstance(e, NodeText)) == "Seven"
    assert played.reading == ["Se", "ven"]


async def test_llm_leaves_thoughts_in_the_text_where_that_is_wanted():
    played, _ = await run(asking("x", reasoning="tagged"), said("<think>hm</think>", "Seven"))
    assert (outputs(played)["text"], outputs(played)["reasoning"]) == ("<think>hm</think>Seven", "")


async def test_llm_takes_the_reasoning_that_a_provider_sends_apart():
    played, _ = await run(asking("x"), said("Seven", reasoning="hm"))
    assert (outputs(played)["text"], outputs(played)["reasoning"]) == ("Seven", "hm")


# Prompts


async def test_llm_renders_jinja_messages_in_the_sandbox():
    code = ScriptedCode(gives=[{"output": "Hello B"}])
    message = {"role": "user", "text": "Hello {{ name | upper }}", "jinja": True, "variables": {"name": "inputs.name"}}
    _, seen = await run(asking(message), inputs={"name": "b"}, code=code)
    assert seen[0].messages[0].text == "Hello B"
    assert (code.seen[0].code, code.seen[0].inputs["name"]) == ("Hello {{ name | upper }}", "b")


TURNS = [PromptMessage(role="user", text="hi"), PromptMessage(role="assistant", text="hello")]


async def test_llm_memory_can_end_with_a_query_of_its_own():
    prompt = [{"role": "system", "text": "S"}, {"role": "user", "text": "U"}]
    _, seen = await run(asking(*prompt, memory={"window": 2, "query": "Q: {{ sys.query }}"}), memory=TURNS)
    assert [(m.role, m.text) for m in seen[0].messages] == [
        ("system", "S"), ("user", "U"), ("user", "hi"), ("assistant", "hello"), ("user", "Q: q")
    ]  # fmt: skip


async def test_llm_shows_the_conversation_as_a_transcript_in_a_single_prompt():
    written = asking(
        "{{ histories }}\nHuman: {{ sys.query }}",
        memory={"window": 2, "assistant_prefix": "Bot", "user_prefix": "Human"},
    )
    _, seen = await run(written, memory=TURNS)
    assert [m.text for m in seen[0].messages] == ["Human: hi\nBot: hello\nHuman: q"]


async def test_llm_shows_pictures_and_only_pictures():
    written = asking("Look.", vision={"files": "inputs.files", "detail": "low"})
    played, seen = await run(written, inputs={"files": [PICTURE, PAPER]})
    (picture,) = seen[0].messages[-1].pictures
    assert (picture.file, picture.detail) == (PICTURE, "low")
    assert process(played)["messages"][-1]["pictures"] == ["cat.png"]


async def test_llm_shows_a_picture_that_a_message_inserts_where_it_is_inserted():
    messages = [{"role": "user", "text": "This: {{ inputs.one }}"}, {"role": "assistant", "text": "A cat."}]
    written = asking(*messages, {"role": "user", "text": "Sure?"}, vision={"files": "inputs.one"})
    _, seen = await run(written, inputs={"one": PICTURE})
    assert [(m.text, len(m.pictures)) for m in seen[0].messages] == [("This: ", 1), ("A cat.", 0), ("Sure?", 0)]


async def test_llm_hides_secrets_in_what_the_run_shows():
    written = asking("Token {{ env.token }}")
    model = ScriptedModel(m=said("ok"))
    doc = document([written, answer("say", "{{ ask.text }}")], "start>ask ask>say")
    played = await play(doc, ports=ports(models=model), env={"token": "sesame-open"})
    assert model.seen[0].messages[0].text == "Token sesame-open"
    assert "sesame" not in json.dumps(process(played))


# Structured output

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
    "required": ["city", "days"],
    "additionalProperties": False,
}


async def test_llm_gives_data_of_the_schema():
    played, seen = await run(asking("x", structured={"schema": SCHEMA}), said('{"city": "Rome",', ' "days": 3}'))
    assert outputs(played)["structured"] == {"city": "Rome", "days": 3}
    assert seen[0].shape.schema == SCHEMA
    assert json.dumps(SCHEMA) in seen[0].messages[0].text
    assert played.reading == ['{"city": "Rome", "days": 3}']


async def test_llm_lets_the_model_correct_itself_once():
    written = asking("x", structured={"schema": SCHEMA})
    played, seen = await run(written, said("Rome for 0 days"), said('```json\n{"city": "Rome", "days": 3,}\n```'))
    assert outputs(played)["structured"] == {"city": "Rome", "days": 3}
    assert [m.role for m in seen[1].messages] == ["system", "user", "assistant", "user"]
    assert "no JSON" in seen[1].messages[-1].text
    assert played.finished.usage.output_tokens == 6
    assert process(played)["corrected"]["reply"] == "Rome for 0 days"


async def test_llm_fails_when_the_data_is_still_wrong():
    played, seen = await run(asking("x", structured={"schema": SCHEMA}), said('{"city": "Rome", "days": 0}'))
    error = played.finished.error
    assert (error.code, len(seen)) == ("structured_output", 2)
    assert "days" in error.details["problems"][0]


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "http://169.254.169.254/x"},
        {"$ref": "#/nowhere"},
        {"$ref": "#"},
        {"type": "nonsense"},
        {"properties": 5},
        {
            "anyOf": [{"$ref": "#/$defs/0"}],
            "$defs": {str(n): {"allOf": [{"$ref": f"#/$defs/{n + 1}"}] * 2} for n in range(40)},
        },
    ],
)
async def test_llm_refuses_a_schema_that_cannot_be_used(schema):
    played, _ = await run(asking("x", structured={"schema": schema}), said("{}"))
    assert played.finished.error.code == "bad_schema"


async def test_a_schema_cannot_hold_the_process_up():
    schema = {"type": "object", "properties": {"pattern": {"type": "string", "pattern": "(a+)+$"}}}
    assert without_patterns(schema)["properties"] == {"pattern": {"type": "string"}}
    evil = json.dumps({"pattern": "a" * 60 + "!"})
    played, _ = await run(asking("x", structured={"schema": schema}), said(evil))
    assert played.finished.status == "succeeded"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1}', {"a": 1}),
        ('<think>{"no": 1}</think>{"a": 1}', {"a": 1}),
        ('Sure!\n```json\n{"a": [1, 2,],}\n```\nBye', {"a": [1, 2]}),
        ('The answer is {"a": "}{"} as you see {ok}', {"a": "}{"}),
        ("{'a': True, 'b': None}", {"a": True, "b": None}),
        ('{"a": "cut of', {"a": "cut of"}),
        ('{"a": "line\nbreak"}', {"a": "line\nbreak"}),
        ("[1, 2]", [1, 2]),
    ],
)
def test_json_is_found_in_what_models_write(text, expected):
    assert read_json(text) == expected


@pytest.mark.parametrize("text", ["", "no", "{", "} {", "[" * 5000, "{" * 3000 + '"'])
def test_what_is_no_json_is_said_to_be_none(text):
    try:
        value = read_json(text)
    except NotJson:
        return
    assert isinstance(value, (dict, list))


def test_a_schema_that_cannot_be_used_is_warned_of_beforehand():
    written = asking("x", structured={"schema": {"type": "nonsense"}})
    (problem,) = validate(document([written, answer("say", "{{ ask.text }}")], "start>ask ask>say"))
    assert (problem.path, problem.code) == ("/nodes/1/config/structured/schema", "bad_schema")
    assert problem.severity == "warning"


async def test_older_schemas_are_understood():
    schema = {"type": "object", "properties": {"pair": {"items": [{"type": "integer"}, {"type": "string"}]}}}
    played, _ = await run(asking("x", structured={"schema": schema}), said('<think>hm</think>{"pair": [1, "a"]}'))
    assert outputs(played)["structured"] == {"pair": [1, "a"]}
    assert (outputs(played)["text"], outputs(played)["reasoning"]) == ('{"pair": [1, "a"]}', "hm")


# Classes


def classifying(*classes, **config):
    classes = classes or (
        {"id": "bug", "name": "Something is broken", "label": "Bugs"},
        {"id": "money", "name": "Payments about {{ inputs.what }}"},
    )
    config = {"query": "sys.query", "model": MODEL, "classes": list(classes), **config}
    return node("sort", "question-classifier", config=config)


async def classify(reply, **config):
    written = classifying(**config)
    nodes = [written, answer("a", "A"), answer("b", "B")]
    model = ScriptedModel(m=reply)
    doc = document(nodes, "start>sort sort>a:bug sort>b:money")
    played = await play(doc, ports=ports(models=model), query="I paid twice", inputs={"what": "bills"})
    return played, model.seen


@pytest.mark.parametrize(
    ("reply", "chosen", "recognised"),
    [
        ('{"class": "money"}', "money", True),
        ("money", "money", True),
        ('```json\n{"class_id": "Money"}\n```', "money", True),
        ('{"category": {"name": "Payments about bills"}}', "money", True),
        ("I think that this is: payments about bills.", "money", True),
        ('{"class": "Bugs"}', "bug", True),
        ("It may be bug or money", "bug", False),
        ("", "bug", False),
        ('{"class": "weather"}', "bug", False),
    ],
)
async def test_classifier_goes_on_by_the_class_however_the_model_writes_it(reply, chosen, recognised):
    played, _ = await classify(said(reply))
    assert played.finished.outputs["answer"] == {"bug": "A", "money": "B"}[chosen]
    assert process(played, "sort")["recognised"] is recognised
    assert outputs(played, "sort")["class_id"] == chosen


async def test_classifier_tells_the_model_the_classes_and_that_the_text_is_no_order():
    played, seen = await classify(said('{"class": "money"}'), instruction="Be strict, {{ inputs.what }}.")
    system, user = seen[0].messages
    assert "- money: Payments about bills" in system.text
    assert "Be strict, bills." in system.text
    assert user.text == "<text>\nI paid twice\n</text>"
    assert seen[0].shape.schema["properties"]["class"]["enum"] == ["bug", "money"]
    assert outputs(played, "sort")["class_name"] == "Payments about bills"
    assert played.finished.usage.input_tokens == 7


async def test_classifier_fails_when_there_is_nothing_to_sort():
    model = ScriptedModel(m=said("money"))
    doc = document([classifying(), answer("a", "A")], "start>sort sort>a:bug")
    played = await play(doc, ports=ports(models=model), query=" ")
    assert (played.finished.error.code, model.seen) == ("missing_value", [])


# Parameters

PARAMETERS = [
    {"name": "city", "type": "string", "description": "Where to", "required": True},
    {"name": "days", "type": "number"},
    {"name": "window", "type": "boolean"},
    {"name": "class", "type": "select", "options": ["First", "Second"]},
    {"name": "stops", "type": "array[string]"},
]


async def extract(*replies, **config):
    written = node(
        "get", "parameter-extractor",
        config={"query": "sys.query", "model": MODEL, "parameters": PARAMETERS, **config},
    )  # fmt: skip
    played, seen = await run(written, *replies, query="To Rome for 3 days")
    return played, seen, outputs(played, "get")


async def test_extractor_has_the_model_call_a_function():
    arguments = '{"city": "Rome", "days": "3", "window": "yes", "class": "first", "stops": "Pisa"}'
    _, seen, got = await extract(said(tool_calls=[ToolCall(id="1", name="note_values", arguments=arguments)]))
    assert seen[0].tool_choice == seen[0].tools[0].name == "note_values"
    assert seen[0].tools[0].parameters["properties"]["class"] == {"type": "string", "enum": ["First", "Second"]}
    usage = got.pop("usage")
    assert usage["input_tokens"] == 7
    assert got == {
        "city": "Rome", "days": 3, "window": True, "class": "First", "stops": ["Pisa"],
        "is_success": True, "reason": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    "text", ['{"city": "Rome"}', '```\n{"city": "Rome"}\n```', '{"name": "note_values", "arguments": {"city": "Rome"}}']
)
async def test_extractor_reads_a_model_that_writes_instead_of_calling(text):
    _, _, got = await extract(said(text))
    assert (got["city"], got["is_success"]) == ("Rome", True)
    assert (got["days"], got["window"], got["class"], got["stops"]) == (None, None, "", [])


async def test_extractor_asks_for_json_where_functions_are_refused():
    refusal = NodeFailure("bad_model_request", "tools are not supported")
    played, seen, got = await extract(said(failure=refusal), said('{"city": "Rome"}'))
    assert (len(seen), seen[1].tools, got["city"]) == (2, (), "Rome")
    assert process(played, "get")["function_call_refused"] == "tools are not supported"


async def test_extractor_asks_for_json_where_that_is_wanted():
    _, seen, got = await extract(said('{"city": "Rome"}'), mode="prompt")
    assert (seen[0].tools, seen[0].shape.name, got["is_success"]) == ((), "values", True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("I do not know.", "no JSON"),
        ('{"days": 2}', "city was not found"),
        ('{"city": "Rome", "days": "many"}', "days should be a number"),
        ('{"city": "Rome", "class": "Third"}', "class should be one of First, Second"),
    ],
)
async def test_extractor_says_what_it_did_not_get_and_goes_on(text, reason):
    played, _, got = await extract(said(text), mode="prompt")
    assert played.finished.status == "succeeded"
    assert got["is_success"] is False
    assert reason in got["reason"]


def test_braces_of_jinja_messages_are_not_ours():
    message = {"role": "user", "text": "{% if a %}{{ a | upper }}{% endif %}", "jinja": True, "variables": {"a": "x.y"}}
    written = document([asking(message), answer("say", "{{ ask.text }}")], "start>ask ask>say")
    assert [(found.path, found.code) for found in validate(written)] == [
        ("/nodes/1/config/prompt/0/variables/a", "unknown_reference")
    ]
