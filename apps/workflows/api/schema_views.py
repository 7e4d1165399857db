"""The JSON Schemas of documents: what editors and other programs check against. They hold no secrets, so no key."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from apps.workflows.dsl import document_schema, node_schema, node_types
from support.api import error_response
from support.errors import NotFound

_SCHEMA = "application/schema+json"
_kept = cache_control(public=True, max_age=300)


@require_safe
@_kept
def node_types_list(request: HttpRequest) -> JsonResponse:
    """GET /api/schema/nodes/: every node type, with the address of its schema."""
    nodes: list[dict[str, Any]] = [
        {
            "type": node_type.name,
            "schema": request.build_absolute_uri(reverse("node-schema", args=[node_type.name])),
            "container": node_type.container,
            "entry": node_type.entry,
        }
        for node_type in node_types()
    ]
    document = request.build_absolute_uri(reverse("document-schema"))
    return JsonResponse({"document": document, "nodes": nodes})


@require_safe
@_kept
def node_type_schema(request: HttpRequest, name: str) -> JsonResponse:
    """GET /api/schema/nodes/<type>/: the schema of a node of this type."""
    if name not in {node_type.name for node_type in node_types()}:
        return error_response(NotFound(f"There is no node type {name!r}.", type=name))
    schema = {"$id": request.build_absolute_uri(request.path), **node_schema(name)}
    return JsonResponse(schema, content_type=_SCHEMA)


@require_safe
@_kept
def whole_document_schema(request: HttpRequest) -> JsonResponse:
    """GET /api/schema/document/: the schema of a whole document."""
    return JsonResponse({"$id": request.build_absolute_uri(request.path), **document_schema()}, content_type=_SCHEMA)
