"""Rules about the JSON Schemas that authors write: they can be used to check a reply."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

from apps.workflows.dsl.outline import Outline
from apps.workflows.dsl.problems import Problem
from apps.workflows.engine.errors import NodeFailure
from apps.workflows.nodes.json_schema import compiled, without_patterns


def check_schemas(graph: Outline) -> Iterator[Problem]:
    """Warn of a schema that no reply can be checked with: the node would fail."""
    for node in graph.written:
        structured = node.config.get("structured") if node.type is not None and node.type_name == "llm" else None
        if structured is None:
            continue
        path = graph.pointer("nodes", node.place, "config", "structured", "schema")
        if without_patterns(structured["schema"]) != structured["schema"]:
            message = _(
                "Regular expressions of the schema are shown to the model, but replies are not checked against them."
            )
            yield Problem(path=path, code="pattern_not_checked", message=message, severity="warning")
        try:
            compiled(structured["schema"])
        except NodeFailure as failure:
            message = _("This is no JSON Schema that can be used: %s") % failure.message
            yield Problem(path=path, code="bad_schema", message=message, severity="warning")
