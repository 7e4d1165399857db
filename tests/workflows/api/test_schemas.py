"""The schemas of nodes are there for every program, and documents agree with them."""

from __future__ import annotations

import pytest
from django.test import Client
from jsonschema import Draft202012Validator

from apps.workflows.dsl import load
from apps.workflows.nodes.registry import REGISTRY
from tests.workflows.conftest import CHAT, WORKFLOW


def test_every_node_type_has_a_schema_at_its_address():
    listed = Client().get("/api/schema/nodes/").json()
    assert {one["type"] for one in listed["nodes"]} == set(REGISTRY)
    for one in listed["nodes"]:
        answer = Client().get(one["schema"].removeprefix("http://testserver"))
        schema = answer.json()
        Draft202012Validator.check_schema(schema)
        assert answer.headers["Content-Type"] == "application/schema+json"
        assert schema["$id"] == one["schema"]
        assert schema["properties"]["type"] == {"const": one["type"]}
    assert {one["type"] for one in listed["nodes"] if one["container"]} == {"iteration", "loop"}


@pytest.mark.parametrize("text", [CHAT, WORKFLOW])
def test_nodes_of_documents_agree_with_their_schemas(text):
    document = load(text)
    Draft202012Validator(Client().get("/api/schema/document/").json()).validate(document)
    for node in document["nodes"]:
        validator = Draft202012Validator(Client().get(f"/api/schema/nodes/{node['type']}/").json())
        validator.validate(node)
        assert not validator.is_valid({**node, "config": {"unheard_of": 1}})


def test_an_unknown_type_has_no_schema():
    answer = Client().get("/api/schema/nodes/hologram/")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert Client().post("/api/schema/nodes/").status_code == 405
