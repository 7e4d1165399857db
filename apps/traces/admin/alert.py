"""Alerts in the admin: what is watched, how it stands, when it fired, and whom it told."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Team
from accounts.selectors import current_team
from apps.traces.admin.alert_form import AlertForm
from apps.traces.admin.pages.alert import mute, send_test, switch_secret
from apps.traces.models import Alert
from apps.traces.services.alerts.changes import save_alert
from apps.traces.services.alerts.runs import runs_counted
from apps.traces.services.alerts.words import bound, figure
from providers.crypto import UnreadableSecret
from support.admin import ConsoleModelAdmin
from support.errors import NotFound

#: State -> (tone, icon) of its pill.
STATES = {
    Alert.State.UNKNOWN: ("neutral", "circle-dashed"),
    Alert.State.OK: ("success", "circle-check"),
    Alert.State.FIRING: ("error", "bell"),
    Alert.State.NO_DATA: ("warning", "cloud-off"),
}
MOST_ROWS = 20


@admin.register(Alert)
class AlertAdmin(ConsoleModelAdmin):
    """Who manages a team sets its alerts; who may look at its traces sees them. New ones are the current team's."""

    form = AlertForm
    change_form_template = "admin/traces/alert/page.html"
    purpose = gettext_lazy("Bounds on figures of runs. When one is crossed, people are told by e-mail or webhook.")
    empty_text = gettext_lazy(
        "An alert watches errors, durations, costs or verdicts and tells people when they are out of bounds."
    )
    list_display = ("name", "standing", "watches", "app", "figure_now", "checked_at", "is_enabled")
    list_filter = ("state", "measure", "is_enabled")
    search_help_text = gettext_lazy("Name or app")
    search_fields = ("name", "application_name")
    ordering = ("name",)
    actions = ("enable", "disable")
    fieldsets = (
        (None, {"fields": ("name", "is_enabled")}),
        (
            gettext_lazy("What is watched"),
            {"fields": (("measure", "app"), ("direction", "threshold"), ("window_minutes", "least_runs"))},
        ),
        (gettext_lazy("Checks"), {"fields": (("every_minutes", "no_data"),)}),
        (
            gettext_lazy("Who is told"),
            {"fields": ("emails", "webhook_url", "remind_minutes", "tells_recovery")},
        ),
    )

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def standing(self, alert: Alert) -> SafeString | str:
        return render_to_string("components/pill.html", pill_of(alert))

    @admin.display(description=gettext_lazy("watches"))
    def watches(self, alert: Alert) -> str:
        return capfirst(bound(alert))

    @admin.display(description=gettext_lazy("app"), ordering="application_name")
    def app(self, alert: Alert) -> str:
        return alert.application_name or _("All apps")

    @admin.display(description=gettext_lazy("last figure"))
    def figure_now(self, alert: Alert) -> str:
        return figure(alert.measure, alert.value) if alert.checked_at else "–"

    @admin.action(description=gettext_lazy("Switch on"), permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Alert]) -> None:
        queryset.update(is_enabled=True, due_at=timezone.now())

    @admin.action(description=gettext_lazy("Switch off"), permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Alert]) -> None:
        queryset.update(is_enabled=False)

    def has_add_permission(self, request: HttpRequest) -> bool:
        team = self._current_team(request)
        return super().has_add_permission(request) and team is not None and self._manages(request, team.id)

    def get_form(self, request: HttpRequest, obj: Alert | None = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        team = self._current_team(request)
        team_id = obj.team_id if obj is not None else team.id if team is not None else None
        return type(form.__name__, (form,), {"team_id": team_id})

    def save_model(self, request: HttpRequest, obj: Alert, form: Any, change: bool) -> None:
        if not change:
            team = self._current_team(request)
            if team is None or not self._manages(request, team.id):
                raise PermissionDenied
            obj.team_id, obj.created_by = team.id, request.user.get_username()
        save_alert(obj)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        alert = kwargs.get("obj")
        if alert is not None:
            context |= self._history(request, alert)
        return super().render_change_form(request, context, *args, **kwargs)

    def get_urls(self) -> list[URLPattern]:
        """What people do with an alert besides changing it."""
        acts = {"test": send_test, "mute": mute, "secret": switch_secret}
        return [
            *(
                path(f"<uuid:alert_id>/{name}/", self._page(act), name=f"traces_alert_{name}")
                for name, act in acts.items()
            ),
            *super().get_urls(),
        ]

    def open_to_change(self, request: HttpRequest, alert_id: UUID) -> Alert:
        """The one door to an alert that is acted on. Raises PermissionDenied."""
        alert = self.get_queryset(request).filter(id=alert_id).first()
        if alert is None or not self.has_change_permission(request, alert):
            raise PermissionDenied
        return alert  # type: ignore[no-any-return]

    def back_to(self, request: HttpRequest, alert: Alert, text: str, level: int = messages.SUCCESS) -> HttpResponse:
        """The alert's page, with a word about what was done."""
        self.message_user(request, text, level)
        return redirect(reverse("admin:traces_alert_change", args=[alert.id]))

    def _history(self, request: HttpRequest, alert: Alert) -> dict[str, Any]:
        """How the alert stands, its latest firings and notices, and what its webhook's receiver needs."""
        firings = list(alert.firings.all()[:MOST_ROWS])
        may_change = self.has_change_permission(request, alert)
        return {
            "alert": alert,
            "alert_pill": pill_of(alert),
            "alert_bound": bound(alert),
            "alert_value": figure(alert.measure, alert.value),
            "firings": [
                {
                    "row": firing,
                    "runs_url": runs_counted(alert, since=firing.began_at, until=firing.ended_at),
                    "pill": _pill(firing.state),
                    "first": figure(alert.measure, firing.value),
                    "worst": figure(alert.measure, firing.worst),
                    "threshold": figure(alert.measure, firing.threshold),
                    "lasted": (firing.ended_at or timezone.now()) - firing.began_at,
                }
                for firing in firings
            ],
            "notices": list(alert.notices.all()[:MOST_ROWS]),
            "runs_url": runs_counted(alert, since=alert.checked_at or timezone.now(), until=alert.checked_at),
            "may_change_alert": may_change,
            "is_muted": alert.muted_until is not None and alert.muted_until > timezone.now(),
            **(_secret_of(alert) if may_change and alert.webhook_url else {}),
        }

    def _current_team(self, request: HttpRequest) -> Team | None:
        """Asked once per request; the admin asks for rights many times."""
        if not hasattr(request, "_current_team"):
            try:
                request._current_team = current_team(request)  # type: ignore[attr-defined]
            except NotFound:
                request._current_team = None  # type: ignore[attr-defined]
        return request._current_team  # type: ignore[attr-defined,no-any-return]

    def _manages(self, request: HttpRequest, team_id: UUID) -> bool:
        user: Any = request.user
        return bool(user.is_superuser) or team_id in self._teams_for("add", request)

    def _page(self, act: Any) -> Any:
        return self.admin_site.admin_view(partial(act, self))


def _secret_of(alert: Alert) -> dict[str, Any]:
    """What the webhook is signed with, or that nobody can read it any more."""
    try:
        return {"webhook_secret": alert.read_secret()}
    except UnreadableSecret:
        return {"webhook_secret_is_lost": True}


def pill_of(alert: Alert) -> dict[str, Any]:
    """An alert's state as a pill; one that is switched off says so."""
    if not alert.is_enabled:
        return {"status": "disabled", "label": _("Off")}
    return _pill(alert.state)


def _pill(state: str) -> dict[str, Any]:
    tone, icon = STATES[Alert.State(state)]
    return {"status": state, "label": Alert.State(state).label, "tone": tone, "icon_name": icon}
