"""Apps with triggers, and their addresses."""

from __future__ import annotations

from typing import Any

from apps.workflows.models import Application, Trigger


def hooked(name: str = "Hooked", *, outputs: dict[str, str] | None = None, **config: Any) -> dict[str, Any]:
    """A workflow that a webhook begins."""
    return {
        "skep": 1,
        "app": {"name": name, "kind": "workflow"},
        "nodes": [
            {"id": "hook", "type": "trigger-webhook", "config": config},
            {"id": "end", "type": "end", "config": {"outputs": outputs or {"request": "hook.request"}}},
        ],
        "edges": [{"from": "hook", "to": "end"}],
    }


def ticking(name: str = "Ticking", **config: Any) -> dict[str, Any]:
    """A workflow that a schedule begins."""
    return {
        "skep": 1,
        "app": {"name": name, "kind": "workflow"},
        "nodes": [
            {"id": "tick", "type": "trigger-schedule", "title": "Every so often", "config": config},
            {"id": "end", "type": "end", "config": {"outputs": {"due": "tick.due_at", "missed": "tick.missed"}}},
        ],
        "edges": [{"from": "tick", "to": "end"}],
    }


def address(server: str, app: Application, node_id: str = "hook") -> str:
    """Where a webhook listens."""
    trigger = Trigger.objects.get(application=app, node_id=node_id)
    return f"{server}/hooks/{trigger.read_secret()}/"
