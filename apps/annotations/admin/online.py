"""Online evaluation in the admin: the list and the form; what came out has a page of its own."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts.selectors import teams_of
from apps.annotations.admin.access import AnnotatorModelAdmin, belongs_somewhere
from apps.annotations.admin.online_form import OnlineForm
from apps.annotations.admin.pages import online
from apps.annotations.admin.team_form import may_set_up, team_for_new, with_team
from apps.annotations.models import OnlineEvaluation
from apps.annotations.selectors.online import online_evaluations
from apps.annotations.services.online import spent_today, state_in_words


@admin.register(OnlineEvaluation)
class OnlineEvaluationAdmin(AnnotatorModelAdmin):
    """Who may edit a team sets online evaluation up; its members read what comes out."""

    form = OnlineForm
    purpose = _("A sample of live answers, judged as they come: you see a slow decline before anybody complains.")
    empty_text = _("Choose an app, how many of its answers to judge, and by what. A budget for the day bounds it.")
    list_display = ["title", "application", "sample", "state", "last_judged"]
    list_display_links = None
    search_fields = ["name"]
    ordering = ["name"]
    fieldsets = (
        (None, {"fields": ("name", "application", "is_enabled")}),
        (_("Which answers"), {"fields": ("sample_percent", "source", "slower", "cost")}),
        (_("Judged by"), {"fields": ("evaluators",)}),
        (_("At most in a day"), {"fields": ("daily_answers", "daily_tokens", "daily_cost", "currency")}),
    )

    def get_urls(self) -> list[URLPattern]:
        """The page of scores comes before the forms."""
        own = path("<uuid:online_id>/scores/", self.admin_site.admin_view(online.scores), name="annotations_online")
        return [own, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return online_evaluations(teams_of(request.user).values_list("id", flat=True))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return belongs_somewhere(request.user) and team_for_new(request) is not None

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and may_set_up(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is not None and self.has_change_permission(request, obj)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form knows of which team it is."""
        kwargs["fields"] = OnlineForm.Meta.fields
        return with_team(super().get_form(request, obj, change=change, **kwargs), request, obj)

    def save_model(self, request: HttpRequest, obj: OnlineEvaluation, form: Any, change: bool) -> None:
        if not change:
            obj.team_id, obj.created_by = form.required_team().id, request.user  # type: ignore[assignment]
        super().save_model(request, obj, form, change)

    def response_add(
        self, request: HttpRequest, obj: OnlineEvaluation, post_url_continue: str | None = None
    ) -> HttpResponse:
        """On to the page where scores will appear."""
        return redirect("admin:annotations_online", obj.id)

    def response_change(self, request: HttpRequest, obj: OnlineEvaluation) -> HttpResponse:
        """Back to the page of scores."""
        return redirect("admin:annotations_online", obj.id)

    @admin.display(description=_("online evaluation"), ordering="name")
    def title(self, row: OnlineEvaluation) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse("admin:annotations_online", args=[row.id]), row)

    @admin.display(description=_("sample"))
    def sample(self, row: OnlineEvaluation) -> str:
        return f"{row.sample_percent:g} %"

    @admin.display(description=_("status"))
    def state(self, row: OnlineEvaluation) -> SafeString:
        status, words = state_in_words(row, spent_today(row))
        return render_to_string("components/pill.html", {"status": status, "label": words})

    @admin.display(description=_("last judged"))
    def last_judged(self, row: Any) -> Any:
        return row.last_at
