"""What approved corrections lead to: every app of the team at a glance, and the switches of one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from accounts.selectors import current_team, may, teams_of
from apps.annotations.admin.access import belongs_somewhere
from apps.annotations.admin.product_rows import KINDS, planned_rows
from apps.annotations.models import GoldenSet
from apps.annotations.selectors.correction_settings import (
    correction_counts,
    golden_sets_for,
    settings_of,
    settings_of_apps,
)
from apps.annotations.selectors.products import Kind
from apps.annotations.services.correction_settings import Switches, change_settings
from apps.workflows.selectors.applications import open_application
from support.errors import ConsoleError, NotFound


class SwitchesForm(forms.Form):
    """The switches of one app."""

    needs_second_person = forms.BooleanField(
        label=gettext_lazy("A second person approves"),
        required=False,
        help_text=gettext_lazy(
            "Nobody approves an answer of their own, whether it was corrected, written by hand or imported: it waits"
            " until somebody else takes it into use. Only those who manage the team switch this off again."
        ),
    )
    makes_annotation = forms.BooleanField(
        label=KINDS[Kind.ANNOTATION][0], required=False, help_text=KINDS[Kind.ANNOTATION][2]
    )
    makes_example = forms.BooleanField(label=KINDS[Kind.EXAMPLE][0], required=False, help_text=KINDS[Kind.EXAMPLE][2])
    makes_preference_pair = forms.BooleanField(
        label=KINDS[Kind.PREFERENCE_PAIR][0], required=False, help_text=KINDS[Kind.PREFERENCE_PAIR][2]
    )
    golden_set = forms.ModelChoiceField(
        GoldenSet.objects.none(),
        label=KINDS[Kind.GOLDEN_ITEM][0],
        required=False,
        empty_label=gettext_lazy("Of no golden set"),
        help_text=KINDS[Kind.GOLDEN_ITEM][2],
    )
    also_approved = forms.BooleanField(
        label=gettext_lazy("Also for corrections that are approved already"),
        required=False,
        help_text=gettext_lazy("What is switched on is made for them, what is switched off is taken out of use."),
    )

    def __init__(self, *args: Any, sets: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["golden_set"]
        field.queryset = sets

    def switches(self) -> Switches:
        """As the service wants them."""
        given = {name: self.cleaned_data[name] for name in _SWITCHES}
        chosen = self.cleaned_data["golden_set"]
        return Switches(**given, golden_set_id=chosen.id if chosen else None)


_SWITCHES = ("needs_second_person", "makes_annotation", "makes_example", "makes_preference_pair")


@require_safe
def settings_list(request: HttpRequest) -> HttpResponse:
    """The apps of the team that the person works in."""
    if not belongs_somewhere(request.user):
        raise PermissionDenied
    team = current_team(request)
    found = settings_of_apps(team.id)
    counts = correction_counts([app.id for app, _settings in found])
    context = {
        **admin.site.each_context(request),
        "title": _("What corrections lead to"),
        "rows": [
            {"app": app, "settings": settings, "planned": planned_rows(settings), "counts": counts.get(app.id, {})}
            for app, settings in found
        ],
    }
    return TemplateResponse(request, "admin/annotations/correction/settings_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def switches(request: HttpRequest, slug: str) -> HttpResponse:
    """The form of one app."""
    user: Any = request.user
    application = _opened(request, slug)
    row = settings_of(application.id)
    may_edit = may(user, "edit", team_id=application.team_id)
    form = SwitchesForm(
        request.POST or None,
        initial={**{name: getattr(row, name) for name in _SWITCHES}, "golden_set": row.golden_set_id},
        sets=golden_sets_for(application.id, team_id=application.team_id),
    )
    if request.method == "POST":
        if not may_edit:
            raise PermissionDenied
        if form.is_valid() and _changed(request, application, form):
            return redirect("admin:annotations_correction_switches", application.slug)
    context = {
        **admin.site.each_context(request),
        "title": _("What corrections lead to"),
        "application": application,
        "settings": row,
        "form": form,
        "counts": correction_counts([application.id]).get(application.id, {"approved": 0, "proposed": 0}),
        "may_edit": may_edit,
    }
    return TemplateResponse(request, "admin/annotations/correction/settings.html", context)


def _changed(request: HttpRequest, application: Any, form: SwitchesForm) -> bool:
    user: Any = request.user
    also_approved = form.cleaned_data["also_approved"]
    try:
        change_settings(application, form.switches(), by=user, also_approved=also_approved)
    except ConsoleError as exc:
        form.add_error(exc.details.get("field"), str(exc))
        return False
    said = _("Saved. Approved corrections are brought in line in the background.") if also_approved else _("Saved.")
    messages.success(request, said)
    return True


def _opened(request: HttpRequest, slug: str) -> Any:
    """The app, if it is of one's teams. Raises Http404."""
    try:
        return open_application(slug, team_ids=teams_of(request.user).values_list("id", flat=True))
    except NotFound as exc:
        raise Http404(str(exc)) from exc
