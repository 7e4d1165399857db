"""Online evaluation in the admin: the list and the form; what came out has a page of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts.selectors import teams_of
from apps.annotations.admin.online_form import OnlineForm
from apps.annotations.admin.pages import online
from apps.annotations.admin.team_set_up import TeamSetUpAdmin
from apps.annotations.models import OnlineEvaluation
from apps.annotations.selectors.online import online_evaluations
from apps.annotations.services.online import NOTHING_YET, spent_today_by, state_in_words


@admin.register(OnlineEvaluation)
class OnlineEvaluationAdmin(TeamSetUpAdmin):
    """Who may edit a team sets online evaluation up; its members read what comes out."""

    form = OnlineForm
    is_deletable = True
    page_name = "admin:annotations_online"
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

    def complete(self, rows: Sequence[Any]) -> None:
        """What each of them spent today."""
        spent = spent_today_by(row.id for row in rows)
        for row in rows:
            row.today = spent.get(row.id, NOTHING_YET)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return online_evaluations(teams_of(request.user).values_list("id", flat=True))

    @admin.display(description=_("online evaluation"), ordering="name")
    def title(self, row: OnlineEvaluation) -> SafeString:
        return self.page_link(row)

    @admin.display(description=_("sample"))
    def sample(self, row: OnlineEvaluation) -> str:
        return f"{row.sample_percent:g} %"

    @admin.display(description=_("status"))
    def state(self, row: Any) -> SafeString:
        status, words = state_in_words(row, row.today)
        return render_to_string("components/pill.html", {"status": status, "label": words})

    @admin.display(description=_("last judged"))
    def last_judged(self, row: Any) -> Any:
        return row.last_at
