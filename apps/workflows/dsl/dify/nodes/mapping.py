"""What a mapping between a node type of Dify's and one of ours is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from apps.workflows.dsl.dify.incoming import Here
from apps.workflows.dsl.dify.outgoing import Writing

Data = Mapping[str, Any]
Config = Mapping[str, Any]


class NoCounterpart(Exception):
    """Nothing of ours does what this node does; the text says why, for the author."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """Two pure functions: Dify's `data` to our `config`, and back."""

    read: Callable[[Data, Here], dict[str, Any]]
    write: Callable[[Config, Writing], dict[str, Any]]
