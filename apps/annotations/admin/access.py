"""Who may do what in the annotations admin: the role in the row's team decides."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.selectors import may, teams_of
from apps.annotations.models import Correction
from apps.workflows.selectors.messages import as_uuid
from support.admin import ConsoleModelAdmin


class AnnotatorModelAdmin(ConsoleModelAdmin):
    """Members of a team see its rows; those with the right "annotate" change them."""

    class Media:
        css = {"all": ("annotations/lists.css",)}

    def has_module_permission(self, request: HttpRequest) -> bool:
        return belongs_somewhere(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return belongs_somewhere(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return belongs_somewhere(request.user) and (obj is None or may(request.user, "annotate", team_id=obj.team_id))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("created"), ordering="created_at")
    def created(self, row: Any) -> SafeString:
        """When the row was made: how long ago, the exact time on hover."""
        return render_to_string("admin/annotations/when.html", {"moment": row.created_at})

    @admin.display(description=_("updated"), ordering="updated_at")
    def updated(self, row: Any) -> SafeString:
        """When the row was changed last."""
        return render_to_string("admin/annotations/when.html", {"moment": row.updated_at})

    def has_annotate_permission(self, request: HttpRequest) -> bool:
        """For actions: somewhere in the team; each row is asked again."""
        return belongs_somewhere(request.user)


class ApplicationFilter(admin.SimpleListFilter):
    """The apps that the rows one may see belong to; a plain relation filter would name every team's apps."""

    title = _("app")
    parameter_name = "app"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        rows = model_admin.get_queryset(request).order_by("application__name")
        found = rows.values_list("application_id", "application__name").distinct()
        return [(str(application_id), name) for application_id, name in found]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset.filter(application_id=as_uuid(value)) if value else queryset


def belongs_somewhere(user: User | AnonymousUser) -> bool:
    """Whether the person is in any team. Asked once per request, however many pages the rail has."""
    known: bool | None = getattr(user, "_belongs_somewhere", None)
    if known is None:
        known = bool(user.is_authenticated and (user.is_superuser or teams_of(user).exists()))
        user._belongs_somewhere = known  # type: ignore[union-attr]
    return known


def preview(text: str, *, length: int = 120) -> str:
    """The beginning of a text on one line."""
    flat = " ".join(text.split())
    return flat if len(flat) <= length else flat[: length - 1] + "…"


def two_lines(text: str) -> SafeString:
    """The beginning of a longer text in a list, on two lines at most."""
    return format_html('<span class="clamp-2">{}</span>', preview(text))


def review_link(message_id: UUID | None, text: str) -> SafeString | str:
    """A way to the review page of a message."""
    if message_id is None:
        return text
    return format_html(
        '<a class="clamp-2" href="{}">{}</a>', reverse("admin:annotations_message_review", args=[message_id]), text
    )


def origin_links(correction: Correction | None) -> SafeString | str:
    """The way from something that came of a correction back to it, its answer, its trace and its queue item."""
    if correction is None:
        return str(_("Written by hand"))
    ways: list[tuple[str, Any]] = [
        (reverse("admin:annotations_correction_change", args=[correction.id]), _("Correction"))
    ]
    if correction.message_id:
        ways.append((reverse("admin:annotations_message_review", args=[correction.message_id]), _("Answer")))
    if correction.trace_id and (trace := trace_url(correction.trace_id)):
        ways.append((trace, _("Trace")))
    if correction.queue_item_id and (item := correction.queue_item):
        ways.append((reverse("admin:annotations_queue_item", args=[item.queue_id, item.id]), _("Queue item")))
    return format_html_join(" · ", '<a href="{}">{}</a>', ways)


def trace_url(run_id: UUID) -> str | None:
    """Where the trace of a run is shown (it has the run's id), if traces are installed."""
    try:
        return reverse("admin:traces_trace_change", args=[run_id])
    except NoReverseMatch:
        return None
