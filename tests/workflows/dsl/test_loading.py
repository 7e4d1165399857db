"""Documents as text: YAML and JSON in, YAML out, and what is refused on the way."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.workflows.dsl import UnreadableDocument, dump, load
from tests.workflows.dsl.handbook import TEXT, handbook


def refusal(text):
    with pytest.raises(UnreadableDocument) as caught:
        load(text)
    (problem,) = caught.value.problems
    return problem.code, problem.message


def test_yaml_and_json_say_the_same():
    assert load(json.dumps(handbook())) == load(TEXT) == load(TEXT.encode())


def test_what_is_written_reads_back_and_stays_the_same():
    text = dump(handbook())
    assert load(text) == handbook()
    assert dump(load(text)) == text
    assert "icon: 📘" in text
    assert "      on:\n" in text


def test_the_order_is_for_readers():
    document = handbook()
    document["nodes"][1] = dict(reversed(document["nodes"][1].items()))
    assert dump(dict(reversed(document.items()))) == dump(handbook())


def test_yaml_words_that_old_readers_take_for_something_else_stay_texts():
    document = load(
        "a: on\nb: yes\nc: 2024-01-01\nd: 1:30\ne: 0o7\nf: 012\non: x\ng: .inf\nh: true\ni: ~\nj: 1e3\nk: -7"
    )
    assert document == {
        "a": "on",
        "b": "yes",
        "c": "2024-01-01",
        "d": "1:30",
        "e": "0o7",
        "f": "012",
        "on": "x",
        "g": ".inf",
        "h": True,
        "i": None,
        "j": 1000.0,
        "k": -7,
    }
    assert load(dump(document)) == document


def test_mistakes_are_told_with_their_line():
    assert refusal("skep: 1\nnodes: [\n") == ("not_yaml", "Line 3, column 1: did not find expected node content.")
    code, message = refusal("skep: 1\napp: {}\nskep: 2\n")
    assert (code, message) == ("not_yaml", "Line 3, column 1: the key 'skep' is there twice.")
    assert refusal("a: !!python/object:os.system x")[0] == "not_yaml"
    assert refusal("a: !!binary x")[0] == "not_yaml"
    assert refusal("? [a]\n: b")[0] == "not_yaml"
    assert refusal('{"a": 1,,}')[0] == "not_yaml"
    assert refusal("") == refusal("[1]") == refusal("just words")
    assert refusal(b"\xff\xfe")[0] == "not_text"
    assert refusal("---\na: 1\n---\nb: 2")[0] == "not_yaml"


def test_bombs_do_not_go_off():
    began = time.perf_counter()
    laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
    )
    assert refusal(laughs)[0] == "too_large"
    assert refusal("a: &a [*a]")[0] == "too_large"
    assert refusal("a: " + "[" * 5_000)[0] == "too_large"
    assert refusal('{"a": ' + "[" * 100_000)[0] == "too_large"
    assert refusal("a: " + "x" * 1_000_001)[0] == "too_large"
    assert time.perf_counter() - began < 5


def test_aliases_become_values_of_their_own():
    document = load("a: &x {n: 1}\nb: *x")
    document["a"]["n"] = 2
    assert document["b"] == {"n": 1}


def test_a_pipeline_of_dify_is_recognised_and_refused():
    text = "kind: rag_pipeline\nversion: '0.6.0'\napp: {name: x}\nworkflow: {graph: {}}"
    assert refusal(text)[0] == "unsupported_format"


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=60) | st.text(alphabet="a:[]{}&*!?-|> \n'\"0,#%@\t", max_size=40))
def test_no_text_makes_the_reader_fail_otherwise(text):
    try:
        document = load(text)
    except UnreadableDocument as refused:
        document = [problem.as_json() for problem in refused.problems]
    assert json.loads(json.dumps(document)) == document


TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), max_size=12)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(document=st.dictionaries(TEXTS, VALUES, min_size=1, max_size=5))
def test_whatever_is_written_reads_back(document):
    assert load(dump({"skep": 1, **document})) == {"skep": 1, **document}
