"""Variables that live across the turns of a conversation, from one turn to the next."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from apps.workflows.models import Conversation
from tests.chaos.processes import Web
from tests.workflows.runs.conftest import KeyOf, MakeApp
from tests.workflows.talking import ask

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "traces"])


def counting(*more: dict[str, Any]) -> dict[str, Any]:
    """A chat that counts its turns and remembers what was said; `more` are further nodes before the answer."""
    items = [
        {"variable": "conversation.turns", "operation": "add", "value": 1},
        {"variable": "conversation.said", "operation": "append", "from": "sys.query"},
    ]
    nodes = [
        {"id": "start", "type": "start"},
        {"id": "count", "type": "assigner", "config": {"items": items}},
        *more,
        {"id": "say", "type": "answer", "config": {"text": "{{ conversation.turns }}: {{ conversation.said }}"}},
    ]
    return {
        "skep": 1,
        "app": {"name": "Counter", "kind": "chat"},
        "variables": {
            "conversation": [
                {"name": "turns", "type": "number", "default": 0},
                {"name": "said", "type": "array[string]", "default": []},
                {"name": "untouched", "type": "string", "default": "as it was"},
            ]
        },
        "nodes": nodes,
        "edges": [{"from": one["id"], "to": other["id"]} for one, other in pairwise(nodes)],
    }


def test_what_a_turn_sets_is_there_in_the_next_one(web: Web, make_app: MakeApp, key_of: KeyOf) -> None:
    headers = key_of(make_app(counting()))
    first = ask(web.base, headers, query="one").json()
    assert first.get("answer") == '1: ["one"]', first
    second = ask(web.base, headers, query="two", conversation_id=first["conversation_id"]).json()
    assert second["answer"] == '2: ["one", "two"]'
    stored = Conversation.objects.get(id=first["conversation_id"]).variables
    assert stored == {"turns": 2, "said": ["one", "two"], "untouched": "as it was"}
    assert ask(web.base, headers, query="other").json()["answer"] == '1: ["other"]'


def test_what_was_set_before_a_run_failed_is_kept(web: Web, make_app: MakeApp, key_of: KeyOf) -> None:
    gone = {"id": "gone", "type": "unavailable", "config": {"reason": "No such thing."}}
    headers = key_of(make_app(counting(gone)))
    refused = ask(web.base, headers, query="one")
    assert refused.json()["code"] == "node_unavailable"
    (conversation,) = Conversation.objects.all()
    assert conversation.variables["turns"] == 1
