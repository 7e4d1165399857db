"""Review queues in the admin: the list, the form, and the workbench pages below them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from apps.annotations.admin.pages import (
    queue_item,
    queue_put,
    queue_remove,
    queue_scores,
    workbench,
    workbench_decide,
    workbench_news,
    workbench_overview,
)
from apps.annotations.admin.queue_form import OPTIONS, QueueForm
from apps.annotations.admin.team_set_up import TeamSetUpAdmin
from apps.annotations.models import ReviewQueue
from apps.annotations.selectors.progress import progress_of
from apps.annotations.services.queues import ask_questions, change_overlap
from support.errors import ConsoleError


@admin.register(ReviewQueue)
class ReviewQueueAdmin(TeamSetUpAdmin):
    """Who may edit a team sets queues up; who may annotate works in them."""

    form = QueueForm
    purpose = _("Answers and traces that wait for people, and the questions they are asked about each.")
    empty_text = _("Make a question, then a queue that asks it. Dislikes enter by themselves.")
    list_display = ["queue", "left", "disagreed", "done", "overlap", "feed", "is_open", "setup"]
    list_filter = ["is_open", "feed"]
    search_fields = ["name"]
    list_display_links = None
    ordering = ["name"]
    fieldsets = (
        (None, {"fields": ("name", "description", "application")}),
        (_("What is asked"), {"fields": ("asks", "optional")}),
        (_("Who reviews"), {"fields": ("reviewers", "overlap", "is_blind", "is_open")}),
        (_("What enters"), {"fields": ("feed", *OPTIONS, "is_continuous")}),
    )

    change_list_template = "admin/annotations/workbench/change_list.html"

    class Media:
        js = ("annotations/ordered.js", "annotations/queue_form.js")
        css = {"all": ("annotations/ordered.css",)}

    def get_urls(self) -> list[URLPattern]:
        """The workbench and its neighbours come before the forms."""
        site = self.admin_site
        pages: dict[str, tuple[str, Any]] = {
            "work/": ("work", workbench.workbench),
            "claim/": ("claim", workbench.claim),
            "undo/": ("undo", workbench.undo),
            "news/": ("news", workbench_news.news),
            "assignments/<uuid:assignment_id>/<str:verb>/": ("act", workbench.act),
            "overview/": ("overview", workbench_overview.overview),
            "scores.<str:format>": ("scores", queue_scores.download),
            "fill/": ("fill", workbench_overview.fill),
            "take-out/": ("take_out", queue_remove.take_out),
            "items/<uuid:item_id>/": ("item", queue_item.item_page),
            "items/<uuid:item_id>/reopen/": ("reopen", workbench_overview.reopen),
            "items/<uuid:item_id>/diff/": ("diff", workbench.show_diff),
            "items/<uuid:item_id>/decide/": ("decide", workbench_decide.decide),
        }
        return [
            path("put/", site.admin_view(queue_put.put), name="annotations_queue_put"),
            *(
                path(f"<uuid:queue_id>/{route}", site.admin_view(view), name=f"annotations_queue_{name}")
                for route, (name, view) in pages.items()
            ),
            *super().get_urls(),
        ]

    def complete(self, rows: Sequence[Any]) -> None:
        """How far each of them is."""
        progress = progress_of([row.id for row in rows])
        for row in rows:
            row.progress = progress[row.id]

    def save_model(self, request: HttpRequest, obj: ReviewQueue, form: Any, change: bool) -> None:
        obj.feed_options = form.options()
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        queue, asked = form.instance, form.cleaned_data
        try:
            ask_questions(queue, asked["asks"], optional=[each.id for each in asked["optional"]])
        except ConsoleError as exc:
            self.message_user(request, str(exc), messages.WARNING)
        change_overlap(queue, overlap=queue.overlap)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("application")

    @admin.display(description=_("queue"), ordering="name")
    def queue(self, row: ReviewQueue) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse("admin:annotations_queue_work", args=[row.id]), row)

    @admin.display(description=_("to do"))
    def left(self, row: Any) -> int:
        pending: int = row.progress.pending
        return pending

    @admin.display(description=_("disagreements"))
    def disagreed(self, row: Any) -> SafeString | str:
        address = reverse("admin:annotations_queue_overview", args=[row.id])
        count = row.progress.disagreed
        return format_html('<a href="{}#disagreements">{}</a>', address, count) if count else "0"

    @admin.display(description=_("done"))
    def done(self, row: Any) -> str:
        return f"{row.progress.done} / {row.progress.total}"

    @admin.display(description=_("setup"))
    def setup(self, row: ReviewQueue) -> SafeString:
        address = reverse("admin:annotations_reviewqueue_change", args=[row.id])
        return format_html('<a href="{}">{}</a>', address, _("Set up"))
