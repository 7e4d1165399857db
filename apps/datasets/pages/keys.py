"""API keys of a dataset: make, see once, revoke."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from accounts.forms import KeyForm
from accounts.selectors import keys_of, may
from accounts.services import revoke_api_key
from apps.datasets.models import Dataset
from apps.datasets.pages.access import dataset_page, may_edit

EXAMPLE = """\
curl -X POST %s \\
  -H "Authorization: Bearer dataset-…" \\
  -H "Content-Type: application/json" \\
  -d '{"query": "…"}'\
"""


class DatasetKeyForm(KeyForm):
    """A key that opens one dataset or, made by who manages the team, all of them."""

    subject_kind = "dataset"

    whole_team = forms.BooleanField(label=gettext_lazy("Open all datasets of the team, also new ones"), required=False)

    def __init__(self, *args: Any, manages: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not manages:
            del self.fields["whole_team"]


@dataset_page("edit")
def keys(request: HttpRequest, dataset: Dataset) -> HttpResponse:
    """All keys, and a form for a new one. Its secret is in the answer to the form and nowhere else."""
    manages = may(request.user, "manage", team_id=dataset.team_id)
    form = DatasetKeyForm(request.POST or None, manages=manages)
    secret = ""
    if request.method == "POST" and form.is_valid():
        secret = form.make_key(
            team_id=dataset.team_id,
            subject_id=dataset.team_id if form.cleaned_data.get("whole_team") else dataset.id,
            by=request.user,  # type: ignore[arg-type]
        )
        form = DatasetKeyForm(manages=manages)
    context = {
        "dataset": dataset,
        "tab": "keys",
        "form": form,
        "secret": secret,
        "keys": keys_of(subject_kind="dataset", subject_id=dataset.id),
        "team_keys": keys_of(subject_kind="dataset", subject_id=dataset.team_id) if manages else [],
        "example": EXAMPLE % request.build_absolute_uri(reverse("v1-dataset-retrieve", args=[dataset.id])),
        "may_edit": may_edit(request, dataset),
    }
    response = render(request, "datasets/keys.html", context)
    if secret:
        response["Cache-Control"] = "no-store"
    return response


@require_POST
@dataset_page("edit")
def revoke(request: HttpRequest, dataset: Dataset, key_id: str) -> HttpResponse:
    """Close one key for good; one of the whole team only by who manages it."""
    subjects = [dataset.id]
    if may(request.user, "manage", team_id=dataset.team_id):
        subjects.append(dataset.team_id)
    for subject in subjects:
        key = keys_of(subject_kind="dataset", subject_id=subject).filter(id=key_id, team_id=dataset.team_id).first()
        if key is not None:
            revoke_api_key(key)
            messages.success(request, _("The key %(prefix)s… no longer works.") % {"prefix": key.prefix})
    return redirect("datasets:keys", dataset.slug)
