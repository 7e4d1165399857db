"""Datasets that another program keeps: a new one, and where it is asked."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from accounts.selectors import current_team, may
from apps.datasets.models import Dataset, ExternalKnowledge
from apps.datasets.pages.access import dataset_page, may_edit
from apps.datasets.pages.web_forms import ConnectionForm, NewExternalForm
from apps.datasets.services.external_datasets import change_external_dataset, create_external_dataset
from support.errors import InvalidInput


@login_required
def new_external(request: HttpRequest) -> HttpResponse:
    """Make one and go on to try it."""
    team = current_team(request)
    if not may(request.user, "edit", team_id=team.id):
        raise PermissionDenied
    form = NewExternalForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.options() | {"secret": form.options()["secret"] or ""}
        try:
            dataset = create_external_dataset(
                team_id=team.id,
                name=form.cleaned_data["name"],
                description=form.cleaned_data["description"],
                by=request.user,
                **given,
            )
        except InvalidInput as exc:
            form.add_error(None, exc.message)
        else:
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
    if request.method == "POST" and form.is_valid():
        try:
            change_external_dataset(dataset, **form.options())
        except InvalidInput as exc:
            form.add_error(None, exc.message)
        else:
            messages.success(request, _("Saved."))
            return redirect("datasets:connection", dataset.slug)
    context = {
        "dataset": dataset,
        "tab": "connection",
        "form": form,
        "has_key": bool(row.encrypted_secret),
        "may_edit": may_edit(request, dataset),
    }
    return render(request, "datasets/connection.html", context)
