"""Datasets that another program keeps: a new one, and where it is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from accounts.doors import refused_politely
from accounts.selectors import current_team, may
from apps.datasets.models import Dataset, ExternalKnowledge
from apps.datasets.pages.access import dataset_page, may_edit
from apps.datasets.pages.web_forms import ConnectionForm, NewExternalForm
from apps.datasets.services.external import try_connection
from apps.datasets.services.external_datasets import change_external_dataset, create_external_dataset
from support.egress import EgressRefused
from support.errors import InvalidInput


@login_required
@refused_politely
def new_external(request: HttpRequest) -> HttpResponse:
    """Make one and go on to try it."""
    team = current_team(request)
    if not may(request.user, "edit", team_id=team.id):
        raise PermissionDenied
    form = NewExternalForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        dataset = _saved(request, form, lambda: _create(form, team_id=team.id, by=request.user))
        if dataset is not None:
            return redirect("datasets:search", dataset.slug)
    return render(request, "datasets/new_external.html", {"form": form})


@dataset_page("edit")
def connection(request: HttpRequest, dataset: Dataset) -> HttpResponse:
    """Where it is asked, and the key."""
    row = ExternalKnowledge.objects.filter(dataset=dataset).first()
    if row is None:
        raise Http404
    initial = {"endpoint": row.endpoint, "knowledge_id": row.knowledge_id, "timeout": row.timeout}
    form = ConnectionForm(request.POST or None, initial=initial)
    is_sent = request.method == "POST" and form.is_valid()
    if is_sent and _saved(request, form, lambda: _change(form, dataset)) is not None:
        return redirect("datasets:connection", dataset.slug)
    context = {
        "dataset": dataset,
        "tab": "connection",
        "form": form,
        "has_key": bool(row.encrypted_secret),
        "may_edit": may_edit(request, dataset),
    }
    return render(request, "datasets/connection.html", context)


def _create(form: ConnectionForm, *, team_id: UUID, by: Any) -> Dataset:
    given = form.options() | {"secret": form.options()["secret"] or ""}
    about = {name: form.cleaned_data[name] for name in ("name", "description")}
    return create_external_dataset(team_id=team_id, by=by, **about, **given)


def _change(form: ConnectionForm, dataset: Dataset) -> Dataset:
    change_external_dataset(dataset, **form.options())
    return dataset


def _saved(request: HttpRequest, form: ConnectionForm, save: Callable[[], Dataset]) -> Dataset | None:
    """Save and ask the other program something at once. An address that may never be asked is not kept; whatever else
    fails may pass by itself or be mended there, and is told."""
    try:
        with transaction.atomic():
            dataset = save()
            problem = try_connection(dataset)
            if problem is not None and problem.details.get("reason") == EgressRefused.code:
                transaction.set_rollback(True)
                form.add_error("endpoint", problem.message)
                return None
    except InvalidInput as exc:
        form.add_error(None, exc.message)
        return None
    if problem is None:
        messages.success(request, _("Saved. A test question got an answer."))
    else:
        messages.warning(request, _("Saved, but a test question failed: %(reason)s") % {"reason": problem.message})
    return dataset
