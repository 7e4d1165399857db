"""Another workflow that a run may call, as it was when the run was accepted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from apps.workflows.engine.graph import Plan
from apps.workflows.engine.tool_port import ToolInfo

#: What the names of workflows begin with where a tool is named.
PREFIX: Final = "workflow/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Callee:
    """A compiled workflow with what only it knows: its `sys` and `env` values.

    `check` gives the inputs of a call with defaults filled in; it raises NodeFailure where they do not fit.
    """

    info: ToolInfo
    plan: Plan
    check: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    version: str = ""
    sys: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, Any] = field(default_factory=dict)


Callees = Mapping[str, Callee]
