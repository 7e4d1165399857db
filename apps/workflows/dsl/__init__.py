"""The document of an app: read and write it, check it, describe it, and compile it into a plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.workflows.engine.graph import Plan, compile_plan
from apps.workflows.nodes.registry import REGISTRY

__all__ = ["compile_document"]


def compile_document(document: Mapping[str, Any]) -> Plan:
    """The plan of a document that passed `validate`."""
    return compile_plan(document, registry=REGISTRY)
