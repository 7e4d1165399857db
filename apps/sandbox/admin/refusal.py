"""The list of refusals: which code met which wall, with the way to the trace of its run."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin import AllValuesFieldListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from apps.sandbox.models import Refusal
from apps.sandbox.selectors.refusals import trace_url
from support.admin import ReadOnlyModelAdmin

MOST_OF_A_MESSAGE = 140


@admin.register(Refusal)
class RefusalAdmin(ReadOnlyModelAdmin):
    """Rows are written by runs and forgotten after some weeks; nobody edits them."""

    purpose = _("Code that met a wall of the sandbox in the last 30 days, and which wall it was.")
    empty_text = _("When code is stopped at a limit, killed for a system call or denied a file, it is noted here.")
    list_display = ["what", "outcome", "message_start", "app_slug", "node_id", "language", "trace", "when"]
    list_filter = [
        "status",
        "language",
        ("system_call", AllValuesFieldListFilter),
        ("app_slug", AllValuesFieldListFilter),
        "team",
    ]
    search_fields = ["message", "=run_id", "=node_id", "^code_sha256"]
    search_help_text = _("Message, run, node or code hash")
    list_display_links = ("what",)
    fields = (
        *("team", "app_slug", "node_id", "run_id", "trace", "created_at", "language", "profile", "outcome"),
        *("system_call", "error_type", "message", "code_sha256", "details_tree"),
    )
    readonly_fields = ("trace", "outcome", "details_tree")
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("team")

    @admin.display(description=_("what"), ordering="system_call")
    def what(self, row: Refusal) -> SafeString | str:
        if row.system_call:
            return format_html('<code class="system-call">{}</code>', row.system_call)
        return row.error_type or row.get_status_display()

    @admin.display(description=_("outcome"), ordering="status")
    def outcome(self, row: Refusal) -> SafeString:
        shown = {"status": row.status, "label": row.get_status_display(), "tone": "error", "icon_name": "ban"}
        return render_to_string("components/pill.html", shown)

    @admin.display(description=_("message"))
    def message_start(self, row: Refusal) -> str:
        flat = " ".join(row.message.split())
        return flat if len(flat) <= MOST_OF_A_MESSAGE else flat[: MOST_OF_A_MESSAGE - 1] + "…"

    @admin.display(description=_("trace"))
    def trace(self, row: Refusal) -> SafeString | str:
        url = trace_url(row.run_id)
        return format_html('<a href="{}">{}</a>', url, _("Open trace")) if url else "–"

    @admin.display(description=_("when"), ordering="id")
    def when(self, row: Refusal) -> SafeString:
        return render_to_string("sandbox/parts/when.html", {"moment": row.created_at})

    @admin.display(description=_("used and allowed"))
    def details_tree(self, row: Refusal) -> SafeString:
        return render_to_string("components/json_tree.html", {"value": row.details})
