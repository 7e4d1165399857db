"""What a document's code and templates are told before they run."""

from __future__ import annotations

import threading
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.workflows.dsl import dump, load, validate
from apps.workflows.dsl.code_rules import MAX_CHARS


def written(*nodes):
    """A workflow of these nodes, one after the other."""
    ids = ["start", *(node["id"] for node in nodes), "end"]
    return {
        "skep": 1,
        "app": {"name": "x", "kind": "workflow"},
        "inputs": [{"name": "a", "type": "text"}, {"name": "b", "type": "json"}],
        "nodes": [
            {"id": "start", "type": "start"},
            *nodes,
            {"id": "end", "type": "end", "config": {"outputs": {"a": "inputs.a"}}},
        ],
        "edges": [{"from": one, "to": other} for one, other in pairwise(ids)],
    }


def code(source, *, name="work", inputs=None, **config):
    config = {"code": source, "inputs": inputs or {}, "outputs": {"n": "number"}, **config}
    return {"id": name, "type": "code", "config": config}


def template(source, inputs=None, *, name="page"):
    return {"id": name, "type": "template-transform", "config": {"template": source, "inputs": inputs or {}}}


def told(*nodes):
    problems = validate(written(*nodes))
    return [(problem.path.removeprefix("/nodes/1/config"), problem.code, problem.severity) for problem in problems]


def message(*nodes):
    return validate(written(*nodes))[0].message


@pytest.mark.parametrize(
    ("source", "inputs", "expected"),
    [
        ("def main(): return {}", {}, []),
        ("async def main(): return {}", {}, []),
        ("def main(a, b=1, *, c=2): ...", {"a": "inputs.a"}, []),
        ("def main(**inputs): ...", {"a": "inputs.a", "b": "inputs.b"}, []),
        ("if True:\n    def main(): ...", {"a": "inputs.a"}, []),
        ("main = lambda a: {}", {"a": "inputs.a"}, []),
        ("from math import sqrt as main", {}, []),
        ("def main(a): ...\ndef main(): ...", {}, []),
        ("@wraps\ndef main(a): ...", {}, []),
        ("def main(:\n", {}, [("/code", "code_syntax", "warning")]),
        ("def main():\nreturn 1", {}, [("/code", "code_syntax", "warning")]),
        ("def other(): ...", {}, [("/code", "code_without_main", "warning")]),
        ("# nothing", {}, [("/code", "code_without_main", "warning")]),
        ("def main(a, b): ...", {"a": "inputs.a"}, [("/code", "code_arguments", "warning")]),
        ("def main(*, c): ...", {}, [("/code", "code_arguments", "warning")]),
        ("def main(a=1): ...", {"b": "inputs.b"}, [("/inputs", "code_arguments", "warning")]),
    ],
)
def test_python_is_told_what_can_be_seen_without_running_it(source, inputs, expected):
    assert told(code(source, inputs=inputs)) == expected


def test_a_warning_names_the_line_and_the_names():
    assert message(code("def main():\n    return {\n")).startswith("Line 2: ")
    assert message(code("def main(a, b): ...")).endswith("inputs: a, b.")
    assert message(template("a\n\n{% if %}")).startswith("Line 3: ")
    assert message(template("{{ x }}{{ y.z|upper }}{{ a }}", {"a": "inputs.a"})).endswith("none: x, y.")


def test_javascript_is_left_to_the_run():
    assert told(code("function main() { return {", language="javascript")) == []


@pytest.mark.parametrize(
    ("source", "inputs", "expected"),
    [
        ("{{ a|upper }} {{ a ~ 1 }} {# x #}", {"a": "inputs.a"}, []),
        ("{% for x in a %}{{ loop.index }}{{ x }}{% set y = x %}{{ y }}{% endfor %}", {"a": "inputs.a"}, []),
        ("{% macro m(p) %}{{ p }}{{ caller() }}{% endmacro %}{{ m(range(3)|list) }}", {}, []),
        ("{% set n = namespace(x=1) %}{{ n.x }}{{ dict(a=1) }}", {}, []),
        ("plain", {}, []),
        ("", {}, []),
        ("{{ sys.query }}", {}, [("/template", "template_name", "warning")]),
        ("{% if a %}", {"a": "inputs.a"}, [("/template", "code_syntax", "warning")]),
        ("{{ a b }}", {}, [("/template", "code_syntax", "warning")]),
        ("{% unknown %}", {}, [("/template", "code_syntax", "warning")]),
    ],
)
def test_templates_are_told_what_can_be_seen_without_rendering_them(source, inputs, expected):
    assert told(template(source, inputs)) == expected


def test_braces_of_other_languages_are_not_taken_for_ours():
    assert told(code("def main():\n    return {'n': f'{{x|y}}{{a b}}'}")) == []
    assert told(code("function main() { return {n: {a: {}}} }  // {{ not a path }}", language="javascript")) == []


BOMBS = {
    "not": "x = " + "not " * 12_000 + "1",
    "minus": "x = " + "-" * 45_000 + "1",
    "elif": "if a: pass\n" + "elif a: pass\n" * 3_500,
    "plus": "x = 1" + " + 1" * 12_000,
    "dots": "x = a" + ".a" * 22_000,
    "brackets": "x = " + "(" * 40_000,
    "digits": "x = " + "1" * 45_000,
    "power": "x = 9**9**9**9",
}


