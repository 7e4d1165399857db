"""Documents that a new app can start from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Starter:
    """A choice in the form for a new app."""

    key: str
    label: str | Promise
    text: str | Promise
    icon: str


STARTERS = (
    Starter("retrieval", _("Answers from documents"), _("Searches a dataset and answers with citations."), "book-open"),
    Starter("chat", _("Plain chat"), _("A model with a system prompt and memory."), "message-square"),
    Starter("workflow", _("Workflow"), _("Takes inputs, branches, returns outputs."), "workflow"),
)

_MODEL = {"name": "default", "temperature": 0.2}


def starter_document(key: str, *, name: str, dataset: str = "") -> dict[str, Any]:
    """The document of a starter, under the given name."""
    make = {"retrieval": _retrieval, "chat": _chat, "workflow": _workflow}[key]
    return make(name, dataset)


def _retrieval(name: str, dataset: str) -> dict[str, Any]:
    return {
        "skep": 1,
        "app": {"name": name, "kind": "chat", "icon": "📘"},
        "features": {"citations": True, "annotation_reply": {"threshold": 0.92}},
        "nodes": [
            {"id": "start", "type": "start"},
            {
                "id": "find",
                "type": "knowledge-retrieval",
                "title": "Find passages",
                "config": {"query": "sys.query", "datasets": [dataset] if dataset else [], "top_k": 5},
            },
            {
                "id": "reply",
                "type": "llm",
                "title": "Answer from passages",
                "config": {
                    "model": _MODEL,
                    "context": "find.result",
                    "memory": {"window": 6},
                    "few_shot": {"k": 3},
                    "prompt": [
                        {
                            "role": "system",
                            "text": "Answer only from the passages below and cite them as [n]. "
                            "If they do not answer the question, say so.\n\n{{ context }}",
                        },
                        {"role": "user", "text": "{{ sys.query }}"},
                    ],
                },
            },
            {"id": "say", "type": "answer", "config": {"text": "{{ reply.text }}"}},
        ],
        "edges": [
            {"from": "start", "to": "find"},
            {"from": "find", "to": "reply"},
            {"from": "reply", "to": "say"},
        ],
    }


def _chat(name: str, dataset: str) -> dict[str, Any]:
    return {
        "skep": 1,
        "app": {"name": name, "kind": "chat", "icon": "💬"},
        "nodes": [
            {"id": "start", "type": "start"},
            {
                "id": "reply",
                "type": "llm",
                "title": "Reply",
                "config": {
                    "model": _MODEL,
                    "memory": {"window": 10},
                    "prompt": [
                        {"role": "system", "text": "You are a helpful, concise assistant."},
                        {"role": "user", "text": "{{ sys.query }}"},
                    ],
                },
            },
            {"id": "say", "type": "answer", "config": {"text": "{{ reply.text }}"}},
        ],
        "edges": [{"from": "start", "to": "reply"}, {"from": "reply", "to": "say"}],
    }


def _workflow(name: str, dataset: str) -> dict[str, Any]:
    return {
        "skep": 1,
        "app": {"name": name, "kind": "workflow", "icon": "🔀"},
        "inputs": [
            {"name": "text", "label": "Text", "type": "paragraph"},
            {"name": "style", "label": "Style", "type": "select", "options": ["short", "long"], "default": "short"},
        ],
        "nodes": [
            {"id": "start", "type": "start"},
            {
                "id": "which",
                "type": "if-else",
                "title": "Short or long",
                "config": {
                    "cases": [{"id": "short", "conditions": [{"left": "inputs.style", "op": "is", "right": "short"}]}]
                },
            },
            _summariser("brief", "Brief summary", "Summarise in one sentence:"),
            _summariser("full", "Full summary", "Summarise in one paragraph:"),
            {
                "id": "either",
                "type": "variable-aggregator",
                "title": "Take the one that ran",
                "config": {"variables": ["brief.text", "full.text"]},
            },
            {"id": "end", "type": "end", "config": {"outputs": {"summary": "either.output"}}},
        ],
        "edges": [
            {"from": "start", "to": "which"},
            {"from": "which", "to": "brief", "when": "short"},
            {"from": "which", "to": "full", "when": "else"},
            {"from": "brief", "to": "either"},
            {"from": "full", "to": "either"},
            {"from": "either", "to": "end"},
        ],
    }


def _summariser(node_id: str, title: str, instruction: str) -> dict[str, Any]:
    return {
        "id": node_id,
        "type": "llm",
        "title": title,
        "config": {
            "model": _MODEL,
            "prompt": [{"role": "user", "text": f"{instruction}\n\n{{{{ inputs.text }}}}"}],
        },
    }
