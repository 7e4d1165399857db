"""What each type of node does, run in a workflow as authors write it."""

from __future__ import annotations

import pytest

from apps.workflows.engine.events import NodeSucceeded
from apps.workflows.engine.ports import Example, PromptMessage
from tests.workflows.engine.ports_for_tests import Reply, ScriptedModel, passage, ports
from tests.workflows.engine.runs import answer, document, node, play

MODEL = {"name": "m", "temperature": 0.2, "max_tokens": 50}


def asking(*prompt, **config):
    messages = [{"role": role, "text": text} for role, text in prompt]
    return node("ask", "llm", config={"model": MODEL, "prompt": messages, **config})


async def ask(llm, *, query="What?", **world):
    """Run find -> ask -> say and return the run and the request the model got."""
    model = ScriptedModel(m=Reply(["An ", "answer"]))
    find = node("find", "knowledge-retrieval", config={"query": "sys.query", "datasets": ["handbook"], "top_k": 2})
    written = document([find, llm, answer("say", "{{ ask.text }}")], "start>find find>ask ask>say")
    played = await play(written, ports=ports(models=model, **world), query=query)
    return played, model.seen[0] if model.seen else None


def told(request):
    return [(message.role, message.text) for message in request.messages]


async def test_llm_sends_its_prompt_and_gives_text_usage_and_who_answered():
    played, request = await ask(asking(("system", "Be brief."), ("user", "{{ sys.query }}")))
    assert told(request) == [("system", "Be brief."), ("user", "What?")]
    assert request.parameters == {"temperature": 0.2, "max_tokens": 50}
    outputs = played.state.nodes["ask"].outputs
    assert (outputs["text"], outputs["model"], outputs["finish_reason"]) == ("An answer", "m-1", "stop")
    assert outputs["usage"]["input_tokens"] == 7
    event = next(e for e in played.events if isinstance(e, NodeSucceeded) and e.node_id == "ask")
    assert event.process["provider"] == "scripted"
    assert event.process["messages"][1] == {"role": "user", "text": "What?"}
    assert event.first_text <= event.elapsed
    assert event.usage.output_tokens == 3


async def test_llm_shows_passages_numbered_with_title_and_page():
    found = [passage("Bees dance.", page=3), passage("Hives hum.", heading="Sound")]
    llm = asking(("system", "Context:\n{{ context }}"), ("user", "{{ sys.query }}"), context="find.result")
    played, request = await ask(llm, passages=found)
    assert request.messages[0].text == (
        "Context:\n[1] Handbook, page 3\nBees dance.\n\n[2] Handbook › Sound\nHives hum."
    )
    citations = played.state.nodes["ask"].outputs["citations"]
    assert [citation["text"] for citation in citations] == ["Bees dance.", "Hives hum."]
    assert citations[0]["page"] == 3


async def test_llm_without_passages_shows_an_empty_context():
    llm = asking(("system", "Context:{{ context }}."), ("user", "x"), context="find.result")
    played, request = await ask(llm)
    assert request.messages[0].text == "Context:."
    assert played.state.nodes["ask"].outputs["citations"] == []


async def test_llm_takes_any_text_as_context():
    written = document(
        [
            asking(("user", "{{ context }}"), context="inputs.notes"),
            answer("say", "{{ ask.text }}"),
        ],
        "start>ask ask>say",
    )
    model = ScriptedModel(m=Reply(["ok"]))
    await play(written, ports=ports(models=model), inputs={"notes": "written by hand"})
    assert told(model.seen[0]) == [("user", "written by hand")]


async def test_llm_puts_earlier_turns_before_what_is_asked_now():
    turns = [PromptMessage(role=role, text=f"{role}{n}") for n in (1, 2, 3) for role in ("user", "assistant")]
    llm = asking(("system", "S"), ("user", "{{ sys.query }}"), memory={"window": 2})
    _, request = await ask(llm, memory=turns)
    assert [text for _, text in told(request)] == ["S", "user2", "assistant2", "user3", "assistant3", "What?"]


