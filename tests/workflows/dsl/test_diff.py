"""A difference says what changed of the meaning, and nothing of how the document is written."""

from __future__ import annotations

import copy

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.workflows.dsl import diff_documents, load
from apps.workflows.dsl.diff import compare
from tests.workflows.conftest import CHAT, WORKFLOW

LOOP = """
skep: 1
app: {name: Again, kind: chat}
nodes:
  - {id: start, type: start}
  - id: again
    type: loop
    config:
      rounds: 3
      body:
        nodes: [{id: one, type: template-transform, config: {template: a}}]
  - id: ask
    type: http-request
    config: {method: POST, url: "https://bees.example", body: {kind: text, text: hello bees}}
  - {id: say, type: answer, config: {text: "{{ ask.body }}"}}
edges: [{from: start, to: again}, {from: again, to: ask}, {from: ask, to: say}]
"""


def changed(text, change):
    old = load(text)
    new = copy.deepcopy(old)
    change(new)
    return diff_documents(old, new)


def test_the_same_document_has_no_difference_however_it_is_written():
    def reorder(document):
        document["nodes"].reverse()
        document["edges"].reverse()
        document["canvas"] = {"start": [1, 2]}
        document["x-note"] = 1
        document["nodes"][0]["x-dify"] = {"id": "1"}

    found = changed(CHAT, reorder)
    assert not found.means_something
    assert found.moved == ("start",)


def test_a_prompt_changes_word_by_word():
    def edit(document):
        document["nodes"][1]["config"]["prompt"].insert(0, {"role": "system", "text": "Be kind."})
        document["nodes"][2]["config"]["text"] = "You have said: {{ reply.text }}"

    found = changed(CHAT, edit)
    assert [(one.id, one.kind) for one in found.nodes] == [("reply", "changed"), ("say", "changed")]
    (change,) = found.nodes[1].changes
    assert change.path == "/config/text"
    assert [(piece.kind, piece.text) for piece in change.words if piece.kind != "same"] == [("added", "have ")]
    assert "".join(piece.text for piece in change.words if piece.kind != "removed") == change.new


def test_nodes_edges_and_settings_come_and_go():
    def edit(document):
        document["app"]["name"] = "Whisper"
        document["inputs"].insert(0, {"name": "new", "type": "text"})
        document["nodes"].pop(2)
        document["nodes"].append({"id": "more", "type": "template-transform", "config": {"template": ""}})
        document["edges"] = [edge for edge in document["edges"] if "quiet" not in edge.values()]

    found = changed(WORKFLOW, edit)
    assert {(one.path, one.kind) for one in found.settings} == {("/app/name", "changed"), ("/inputs/new", "added")}
    assert [(one.id, one.kind) for one in found.nodes] == [("quiet", "removed"), ("more", "added")]
    assert {(one.kind, one.source, one.target, one.when) for one in found.edges} == {
        ("removed", "which", "quiet", "else"),
        ("removed", "quiet", "either", None),
    }


def test_what_is_inside_containers_is_compared_by_itself_and_bodies_of_requests_are_not_graphs():
    def edit(document):
        body = document["nodes"][1]["config"]["body"]
        body["nodes"][0]["config"]["template"] = "b"
        body["nodes"].append({"id": "two", "type": "template-transform", "config": {"template": ""}})
        body["edges"] = [{"from": "one", "to": "two"}]
        document["nodes"][2]["config"]["body"]["text"] = "hello wasps"

    found = changed(LOOP, edit)
    assert [(one.id, one.kind, one.inside) for one in found.nodes] == [
        ("ask", "changed", ()),
        ("one", "changed", ("again",)),
        ("two", "added", ("again",)),
    ]
    assert found.nodes[0].changes[0].path == "/config/body/text"
    assert [(one.source, one.target) for one in found.edges] == [("one", "two")]


values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "name", "a"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(values, values)
def test_two_values_differ_if_and_only_if_a_change_says_so(old, new):
    assert list(compare(old, old, ())) == []
    assert list(compare(old, copy.deepcopy(old), ())) == []
    changes, back = list(compare(old, new, ())), list(compare(new, old, ()))
    assert sorted(change.path for change in changes) == sorted(change.path for change in back)
