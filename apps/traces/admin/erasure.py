"""Deletions on request: ask for a user, see what is there, delete it, and keep the note that it was done."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Team
from accounts.selectors import current_team
from apps.traces.models import Erasure
from apps.traces.services.erasure import Found, what_is_there
from support.admin import ConsoleModelAdmin
from support.errors import NotFound
from support.jobs import enqueue


class ErasureForm(forms.Form):
    """Whose traces, and why."""

    end_user = forms.CharField(
        label=gettext_lazy("User"),
        max_length=200,
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off"}),
        help_text=gettext_lazy("The id as your calls give it."),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=200,
        widget=forms.TextInput(attrs={"class": "input"}),
        required=False,
        help_text=gettext_lazy("Kept beside the deletion: a case number, for example. Name nobody."),
    )


@admin.register(Erasure)
class ErasureAdmin(ConsoleModelAdmin):
    """Who manages a team may delete what its traces hold of a person. The list names nobody."""

    purpose = gettext_lazy("What was deleted because somebody asked for it. The list names nobody.")
    empty_text = gettext_lazy("When somebody asks for the deletion of their data, begin here.")
    list_display = ("short_person", "traces", "spans", "requested_by", "reason", "created_at", "finished_at")
    ordering = ("-created_at",)

    @admin.display(description=gettext_lazy("person"), ordering="person")
    def short_person(self, erasure: Erasure) -> str:
        return erasure.person[:12]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Two steps on one page: count, then delete what was counted."""
        team = self._team(request)
        if team is None or not self.has_add_permission(request):
            raise PermissionDenied
        form = ErasureForm(request.POST or None)
        found: Found | None = None
        if form.is_valid():
            end_user = form.cleaned_data["end_user"]
            if "delete" in request.POST:
                person = request.user.get_username()
                enqueue("traces.erase", str(team.id), end_user, person, form.cleaned_data["reason"])
                self.message_user(request, _("The deletion has begun; it is listed when it is done."), messages.SUCCESS)
                return redirect(reverse("admin:traces_erasure_changelist"))
            found = what_is_there(team_id=team.id, end_user=end_user)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext_lazy("Delete a user's traces"),
            "opts": self.opts,
            "form": form,
            "found": found,
            "team": team,
        }
        return TemplateResponse(request, "admin/traces/erasure/add.html", context)

    def _team(self, request: HttpRequest) -> Team | None:
        user: Any = request.user
        try:
            team = current_team(request)
        except NotFound:
            return None
        return team if user.is_superuser or team.id in self._teams_for("add", request) else None
