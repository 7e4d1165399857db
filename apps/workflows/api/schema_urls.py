"""Addresses of the schemas (`/api/schema`)."""

from django.urls import path

from apps.workflows.api import schema_views

urlpatterns = [
    path("nodes/", schema_views.node_types_list, name="node-schemas"),
    path("nodes/<str:name>/", schema_views.node_type_schema, name="node-schema"),
    path("document/", schema_views.whole_document_schema, name="document-schema"),
]
