"""Frames of nodes that wait for people: a form is needed, was filled in, was not filled in in time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from apps.workflows.engine.events import NodeAnswered, NodeWaiting
from apps.workflows.engine.run_info import RunInfo

Frame = dict[str, Any]


class Waits:
    """Gives (event name, data) pairs. Only callers of the team see what was filled in."""

    def __init__(self, info: RunInfo, *, detailed: bool) -> None:
        self._info = info
        self._detailed = detailed
        self._asked: dict[tuple[str, str], NodeWaiting] = {}

    def asked(self, event: NodeWaiting, title: str) -> Iterator[tuple[str, Frame]]:
        """A form waits for somebody."""
        self._asked[event.frame, event.node_id] = event
        asks = event.asks
        yield (
            "human_input_required",
            {
                "form_id": f"{self._info.run_id}:{event.frame}/{event.node_id}",
                "node_id": event.node_id,
                "node_title": title,
                "form_content": asks.get("form", ""),
                "inputs": asks.get("fields", []),
                "actions": asks.get("actions", []),
                "display_in_ui": True,
                "form_token": asks.get("token"),
                "resolved_default_values": asks.get("defaults", {}),
                "expiration_time": None if event.until is None else int(event.until),
            },
        )

    def answered(self, event: NodeAnswered, title: str) -> Iterator[tuple[str, Frame]]:
        """Somebody filled it in, or nobody did."""
        about = {"node_id": event.node_id, "node_title": title}
        asked = self._asked.get((event.frame, event.node_id))
        action = event.reply.get("action")
        if action == "timeout":
            until = None if asked is None or asked.until is None else int(asked.until)
            yield "human_input_form_timeout", {**about, "expiration_time": until}
            return
        titles = (
            {item["id"]: item.get("title", item["id"]) for item in (asked.asks.get("actions") or ())} if asked else {}
        )
        values = {name: value for name, value in event.reply.items() if name != "action"}
        yield (
            "human_input_form_filled",
            {
                **about,
                "rendered_content": asked.asks.get("form", "") if asked else "",
                "action_id": action,
                "action_text": titles.get(action, action),
                "submitted_data": values if self._detailed else {},
            },
        )
