"""Datasets of every team one belongs to. They are made and filled on the dataset pages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from apps.datasets.admin.columns import status_pill
from apps.datasets.models import Dataset
from apps.datasets.selectors.datasets import with_counts
from apps.datasets.services.datasets import delete_dataset
from support.admin import ConsoleModelAdmin


@admin.register(Dataset)
class DatasetAdmin(ConsoleModelAdmin):
    """Names may be changed; everything else follows from the documents."""

    list_display = ("name", "team", "documents", "chunk_count", "state", "embedding_model", "updated_at")
    list_filter = ("team", "embedding_model", "vector_store")
    search_fields = ("name", "slug", "description")
    fields = (
        "name",
        "description",
        "team",
        "slug",
        "embedding_model",
        "vector_store",
        "space",
        "chunk_count",
        "settings",
        "created_by",
        "created_at",
        "updated_at",
    )
    readonly_fields = tuple(field for field in fields if field not in ("name", "description", "settings"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return with_counts(super().get_queryset(request).filter(deleted_at=None).select_related("team"))

    @admin.display(description=_("documents"))
    def documents(self, dataset: Any) -> str:
        address = reverse("admin:datasets_document_changelist")
        return format_html('<a href="{}?dataset__id__exact={}">{}</a>', address, dataset.id, dataset.document_count)

    @admin.display(description=_("state"))
    def state(self, dataset: Any) -> str:
        if dataset.indexing_count:
            return status_pill("indexing")
        return status_pill("error", str(dataset.error_count)) if dataset.error_count else status_pill("ready")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def delete_model(self, request: HttpRequest, obj: Dataset) -> None:
        delete_dataset(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Dataset]) -> None:
        for dataset in queryset:
            delete_dataset(dataset)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Their documents go with them, in the background: nothing to list one by one."""
        return [str(dataset) for dataset in objs], {str(_("datasets")): len(objs)}, set(), []
