"""References, texts with insertions, durations and back-off."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from apps.workflows.engine.errors import InvalidGraph, NodeFailure
from apps.workflows.engine.events import ErrorInfo, NodeFailed, NodeSucceeded, Usage, from_dict, to_dict
from apps.workflows.engine.graph import compile_plan
from apps.workflows.engine.policy import compile_policy, seconds
from apps.workflows.engine.variables import MISSING, Reference, Template, Values, is_empty, parse_source, resolve
from tests.workflows.engine.runs import TEST_REGISTRY, answer, document, node

ROOT = Path(__file__).resolve().parents[3]


def values():
    made = Values(inputs={"n": None, "who": "Ada"}, sys={"query": "Why?"}, conversation={"topic": "bees"}, env={"k": 1})
    made.put("find", {"result": [{"text": "first", "tags": ["a", "b"]}], "empty": {}})
    return made


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("sys.query", "Why?"),
        ("inputs.who", "Ada"),
        ("inputs.n", None),
        ("conversation.topic", "bees"),
        ("env.k", 1),
        ("find.result.0.text", "first"),
        ("find.result.0.tags.1", "b"),
        ("find.result.1", MISSING),
        ("find.result.text", MISSING),
        ("find.result.0.text.0", MISSING),
        ("find.nothing", MISSING),
        ("nobody.text", MISSING),
        ("inputs.n.deeper", MISSING),
    ],
)
def test_a_dotted_path_finds_its_value_or_nothing(path, expected):
    assert values().find(Reference.parse(path)) is expected or values().find(Reference.parse(path)) == expected
    assert values().get(Reference.parse(path)) == (None if expected is MISSING else expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hi {{ inputs.who }}!", "Hi Ada!"),
        ("{{inputs.who}}{{ sys.query }}", "AdaWhy?"),
        ("{{ inputs.n }}|{{ inputs.other }}", "|"),
        ("{{ find.result }}", '[{"text": "first", "tags": ["a", "b"]}]'),
        ("{{ find.empty }}", "{}"),
        ("{{ sys.query | upper }} {% if x %} {{{{ }} {{}}", "{{ sys.query | upper }} {% if x %} {{{{ }} {{}}"),
        ("{{ a b }} {{ .x }} {{ x. }}", "{{ a b }} {{ .x }} {{ x. }}"),
        ('{{ "{{ sys.query }}" }} {{"{{"}} sys.query }}', "{{ sys.query }} {{ sys.query }}"),
        ('{{ "{{" }} {{ sys.query }}', "{{ Why?"),
        ('{{ "" }}{{ "no end }}', '{{ "no end }}'),
        ("no insertions", "no insertions"),
        ("", ""),
    ],
)
def test_a_text_inserts_values_and_does_nothing_else(text, expected):
    assert Template.parse(text).render(values()) == expected


def test_inserted_values_are_not_looked_at_again():
    trick = Values(inputs={"x": "{{ env.secret }}"}, sys={}, conversation={}, env={"secret": "s3cret"})
    assert Template.parse("{{ inputs.x }}").render(trick) == "{{ env.secret }}"


def test_a_source_is_a_reference_or_a_text():
    assert resolve(parse_source("find.result"), values()) == [{"text": "first", "tags": ["a", "b"]}]
    assert resolve(parse_source("<{{ sys.query }}>"), values()) == "<Why?>"


def test_zero_and_false_are_values():
    assert [value for value in (None, MISSING, "", [], {}, (), 0, False, " ") if is_empty(value)] == [
        None,
        MISSING,
        "",
        [],
        {},
        (),
    ]


def test_durations():
    assert [seconds(text) for text in ("500ms", "60s", "2m", "1h", "1.5s", 3, 0.2)] == [0.5, 60, 120, 3600, 1.5, 3, 0.2]
    for wrong in ("", "5", "5 s", "5w", "s", "5s\n"):
        with pytest.raises(InvalidGraph):
            seconds(wrong)


def test_waits_grow_within_bounds_and_respect_what_the_provider_asks_for():
    retry = compile_policy({"retry": {"times": 5, "first": "1s", "longest": "10s"}}).retry
    plain = NodeFailure("rate_limited", "", retryable=True)
    for tried, wait in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 10), (9, 10)]:
        delays = [retry.delay(plain, tried=tried) for _ in range(50)]
        assert wait * 0.75 <= min(delays) < max(delays) <= wait * 1.25
    asked = NodeFailure("rate_limited", "", retryable=True, details={"retry_after": 7})
    assert retry.delay(asked, tried=1) == 7
    fixed = compile_policy({"retry": {"times": 5, "first": "1s", "backoff": "fixed"}}).retry
    assert fixed.delay(plain, tried=5) <= 1.25


def test_only_what_deserves_it_is_tried_again():
    by_code = compile_policy({"retry": {"times": 2, "on": ["timeout"]}}).retry
    assert by_code.wants(NodeFailure("timeout", ""), tried=2)
    assert not by_code.wants(NodeFailure("timeout", ""), tried=3)
    assert not by_code.wants(NodeFailure("rate_limited", "", retryable=True), tried=1)
    by_kind = compile_policy({"retry": {"times": 1}}).retry
    assert by_kind.wants(NodeFailure("rate_limited", "", retryable=True), tried=1)
    assert not by_kind.wants(NodeFailure("refused", ""), tried=1)
    assert compile_policy({"retry": {"times": 0}}).retry is None


def test_events_become_json_and_back_without_loss():
    usage = Usage(input_tokens=5, output_tokens=2, cached_input_tokens=1)
    done = NodeSucceeded(at=1.5, node_id="a", outputs={"x": [1]}, usage=usage, first_text=0.1)
    failed = NodeFailed(at=2.0, node_id="a", error=ErrorInfo(code="timeout", message="late", node_id="a"), handled=True)
    for event in (done, failed):
        assert from_dict(to_dict(event)) == event


def test_a_graph_that_cannot_run_does_not_compile():
    for wrong in [
        document([node("a"), node("b")], "start>a a>b b>a"),
        document([node("a"), node("a")], "start>a"),
        document([node("a")], "start>b"),
        document([node("a", "teapot")], "start>a"),
        {**document([], ""), "nodes": [node("a")]},
    ]:
        with pytest.raises(InvalidGraph):
            compile_plan(wrong, registry=TEST_REGISTRY)
    assert compile_plan(document([answer("say", "x")], "start>say"), registry=TEST_REGISTRY).entries == (0,)


def test_the_engine_and_the_nodes_load_without_django():
    code = (
        "import sys, apps.workflows.engine.runner, apps.workflows.engine.replay, apps.workflows.nodes.registry;"
        "print([name for name in ('django', 'httpx', 'jsonschema', 'celery') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