def test_code_made_to_exhaust_a_parser_neither_harms_nor_takes_long():
    sources = [code(source, name="work") for source in BOMBS.values()]
    sources += [template("{{ " + source.removeprefix("x = ") + " }}", name="work") for source in BOMBS.values()]
    sources += [template("{% if x %}" * 4_000, name="work"), template("{{ 'a' * 10 ** 10 }}", name="work")]
    sources += [template("{{ x" + "|upper" * 7_000 + " }}", name="work")]
    ended = []

    def check():  # on a thread, whose stack is smaller than the main one's
        for source in sources:
            began = time.perf_counter()
            assert all(problem.severity == "warning" for problem in validate(written(source)))
            ended.append(time.perf_counter() - began)

    thread = threading.Thread(target=check)
    thread.start()
    thread.join()
    assert len(ended) == len(sources)
    assert max(ended) < 5


def test_very_long_documents_are_checked_up_to_a_point():
    long = "def main(): return {'n': 1}\n" + "# x\n" * (MAX_CHARS // 4 - 100)
    broken = code("def main(:", name="late")
    assert [problem.code for problem in validate(written(code(long), broken))] == ["code_syntax"]
    assert validate(written(code(long), code(long, name="again"), broken)) == []


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, [("/code", "required"), ("/outputs", "required")]),
        ({"code": "", "outputs": {}}, [("/code", "too_short"), ("/outputs", "too_short")]),
        ({"code": 1, "outputs": {"a": "text"}}, [("/code", "wrong_type"), ("/outputs/a", "not_one_of")]),
        ({"code": "x", "outputs": {"a b": "string"}}, [("/outputs", "bad_format")]),
        ({"code": "x", "outputs": {"a": "string"}, "language": "ruby"}, [("/language", "not_one_of")]),
        ({"code": "x", "outputs": {"a": "string"}, "inputs": {"a": "no path"}}, [("/inputs/a", "bad_format")]),
        ({"code": "x", "outputs": {"a": "string"}, "profile": "../x"}, [("/profile", "bad_format")]),
        ({"code": "x", "outputs": {"a": "string"}, "limits": {"wall_s": 0}}, [("/limits/wall_s", "out_of_range")]),
        ({"code": "x", "outputs": {"a": "string"}, "limits": {"cpu": 1}}, [("/limits/cpu", "unknown_key")]),
        ({"code": "x", "outputs": {"a": "string"}, "inputs": {"a": "env.gone"}}, [("/inputs/a", "unknown_reference")]),
    ],
)
def test_a_wrong_code_node_is_told_where_and_what(config, expected):
    problems = validate(written({"id": "work", "type": "code", "config": config}))
    found = [(p.path.removeprefix("/nodes/1/config"), p.code) for p in problems if p.severity == "error"]
    assert sorted(found) == sorted(expected)


def test_outputs_that_are_not_declared_cannot_be_referred_to():
    document = written(code("def main(): ..."))
    document["nodes"][-1]["config"]["outputs"] = {"a": "work.n", "b": "work.m"}
    assert [(p.path, p.code) for p in validate(document)] == [("/nodes/2/config/outputs/b", "unknown_output")]


def test_code_is_written_as_lines_and_comes_back_as_it_was():
    source = "def main(a):  \n\t# tabs\tand “quotes” 🐝\n   \n\n    return {'n': 1}\n"
    document = written(code(source, inputs={"a": "inputs.a"}))
    text = dump(document)
    assert "code: |\n      def main(a):  \n      \t# tabs\tand “quotes” 🐝\n" in text
    assert load(text) == document


LINES = st.text(alphabet=" \t\n\r\x85\u2028\ufeffab#:-|>'\"\\é🐝\x7f", max_size=40)


@settings(max_examples=300, deadline=None)
@given(source=LINES)
def test_every_text_of_code_comes_back_as_it_was(source):
    document = written(template("x" + source + "\ny"), code(source, name="more"))
    assert load(dump(document)) == document


@pytest.mark.parametrize(
    ("source", "profile", "lacking"),
    [
        ("import json, xml.dom\nfrom collections import abc", "base", ""),
        ("import requests", "base", "“base” has no package requests."),
        (
            "import pandas as pd\nimport numpy.linalg",
            "base",
            "numpy, pandas. The profile “data” has it.",
        ),
        ("from numpy import array\nimport dateutil.parser", "data", ""),
        ("import sklearn.svm", "data", "“data” has no package sklearn."),
        ("def later():\n    from httpx import get", "net", "“net” has no package httpx."),
        ("try:\n    import orjson\nexcept ImportError:\n    import json", "base", ""),
        ("import shapely", "geo", ""),
        ("from . import x", "base", ""),
    ],
)
def test_packages_that_a_profile_lacks_are_named(source, profile, lacking):
    problems = validate(written(code(f"{source}\ndef main(): return {{}}", profile=profile)))
    assert [problem.code for problem in problems] == (["code_import"] if lacking else [])
    assert all(problem.severity == "warning" and lacking in problem.message for problem in problems)


def test_what_javascript_imports_is_left_to_the_sandbox():
    assert told(code("const fs = require('fs'); function main() { return {} }", language="javascript")) == []
