"""An app's API keys: make, see once, revoke."""

from __future__ import annotations

import datetime as dt

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from accounts.selectors import keys_of
from accounts.services import APP_SCOPES, create_api_key, revoke_api_key
from apps.workflows.models import Application
from apps.workflows.pages.access import member_page
from apps.workflows.pages.app import app_context, curl_example

_EXPIRIES = [
    ("", gettext_lazy("Never")),
    ("30", gettext_lazy("In 30 days")),
    ("90", gettext_lazy("In 90 days")),
    ("365", gettext_lazy("In a year")),
]

_SCOPE_WORDS = {
    "chat": gettext_lazy("Ask and run"),
    "runs": gettext_lazy("Follow and stop runs"),
    "conversations": gettext_lazy("Read conversations"),
    "feedback": gettext_lazy("Give feedback"),
    "annotations": gettext_lazy("Manage reviewed answers"),
}


class KeyForm(forms.Form):
    """A name, how long it lives, what it may do."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=120, help_text=gettext_lazy("Who or what will use it.")
    )
    expires = forms.ChoiceField(label=gettext_lazy("Expires"), choices=_EXPIRIES, required=False)
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("May use"),
        choices=[(scope, _SCOPE_WORDS.get(scope, scope)) for scope in APP_SCOPES],
        initial=list(APP_SCOPES),
        widget=forms.CheckboxSelectMultiple,
    )


@member_page("edit")
def keys(request: HttpRequest, application: Application) -> HttpResponse:
    """All keys, and a form for a new one. Its secret is in the answer to the form and nowhere else."""
    form = KeyForm(request.POST or None)
    secret = ""
    if request.method == "POST" and form.is_valid():
        days = form.cleaned_data["expires"]
        _key, secret = create_api_key(
            team_id=application.team_id,
            subject_kind="app",
            subject_id=application.id,
            scopes=form.cleaned_data["scopes"],
            expires_in=dt.timedelta(days=int(days)) if days else None,
            name=form.cleaned_data["name"],
            by=request.user,  # type: ignore[arg-type]
        )
        form = KeyForm()
    response = render(
        request,
        "workflows/app_keys.html",
        {
            **app_context(request, application, "keys"),
            "form": form,
            "secret": secret,
            "keys": keys_of(subject_kind="app", subject_id=application.id),
            "curl": curl_example(request, application),
        },
    )
    if secret:
        response["Cache-Control"] = "no-store"
    return response


@require_POST
@member_page("edit")
def revoke(request: HttpRequest, application: Application, key_id: str) -> HttpResponse:
    """Close one key for good."""
    key = keys_of(subject_kind="app", subject_id=application.id).filter(id=key_id).first()
    if key is not None:
        revoke_api_key(key)
        messages.success(request, _("The key %(prefix)s… no longer works.") % {"prefix": key.prefix})
    return redirect("workflows:keys", application.slug)