async def test_llm_shows_approved_examples_as_turns_or_in_the_system_message():
    examples = [Example(id=f"e{n}", question=f"Q{n}", answer=f"A{n}", score=1.0) for n in (1, 2, 3)]
    turns = [PromptMessage(role="user", text="earlier")]
    prompt = [("system", "S"), ("user", "{{ sys.query }}")]
    played, request = await ask(
        asking(*prompt, few_shot={"k": 2}, memory={"window": 1}), examples=examples, memory=turns
    )
    assert [text for _, text in told(request)] == ["S", "Q1", "A1", "Q2", "A2", "earlier", "What?"]
    event = next(e for e in played.events if isinstance(e, NodeSucceeded) and e.node_id == "ask")
    assert [(each["id"], each["question"], each["score"]) for each in event.process["examples"]] == [
        ("e1", "Q1", 1.0),
        ("e2", "Q2", 1.0),
    ]
    assert "examples_budget" not in event.process

    _, request = await ask(asking(*prompt, few_shot={"k": 1, "place": "system"}), examples=examples)
    assert told(request)[0] == ("system", "S\n\nApproved answers to similar questions:\n\nQ: Q1\nA: A1")
    assert len(request.messages) == 2

    _, request = await ask(asking(("user", "hm"), few_shot={"k": 1, "place": "system"}), examples=examples)
    assert [role for role, _ in told(request)] == ["system", "user"]


async def test_llm_shows_the_nearest_examples_that_fit_into_the_token_budget():
    sizes = [("e1", 0.9, 60), ("e2", 0.8, 50), ("e3", 0.7, 30), ("e4", 0.6, 10), ("e5", 0.2, 1)]
    examples = [Example(id=id, question=id, answer="a", score=score, tokens=tokens) for id, score, tokens in sizes]
    few_shot = {"k": 3, "token_budget": 100, "min_score": 0.5}
    played, request = await ask(asking(("user", "{{ sys.query }}"), few_shot=few_shot), examples=examples)
    assert [text for _, text in told(request)] == ["e1", "a", "e3", "a", "e4", "a", "What?"]
    event = next(e for e in played.events if isinstance(e, NodeSucceeded) and e.node_id == "ask")
    assert [each["tokens"] for each in event.process["examples"]] == [60, 30, 10]
    assert event.process["examples_budget"] == {"tokens": 100, "used": 100, "too_long": 1}

    few_shot["token_budget"] = 5
    played, request = await ask(asking(("user", "{{ sys.query }}"), few_shot=few_shot), examples=examples)
    assert [text for _, text in told(request)] == ["What?"]
    event = next(e for e in played.events if isinstance(e, NodeSucceeded) and e.node_id == "ask")
    assert event.process["examples_budget"] == {"tokens": 5, "used": 0, "too_long": 4}


async def test_llm_leaves_empty_messages_out_and_refuses_to_send_nothing():
    _, request = await ask(asking(("system", "{{ inputs.missing }} "), ("user", "hm")))
    assert told(request) == [("user", "hm")]
    played, request = await ask(asking(("user", "{{ inputs.missing }}")))
    assert played.finished.error.code == "empty_prompt"
    assert request is None


async def test_llm_keeps_what_was_written_when_the_stream_breaks():
    model = ScriptedModel(m=Reply(["Half "], failure=OSError("line is dead")))
    written = document([asking(("user", "hm")), answer("say", "{{ ask.text }}")], "start>ask ask>say")
    played = await play(written, ports=ports(models=model))
    state = played.state.nodes["ask"]
    assert (state.status, state.outputs) == ("failed", {"text": "Half "})
    failed = next(event for event in played.events if event.kind == "node_failed")
    assert failed.process["messages"] == [{"role": "user", "text": "hm"}]


