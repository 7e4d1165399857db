"""Keys with which programs elsewhere send their traces, and how they do it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from accounts.forms import KeyForm
from accounts.models import Team
from accounts.selectors import keys_of_team, may
from accounts.services import revoke_api_key
from apps.traces.pages.access import team_page
from apps.workflows.selectors.applications import applications_of


class TracesKeyForm(KeyForm):
    """A key that takes traces, for the team or for one of its apps."""

    subject_kind = "traces"

    app = forms.ChoiceField(
        label=gettext_lazy("Belongs to"),
        required=False,
        help_text=gettext_lazy("Traces that come with the key of an app are listed with that app."),
    )

    def __init__(self, *args: Any, team: Team, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        apps = [(str(app.id), app.name) for app in applications_of(team.id)]
        choice = self.fields["app"]
        assert isinstance(choice, forms.ChoiceField)
        choice.choices = [("", _("The whole team")), *apps]


@team_page("edit")
def keys(request: HttpRequest, team: Team) -> HttpResponse:
    """All keys, and a form for a new one. Its secret is in the answer to the form and nowhere else."""
    form = TracesKeyForm(request.POST or None, team=team)
    secret, sends = "", False
    if request.method == "POST" and form.is_valid():
        app, sends = form.cleaned_data["app"], "traces:write" in form.cleaned_data["scopes"]
        secret = form.make_key(
            team_id=team.id,
            subject_id=UUID(app) if app else team.id,
            by=request.user,  # type: ignore[arg-type]
        )
        form = TracesKeyForm(team=team)
    base = request.build_absolute_uri("/").rstrip("/")
    context = {
        "tab": "receive",
        "team": team,
        "form": form,
        "secret": secret,
        "sends": sends,
        "keys": keys_of_team(team_id=team.id, subject_kind=TracesKeyForm.subject_kind),
        "base": base,
        "ways": _ways(base, key=secret if sends else ""),
        "may_manage": may(request.user, "manage", team_id=team.id),
    }
    response = render(request, "traces/receive.html", context)
    if secret:
        response["Cache-Control"] = "no-store"
    return response


def _ways(base: str, *, key: str = "") -> list[dict[str, str]]:
    """How the environments of two kinds of clients name this place; with a key that was just made, ready to be used."""
    key = key or "traces-…"
    endpoint = {
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"{base}/otel",
        "OTEL_EXPORTER_OTLP_HEADERS": f"Authorization=Bearer%20{key}",
    }
    langfuse = {"LANGFUSE_BASE_URL": base, "LANGFUSE_PUBLIC_KEY": "skep", "LANGFUSE_SECRET_KEY": key}
    return [
        {"title": title, "text": "\n".join(f"{name}={value}" for name, value in variables.items())}
        for title, variables in ((_("OpenTelemetry clients"), endpoint), (_("langfuse SDK"), langfuse))
    ]


@require_POST
@team_page("edit")
def revoke(request: HttpRequest, team: Team, slug: str, key_id: UUID) -> HttpResponse:
    """Close one key for good."""
    listed = keys_of_team(team_id=team.id, subject_kind=TracesKeyForm.subject_kind)
    key = listed.filter(id=key_id).first() if slug == team.slug else None
    if key is not None:
        revoke_api_key(key)
        messages.success(request, _("The key %(prefix)s… no longer works.") % {"prefix": key.prefix})
    return redirect("otel:receive")
