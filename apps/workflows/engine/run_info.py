"""Who runs what for whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """Who runs what for whom: the facts that every watcher copies onto its own rows."""

    run_id: UUID
    team_id: UUID
    application_id: UUID
    application_name: str
    application_slug: str
    version_id: UUID
    version_number: int
    kind: str
    source: str
    end_user: str
    query: str
    conversation_id: UUID | None = None
    message_id: UUID | None = None
    #: The caller's trace that the run is a part of (W3C trace context).
    traceparent: str = ""
    tracestate: str = ""
    #: node id -> {"type", "title"} of the version's document, in document order.
    nodes: dict[str, dict[str, str]] = field(default_factory=dict)
    #: The document's chat features, e.g. {"annotation_reply": {"threshold": 0.92}}.
    features: dict[str, Any] = field(default_factory=dict)