async def test_knowledge_retrieval_gives_every_field_of_the_passages():
    world = ports(passages=[passage("Bees dance.", page=3), passage("b"), passage("c")])
    config = {"query": "About {{ sys.query }}", "datasets": ["handbook"], "method": "semantic", "min_score": 0.3}
    nodes = [
        node("find", "knowledge-retrieval", config={**config, "top_k": 2}),
        answer("say", "{{ find.result.0.text }}"),
    ]
    played = await play(document(nodes, "start>find find>say"), ports=world, query="bees")
    (request,) = world.retrieval.seen
    assert (request.query, request.method, request.top_k, request.min_score) == ("About bees", "semantic", 2, 0.3)
    result = played.state.nodes["find"].outputs["result"]
    assert result[0] == {
        "chunk_id": "chunk-Bees dan",
        "document_id": "document-1",
        "document_name": "Handbook",
        "dataset_id": "dataset-1",
        "dataset_name": "handbook",
        "text": "Bees dance.",
        "score": 0.9,
        "scores": {"semantic": 0.9},
        "page": 3,
        "char_start": 0,
        "char_end": 0,
        "heading_path": [],
        "position": 0,
    }
    assert played.finished.outputs["answer"] == "Bees dance."


async def test_knowledge_retrieval_passes_on_what_was_chosen_and_shows_notes():
    world = ports(passages=[passage("Bees dance.")])
    world.retrieval.notes = [{"code": "rerank_failed", "message": "Too late."}]
    config = {
        "query": "sys.query",
        "datasets": ["handbook"],
        "lexical_weight": 0.2,
        "rerank": {"model": "jina/reranker", "candidates": 20},
        "token_budget": 900,
        "filters": {
            "logical": "or",
            "conditions": [
                {"name": "author", "op": "is", "right": "{{ sys.query }}"},
                {"name": "year", "op": ">=", "right": 2020},
                {"name": "topic", "op": "empty"},
            ],
        },
    }
    nodes = [node("find", "knowledge-retrieval", config=config), answer("say", "-")]
    played = await play(document(nodes, "start>find find>say"), ports=world, query="Ann")
    (request,) = world.retrieval.seen
    assert (request.method, request.top_k, request.lexical_weight, request.token_budget) == (None, None, 0.2, 900)
    assert request.rerank == {"model": "jina/reranker", "candidates": 20}
    assert request.filters == {
        "logical": "or",
        "conditions": [
            {"name": "author", "op": "is", "value": "Ann"},
            {"name": "year", "op": ">=", "value": 2020},
            {"name": "topic", "op": "empty"},
        ],
    }
    event = next(e for e in played.events if isinstance(e, NodeSucceeded) and e.node_id == "find")
    assert event.process["notes"] == [{"code": "rerank_failed", "message": "Too late."}]
    assert event.process["hits"][0]["score"] == 0.9


async def test_knowledge_retrieval_can_have_a_model_choose_the_filter():
    world = ports(passages=[passage("Bees dance.")])
    filters = {"mode": "automatic", "model": "openai/small"}
    nodes = [
        node("find", "knowledge-retrieval", config={"query": "sys.query", "datasets": ["x"], "filters": filters}),
        answer("say", "-"),
    ]
    await play(document(nodes, "start>find find>say"), ports=world, query="Ann")
    assert (world.retrieval.seen[0].filters, world.retrieval.seen[0].filter_model) == (None, "openai/small")


async def test_knowledge_retrieval_without_a_question_says_what_is_missing():
    nodes = [node("find", "knowledge-retrieval", config={"query": "sys.query", "datasets": ["x"]}), answer("say", "")]
    played = await play(document(nodes, "start>find find>say"), query="  ")
    assert (played.finished.error.code, played.finished.error.details) == ("missing_value", {"path": "sys.query"})


async def branch(inputs, *conditions, logical="and"):
    """The case an if-else chooses, or the code it fails with."""
    cases = [{"id": "yes", "logical": logical, "conditions": [dict(c) for c in conditions]}]
    nodes = [node("which", "if-else", config={"cases": cases}), answer("say", "-")]
    played = await play(document(nodes, "start>which which>say:yes which>say:else"), inputs=inputs)
    if played.finished.error is not None:
        return played.finished.error.code
    return played.state.nodes["which"].outputs["case"]


def holds(op, right=None):
    condition = {"left": "inputs.x", "op": op}
    return condition if right is None else {**condition, "right": right}


