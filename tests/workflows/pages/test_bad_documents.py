"""What is wrong with a document is told to whoever uploads it: everything at once, each with its place and code."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils.html import escape

from accounts.models import User
from apps.workflows.models import Application

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "traces"])

Told = set[tuple[str, str]]


def document(nodes: list[dict[str, Any]], edges: str, **more: Any) -> dict[str, Any]:
    """A chat with these nodes between start and answer; edges as `a>b` or `a>b:when`."""
    drawn = []
    for one in edges.split():
        way, _, when = one.partition(":")
        source, _, target = way.partition(">")
        drawn.append({"from": source, "to": target, **({"when": when} if when else {})})
    first, last = {"id": "start", "type": "start"}, text("say", "Hi")
    return {"skep": 1, "app": {"name": "Bad", "kind": "chat"}, "nodes": [first, *nodes, last], "edges": drawn, **more}


def text(name: str, said: str) -> dict[str, Any]:
    return {"id": name, "type": "answer", "config": {"text": said}}


def take(name: str, *references: str) -> dict[str, Any]:
    return {"id": name, "type": "variable-aggregator", "config": {"variables": list(references)}}


CHOICE = {
    "id": "which",
    "type": "if-else",
    "config": {"cases": [{"id": "yes", "conditions": [{"left": "sys.query", "op": "is", "right": "x"}]}]},
}
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join(f'*{old}' for _ in range(9))}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
CASES: list[tuple[str, Any, Told]] = [
    (
        "a circle outside of containers",
        document([take("one", "two.output"), take("two", "one.output")], "start>one one>two two>one two>say"),
        {("cycle", "/edges/1")},
    ),
    ("an edge to nothing", document([], "start>say start>gone"), {("unknown_node", "/edges/1/to")}),
    ("an edge from nothing", document([], "start>say gone>say"), {("unknown_node", "/edges/1/from")}),
    (
        "an unknown type",
        document([{"id": "odd", "type": "teleport", "config": {}}], "start>odd odd>say"),
        {("unknown_node_type", "/nodes/1/type")},
    ),
    (
        "an id twice",
        document([take("one", "sys.query"), take("one", "sys.query")], "start>one one>say"),
        {("duplicate_id", "/nodes/2/id")},
    ),
    (
        "a selector to nothing",
        document([take("one", "gone.output"), take("two", "env.gone")], "start>one one>two two>say"),
        {("unknown_reference", "/nodes/1/config/variables/0"), ("unknown_reference", "/nodes/2/config/variables/0")},
    ),
    (
        "a selector to an output that is none",
        document([take("one", "sys.query"), take("two", "one.gone")], "start>one one>two two>say"),
        {("unknown_output", "/nodes/2/config/variables/0")},
    ),
    (
        "a selector to a later node",
        document([take("one", "two.output"), take("two", "sys.query")], "start>one one>two two>say"),
        {("not_upstream", "/nodes/1/config/variables/0")},
    ),
    (
        "a way that the node does not have",
        document([CHOICE], "start>which which>say:yes which>say:perhaps"),
        {("unknown_handle", "/edges/2/when")},
    ),
    (
        "wrong types and unknown keys",
        document([{"id": "one", "type": "answer", "config": {"text": 5, "colour": "red"}}], "start>one one>say"),
        {("wrong_type", "/nodes/1/config/text"), ("unknown_key", "/nodes/1/config/colour")},
    ),
    (
        "a name that is no identifier",
        document([take("1 bad", "sys.query")], "start>say"),
        {("bad_format", "/nodes/1/id")},
    ),
    (
        "a secret in the file",
        document([], "start>say", variables={"environment": [{"name": "t", "type": "secret", "default": "s3cret"}]}),
        {("secret_in_document", "/variables/environment/0/default")},
    ),
    (
        "many faults at once",
        document([take("one", "gone.x"), take("one", "sys.what"), CHOICE], "start>one one>which which>say:no a>b"),
        {
            ("duplicate_id", "/nodes/2/id"),
            ("unknown_reference", "/nodes/1/config/variables/0"),
            ("unknown_handle", "/edges/2/when"),
            ("unknown_node", "/edges/3/from"),
            ("unknown_node", "/edges/3/to"),
        },
    ),
    ("a bomb of aliases", BOMB, {("too_large", "/")}),
    (
        "more than is taken",
        json.dumps(document([text("big", "x" * 1_500_000)], "start>big big>say")),
        {("too_large", "/")},
    ),
    ("no YAML", "nodes: [", {("not_yaml", "/")}),
    ("a list", "[1, 2]", {("wrong_type", "/")}),
    ("a depth without end", "[" * 5_000, {("too_large", "/")}),
]


def told_by(page: str) -> Told:
    """The (code, path) pairs that the page lists."""
    found = re.findall(r'<code>([^<]*)</code></span><span class="tag">([^<]*)</span>', page)
    return {(code, path) for path, code in found}


@pytest.mark.parametrize(("written", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_bad_document_is_refused_with_all_its_faults(
    client: Client, member: User, written: Any, expected: Told
) -> None:
    client.force_login(member)
    body = written if isinstance(written, str) else yaml.safe_dump(written)
    page = client.post("/apps/import/", {"file": SimpleUploadedFile("app.yaml", body.encode(), "text/yaml")})
    assert page.status_code == 200
    assert told_by(page.text) >= expected
    assert escape("s3cret") not in page.text
    assert not Application.objects.exists()


def test_ten_megabytes_are_refused_before_they_are_read(client: Client, member: User) -> None:
    client.force_login(member)
    page = client.post("/apps/import/", {"file": SimpleUploadedFile("app.yaml", b"x" * 10_000_001, "text/yaml")})
    assert "The file is larger than 10 MB." in page.text
    assert not Application.objects.exists()


def test_a_schema_that_is_none_is_warned_of(client: Client, member: User) -> None:
    client.force_login(member)
    asked = {
        "id": "ask",
        "type": "llm",
        "config": {
            "model": {"name": "demo"},
            "prompt": [{"role": "user", "text": "{{ sys.query }}"}],
            "structured": {"schema": {"type": "object", "properties": {"x": {"type": "strnig"}}}},
        },
    }
    body = yaml.safe_dump(document([asked], "start>ask ask>say"))
    sent = {"file": SimpleUploadedFile("app.yaml", body.encode(), "text/yaml")}
    page = client.post("/apps/import/", sent, follow=True)
    assert "Step “ask”: This is no JSON Schema that can be used" in page.text
