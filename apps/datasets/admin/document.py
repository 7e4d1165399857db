"""Documents with their state, the reason of a failure, and the way to try again."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from apps.datasets.admin.columns import document_state
from apps.datasets.models import Document
from apps.datasets.selectors.documents import reason_of, with_progress
from apps.datasets.services import documents, runs
from support.admin import ConsoleModelAdmin


@admin.register(Document)
class DocumentAdmin(ConsoleModelAdmin):
    """Read-mostly: a document may be hidden, indexed again, stopped and deleted."""

    list_display = ("name", "dataset", "state", "reason", "pages", "chunk_count", "is_enabled", "created_at")
    list_filter = ("status", "dataset", "kind", "is_enabled")
    search_fields = ("name",)
    date_hierarchy = "created_at"
    actions = ("retry", "stop")
    fields = (
        "name",
        "is_enabled",
        "dataset",
        "state",
        "reason",
        "kind",
        "size",
        "pages",
        "characters",
        "chunk_count",
        "version",
        "sha256",
        "metadata",
        "created_by",
        "created_at",
        "updated_at",
    )
    readonly_fields = tuple(field for field in fields if field not in ("name", "is_enabled"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return with_progress(super().get_queryset(request).filter(deleted_at=None, dataset__deleted_at=None))

    @admin.display(description=_("status"), ordering="status")
    def state(self, document: Document) -> str:
        return document_state(document)

    @admin.display(description=_("reason"))
    def reason(self, document: Document) -> str:
        return reason_of(document) or "–"

    @admin.action(description=_("Index again"), permissions=["change"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        again = [document for document in queryset if document.may_retry]
        for document in again:
            documents.retry_document(document)
        text = ngettext("%d document is indexed again.", "%d documents are indexed again.", len(again)) % len(again)
        self.message_user(request, text)

    @admin.action(description=_("Stop indexing"), permissions=["change"])
    def stop(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        stopped = sum(runs.cancel_indexing(document) for document in queryset)
        self.message_user(request, ngettext("%d run stopped.", "%d runs stopped.", stopped) % stopped)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Document, form: Any, change: bool) -> None:
        """Only what the form may change: the rest of the row may be moving meanwhile."""
        if "name" in form.changed_data:
            documents.rename_document(obj, name=obj.name)
        if "is_enabled" in form.changed_data:
            documents.set_document_enabled(obj, enabled=obj.is_enabled)

    def delete_model(self, request: HttpRequest, obj: Document) -> None:
        documents.delete_document(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        for document in queryset:
            documents.delete_document(document)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Chunks and vectors go with them, in the background: nothing to list one by one."""
        return [str(document) for document in objs], {str(_("documents")): len(objs)}, set(), []
