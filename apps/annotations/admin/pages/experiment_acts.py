"""What is done with experiments: begun, stopped, tried again, deleted. Reading one has a page of its own."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from accounts.selectors import current_team, may
from apps.annotations.admin.experiment_form import ExperimentForm
from apps.annotations.admin.pages.experiment import opened, shown
from apps.annotations.models import Experiment
from apps.annotations.selectors.experiments import experiments_of
from apps.annotations.services.experiments import (
    begin_experiment,
    delete_experiment,
    retry_experiment,
    stop_experiment,
)
from apps.workflows.selectors.messages import as_uuid
from support.errors import ConsoleError, NotFound


@require_http_methods(["GET", "HEAD", "POST"])
def begin(request: HttpRequest) -> HttpResponse:
    """The form of a new experiment."""
    user: Any = request.user
    try:
        team = current_team(request)
    except NotFound as exc:
        raise PermissionDenied from exc
    if not may(user, "edit", team_id=team.id):
        raise PermissionDenied
    form = ExperimentForm(request.POST or None, initial=_initial(request, team.id), team_id=team.id)
    if request.method == "POST" and form.is_valid():
        try:
            experiment = begin_experiment(by=user, **form.arguments())
        except ConsoleError as exc:
            field = {"golden_set": "asked"}.get(str(exc.details.get("field", "")), exc.details.get("field"))
            form.add_error(field if field in form.fields else None, str(exc))
        else:
            return shown(experiment)
    context = {**admin.site.each_context(request), "title": _("Run an experiment"), "form": form}
    return TemplateResponse(
        request, "admin/annotations/experiment/begin.html", context, status=400 if form.is_bound else 200
    )


@require_POST
def stop(request: HttpRequest, experiment_id: UUID) -> HttpResponse:
    """End it; what came out until now is kept."""
    return _done(request, experiment_id, lambda found, user: stop_experiment(found, by=user) and "")


@require_POST
def retry(request: HttpRequest, experiment_id: UUID) -> HttpResponse:
    """Ask again what failed or was left out."""

    def again(found: Experiment, user: Any) -> str:
        count = retry_experiment(found, by=user)
        return ngettext("One item is asked again.", "%(n)s items are asked again.", count) % {"n": count}

    return _done(request, experiment_id, again)


@require_POST
def delete(request: HttpRequest, experiment_id: UUID) -> HttpResponse:
    """Remove it with its results."""
    found = opened(request, experiment_id, right="edit")
    user: Any = request.user
    try:
        name = str(found)
        delete_experiment(found, by=user)
    except ConsoleError as exc:
        messages.error(request, str(exc))
        return shown(found)
    messages.success(request, _("“%(name)s” was deleted. The runs and their traces stay.") % {"name": name})
    return redirect("admin:annotations_experiment_changelist")


def _initial(request: HttpRequest, team_id: UUID) -> dict[str, Any]:
    """What links to the form say: `set`, `app`, `version`, `baseline`, as they are called in addresses."""
    initial: dict[str, Any] = {}
    base = as_uuid(request.GET.get("baseline", "")) if request.GET.get("baseline") else None
    earlier = experiments_of([team_id]).filter(id=base).first() if base else None
    if earlier is not None:
        initial |= {
            "baseline": earlier.id,
            "asked": f"{earlier.golden_set_id}@{earlier.set_version}",
            "evaluators": [spec["id"] for spec in earlier.specs],
            "parallel": earlier.parallel,
            "item_seconds": earlier.item_seconds,
            "calls": earlier.max_calls,
            "tokens": earlier.max_tokens,
            "cost": earlier.max_cost,
        }
        draft: Any = earlier.application.draft
        if draft is not None:
            initial["measured"] = f"{earlier.application.slug}@{draft.number}"
    if request.GET.get("set"):
        initial["asked"] = request.GET["set"][:60]
    if request.GET.get("app"):
        initial["measured"] = f"{request.GET['app'][:80]}@{request.GET.get('version', '')[:9]}"
    return initial


def _done(request: HttpRequest, experiment_id: UUID, act: Any) -> HttpResponse:
    found = opened(request, experiment_id, right="edit")
    try:
        said = act(found, request.user)
    except ConsoleError as exc:
        messages.error(request, str(exc))
    else:
        if isinstance(said, str) and said:
            messages.success(request, said)
    return shown(found)