@pytest.mark.parametrize(
    ("x", "op", "right", "expected"),
    [
        ("hello", "contains", "ell", "yes"),
        ("", "contains", "", "else"),
        ("", "not_contains", "x", "yes"),
        (["a", "b"], "contains", "b", "yes"),
        ([1, 2], "contains", "2", "yes"),
        ("hello", "starts_with", "he", "yes"),
        ("hello", "ends_with", "he", "else"),
        ("a", "is", "a", "yes"),
        (True, "is", True, "yes"),
        (True, "is", "true", "yes"),
        (3, "is", "3", "yes"),
        ("a", "is_not", "a", "else"),
        (None, "is", "a", "else"),
        (None, "is_not", "a", "yes"),
        ("", "empty", None, "yes"),
        ([], "empty", None, "yes"),
        (0, "empty", None, "else"),
        (False, "not_empty", None, "yes"),
        ("b", "in", ["a", "b"], "yes"),
        ("b", "in", "abc", "yes"),
        ("d", "not_in", ["a", "b"], "yes"),
        (["a", "b", "c"], "all_of", ["a", "c"], "yes"),
        (["a"], "all_of", ["a", "c"], "else"),
        (7, "=", 7.0, "yes"),
        ("7", "=", 7, "yes"),
        (7, "!=", "7", "else"),
        (2, "<", 10, "yes"),
        ("2", "<", "10", "yes"),
        (2.5, ">=", 2.5, "yes"),
        (3, "<=", 2, "else"),
        (3, ">", 2, "yes"),
        (None, ">", 2, "else"),
        ("many", ">", 2, "wrong_type"),
        (None, "null", None, "yes"),
        (0, "not_null", None, "yes"),
        (None, "exists", None, "yes"),
        (5, "contains", "5", "wrong_type"),
    ],
)
async def test_if_else_compares(x, op, right, expected):
    assert await branch({"x": x}, holds(op, right)) == expected


async def test_if_else_fails_where_there_is_nothing_to_compare_but_can_ask_whether_there_is():
    for condition, expected in [
        (holds("is", "a"), "missing_value"),
        (holds("exists"), "else"),
        (holds("not_exists"), "yes"),
        (holds("null"), "yes"),
        (holds("empty"), "yes"),
    ]:
        assert await branch({}, condition) == expected


async def test_if_else_combines_conditions_and_looks_no_further_than_it_must():
    true, false = holds("is", "a"), holds("is", "b")
    fails = {"left": "inputs.missing", "op": "is", "right": "a"}
    for conditions, logical, expected in [
        ((true, true), "and", "yes"),
        ((true, false), "and", "else"),
        ((false, true), "or", "yes"),
        ((false, false), "or", "else"),
        ((false, fails), "and", "else"),
        ((true, fails), "or", "yes"),
    ]:
        assert await branch({"x": "a"}, *conditions, logical=logical) == expected


async def test_if_else_compares_with_other_values():
    assert await branch({"x": "ab", "y": "b"}, holds("is", "a{{ inputs.y }}")) == "yes"


async def test_variable_aggregator_takes_the_first_value_that_says_something():
    config = {"groups": {"text": ["inputs.none", "inputs.blank", "inputs.b", "inputs.c"], "count": ["inputs.zero"]}}
    nodes = [
        node("merge", "variable-aggregator", config=config),
        node("simple", "variable-aggregator", config={"variables": ["inputs.none"]}),
        answer("say", "{{ merge.text }} {{ merge.count }} {{ simple.output }}"),
    ]
    values = {"none": None, "blank": "", "b": "B", "c": "C", "zero": 0}
    played = await play(document(nodes, "start>merge merge>simple simple>say"), inputs=values)
    assert played.finished.outputs["answer"] == "B 0 "
    event = next(e for e in played.events if isinstance(e, NodeSucceeded) and e.node_id == "merge")
    assert event.process == {"chosen": {"text": "inputs.b", "count": "inputs.zero"}}


async def test_notes_of_other_programs_in_a_configuration_change_nothing():
    nodes = [answer("say", "ok")]
    nodes[0]["config"]["x-dify"] = {"anything": True}
    played = await play(document(nodes, "start>say"))
    assert played.finished.outputs["answer"] == "ok"
