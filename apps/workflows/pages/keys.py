"""An app's API keys: make, see once, revoke."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.forms import KeyForm
from accounts.selectors import keys_of
from accounts.services import revoke_api_key
from apps.workflows.models import Application
from apps.workflows.pages.access import member_page
from apps.workflows.pages.app import app_context, curl_example


class AppKeyForm(KeyForm):
    """A key that opens one app."""

    subject_kind = "app"


@member_page("edit")
def keys(request: HttpRequest, application: Application) -> HttpResponse:
    """All keys, and a form for a new one. Its secret is in the answer to the form and nowhere else."""
    form = AppKeyForm(request.POST or None)
    secret = ""
    if request.method == "POST" and form.is_valid():
        secret = form.make_key(
            team_id=application.team_id,
            subject_id=application.id,
            by=request.user,  # type: ignore[arg-type]
        )
        form = AppKeyForm()
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
