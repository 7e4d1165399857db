"""One import in progress: what is known of the document so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from apps.workflows.dsl.dify.incoming import Reading
from apps.workflows.dsl.dify.sorting import Found, Sorted, Way


@dataclass(slots=True, kw_only=True)
class Importing:
    """One import: the parts that are known so far."""

    raw: dict[str, Any]
    sorted: Sorted
    reading: Reading
    kind: str
    document: dict[str, Any] = field(default_factory=dict)
    origin: dict[str, Found] = field(default_factory=dict)
    #: The ways of every graph, by the container around it.
    ways_in: dict[str, list[Way]] = field(default_factory=dict)
    given_up: set[str] = field(default_factory=set)
    #: Our edges with the ways they were made of. Edges have no names, so their place in memory tells them apart.
    ways: dict[int, tuple[dict[str, Any], Way]] = field(default_factory=dict)
