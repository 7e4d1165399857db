"""The page of a fine-tune set: what it takes, and the versions that were made of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.selectors import may, teams_of
from apps.annotations.admin.access import belongs_somewhere
from apps.annotations.admin.training_form import PERSONAL_LABELS, SOURCE_LABELS
from apps.annotations.models import TrainingSet
from apps.annotations.selectors.queues import queues_of_team
from apps.annotations.selectors.training import open_training_set, versions_of
from apps.annotations.services.training_versions import make_version
from apps.workflows.selectors.applications import applications_of
from support.errors import ConsoleError, NotFound


@require_safe
def overview(request: HttpRequest, set_id: UUID) -> HttpResponse:
    """What belongs in the set, and its versions, newest first."""
    training_set = opened(request, set_id)
    context = {
        **admin.site.each_context(request),
        "title": training_set.name,
        "training_set": training_set,
        "facts": _facts(training_set),
        "versions": versions_of(training_set),
        "may_edit": may(request.user, "edit", team_id=training_set.team_id),
    }
    return TemplateResponse(request, "admin/annotations/training/set.html", context)


@require_POST
def make(request: HttpRequest, set_id: UUID) -> HttpResponse:
    """Begin the next version, and go to its page."""
    training_set = opened(request, set_id, right="edit")
    user: Any = request.user
    try:
        version = make_version(training_set, by=user)
    except ConsoleError as exc:
        messages.error(request, str(exc))
        return shown(training_set)
    noted(request, training_set, _("Made version %(n)s.") % {"n": version.number})
    return redirect("admin:annotations_training_version", training_set.id, version.number)


def opened(request: HttpRequest, set_id: UUID, *, right: str = "view") -> TrainingSet:
    """The set, if it is of one's teams and one has the right there. Raises Http404, PermissionDenied."""
    if not belongs_somewhere(request.user):
        raise PermissionDenied
    try:
        training_set = open_training_set(set_id, team_ids=teams_of(request.user).values_list("id", flat=True))
    except NotFound as exc:
        raise Http404(str(exc)) from exc
    if not may(request.user, right, team_id=training_set.team_id):
        raise PermissionDenied
    return training_set


def shown(training_set: TrainingSet) -> HttpResponse:
    """The way to the page of a set."""
    return redirect(reverse("admin:annotations_training_overview", args=[training_set.id]))


def noted(request: HttpRequest, training_set: TrainingSet, words: str) -> None:
    """Who made and took out what stands in the audit."""
    model_admin: Any = admin.site._registry[TrainingSet]
    model_admin.log_change(request, training_set, words)


def _facts(training_set: TrainingSet) -> list[tuple[str, str]]:
    """The settings in words."""
    names = {str(app.id): app.name for app in applications_of(training_set.team_id)}
    chosen = [names[each] for each in training_set.applications if each in names]
    taken = [str(label) for name, label in SOURCE_LABELS if name in training_set.sources]
    masked = [str(label) for name, label in PERSONAL_LABELS if name in training_set.personal]
    facts = [
        (_("Takes"), "; ".join(taken)),
        (_("From"), ", ".join(chosen) or _("All apps")),
        (_("Instructions"), training_set.get_system_display()),
        (_("Turns before the question"), str(training_set.context_turns)),
        (_("Calls of tools"), _("Yes") if training_set.with_tools else _("No")),
        (_("Duplicates"), training_set.get_deduplicate_display()),
        (_("For validation"), f"{training_set.validation_percent} %"),
        (_("Taken out"), ", ".join([_("Keys, tokens and passwords"), *masked])),
    ]
    if training_set.queues:
        known = {str(queue.id): queue.name for queue in queues_of_team(training_set.team_id)}
        facts.append((_("Reviewed in"), ", ".join(known[each] for each in training_set.queues if each in known) or "–"))
    if training_set.score_config and training_set.score_at_least is not None:
        words = f"{training_set.score_config} ≥ {training_set.score_at_least:g}"
        facts.append((_("Reviewers' score"), words))
    if training_set.max_tokens:
        facts.append((_("Longest example"), _("%(n)s tokens") % {"n": f"{training_set.max_tokens:,}"}))
    for label, time in ((_("Given after (UTC)"), training_set.since), (_("Given before (UTC)"), training_set.until)):
        if time:
            facts.append((label, f"{time:%Y-%m-%d %H:%M}"))
    return facts
