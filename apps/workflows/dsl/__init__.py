"""The document of an app: read and write it, check it, describe it, and compile it into a plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.workflows.dsl.diff import Change, Difference, NodeChange, diff_documents
from apps.workflows.dsl.inputs import check_inputs
from apps.workflows.dsl.loading import Read, dump, dump_dify, load, read
from apps.workflows.dsl.places import in_words
from apps.workflows.dsl.problems import Problem, UnreadableDocument, errors_in
from apps.workflows.dsl.schema import document_schema, node_schema, node_types
from apps.workflows.dsl.summary import nodes_of
from apps.workflows.dsl.validation import validate, validate_against_team
from apps.workflows.engine.graph import Plan, compile_plan, digest_of
from apps.workflows.nodes.registry import REGISTRY

__all__ = [
    "Change",
    "Difference",
    "NodeChange",
    "Problem",
    "Read",
    "UnreadableDocument",
    "check_inputs",
    "compile_document",
    "diff_documents",
    "digest_of",
    "document_schema",
    "dump",
    "dump_dify",
    "errors_in",
    "in_words",
    "load",
    "node_schema",
    "node_types",
    "nodes_of",
    "read",
    "validate",
    "validate_against_team",
]


def compile_document(document: Mapping[str, Any]) -> Plan:
    """The plan of a document that passed `validate`."""
    return compile_plan(document, registry=REGISTRY)
