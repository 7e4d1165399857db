"""Indexing runs: what was tried, how far it came, who has it now."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from apps.datasets.admin.columns import status_pill
from apps.datasets.models import IndexRun
from support.admin import ReadOnlyModelAdmin


@admin.register(IndexRun)
class IndexRunAdmin(ReadOnlyModelAdmin):
    """History, and what is going on now."""

    list_display = ("document", "version", "state", "stage", "progress", "deliveries", "started_at", "finished_at")
    list_filter = ("outcome", "stage")
    search_fields = ("document__name",)
    list_select_related = ("document",)
    exclude = ("blob",)

    @admin.display(description=_("state"))
    def state(self, run: IndexRun) -> str:
        return status_pill(run.outcome or "running")

    @admin.display(description=_("chunks"))
    def progress(self, run: IndexRun) -> str:
        return f"{run.done}/{run.total}" if run.total else "–"
