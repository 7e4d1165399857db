"""API keys of a dataset: make, see once, revoke."""

from __future__ import annotations

import datetime as dt

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from accounts.selectors import keys_of, may
from accounts.services import DATASET_SCOPES, create_api_key, revoke_api_key
from apps.datasets.models import Dataset
from apps.datasets.pages.access import dataset_page, may_edit

_EXPIRIES = [
    ("", gettext_lazy("Never")),
    ("30", gettext_lazy("In 30 days")),
    ("90", gettext_lazy("In 90 days")),
    ("365", gettext_lazy("In a year")),
]
_SCOPE_WORDS = {
    "datasets:read": gettext_lazy("Search and read"),
    "datasets:write": gettext_lazy("Add, change and delete"),
}


class KeyForm(forms.Form):
    """A name, how long it lives, what it may do, and on what."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=120, help_text=gettext_lazy("Who or what will use it.")
    )
    expires = forms.ChoiceField(label=gettext_lazy("Expires"), choices=_EXPIRIES, required=False)
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("May use"),
        choices=[(scope, _SCOPE_WORDS[scope]) for scope in DATASET_SCOPES],
        initial=list(DATASET_SCOPES),
        widget=forms.CheckboxSelectMultiple,
    )
    whole_team = forms.BooleanField(label=gettext_lazy("Open all datasets of the team, also new ones"), required=False)


@dataset_page("edit")
def keys(request: HttpRequest, dataset: Dataset) -> HttpResponse:
    """All keys, and a form for a new one. Its secret is in the answer to the form and nowhere else."""
    form = KeyForm(request.POST if request.method == "POST" else None)
    secret = ""
    manages = may(request.user, "manage", team_id=dataset.team_id)
    if not manages:
        del form.fields["whole_team"]
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        _key, secret = create_api_key(
            team_id=dataset.team_id,
            subject_kind="dataset",
            subject_id=dataset.team_id if given.get("whole_team") else dataset.id,
            scopes=given["scopes"],
            expires_in=dt.timedelta(days=int(given["expires"])) if given["expires"] else None,
            name=given["name"],
            by=request.user,  # type: ignore[arg-type]
        )
        form = KeyForm()
        if not manages:
            del form.fields["whole_team"]
    context = {
        "dataset": dataset,
        "tab": "keys",
        "form": form,
        "secret": secret,
        "keys": keys_of(subject_kind="dataset", subject_id=dataset.id),
        "team_keys": keys_of(subject_kind="dataset", subject_id=dataset.team_id) if manages else [],
        "address": request.build_absolute_uri(reverse("v1-dataset-retrieve", args=[dataset.id])),
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
