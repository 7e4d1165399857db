"""Feedback: what people thought, with their changes of mind."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from apps.annotations.admin.access import AnnotatorModelAdmin, ApplicationFilter, preview, review_link, trace_url
from apps.annotations.admin.pages import golden_put
from apps.annotations.models import Feedback
from apps.annotations.services.golden_picking import MOST_PICKED


class IsCurrentFilter(admin.SimpleListFilter):
    """Current verdicts unless somebody asks for the history."""

    title = _("history")
    parameter_name = "history"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("all", _("With earlier verdicts"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset if self.value() == "all" else queryset.filter(superseded_at=None)


@admin.register(Feedback)
class FeedbackAdmin(AnnotatorModelAdmin):
    """A list to find what to review; a verdict is never edited."""

    purpose = _("What people thought of answers. Open one to review it.")
    empty_text = _("Thumbs from the chat page, the playground, the API and reviews come here.")
    list_display = ["question", "verdict", "reason", "comment", "application", "who", "trace", "created"]
    list_filter = ["rating", "reason", "source", IsCurrentFilter, ApplicationFilter]
    search_fields = ["text", "message__query"]
    search_help_text = _("Comment or question")
    list_display_links = None
    ordering = ["-id"]
    actions = ["add_to_golden_set"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("message", "application", "user")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.action(description=_("Add to a golden set"), permissions=["annotate"])
    def add_to_golden_set(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse:
        """The answers that these verdicts are about."""
        ids = queryset.order_by("-id").values_list("message_id", flat=True)[:MOST_PICKED]
        return golden_put.ask(request, list(dict.fromkeys(ids)), is_capped=len(ids) == MOST_PICKED)

    @admin.display(description=_("question"))
    def question(self, row: Feedback) -> SafeString | str:
        return review_link(row.message_id, preview(row.message.query, length=80))

    @admin.display(description=_("rating"), ordering="rating")
    def verdict(self, row: Feedback) -> SafeString:
        """What was changed or taken back since is grey."""
        is_like = row.rating == Feedback.Rating.LIKE
        tone = ("success" if is_like else "error") if row.is_current else "neutral"
        shown = {"status": row.rating, "label": row.get_rating_display(), "tone": tone}
        return render_to_string(
            "components/pill.html", {**shown, "icon_name": "thumbs-up" if is_like else "thumbs-down"}
        )

    @admin.display(description=_("trace"))
    def trace(self, row: Feedback) -> SafeString | str:
        address = trace_url(row.message.run_id)
        return format_html('<a href="{}">{}</a>', address, _("Trace")) if address else "–"

    @admin.display(description=_("comment"))
    def comment(self, row: Feedback) -> str:
        return preview(row.text, length=80)

    @admin.display(description=_("who"))
    def who(self, row: Feedback) -> str:
        name = row.user.get_username() if row.user else preview(row.end_user, length=24)
        return f"{name} · {row.get_source_display()}"
