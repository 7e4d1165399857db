"""What pages show of a document without running it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def nodes_of(document: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Node id -> its type and title (the id where it has none), in document order."""
    return {
        node["id"]: {"type": node["type"], "title": node.get("title") or node["id"]}
        for node in document.get("nodes") or ()
    }
