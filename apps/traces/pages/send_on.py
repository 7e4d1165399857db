"""Where the traces of a team's runs are sent on to."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.models import Team
from apps.traces.adapters.otlp_client import NotSent
from apps.traces.models import TraceDestination
from apps.traces.pages.access import team_page
from apps.traces.pages.destination_form import DestinationForm
from apps.traces.selectors.outgoing import destination_of, waiting_of
from apps.traces.services.destinations import forget_destination, header_names, save_destination
from apps.traces.services.send_on import check_destination


@team_page("manage")
def destination(request: HttpRequest, team: Team) -> HttpResponse:
    """The form, and how it went lately."""
    found = destination_of(team.id)
    if request.method == "POST" and "forget" in request.POST:
        if found is not None:
            forget_destination(found)
            messages.success(request, _("Traces are not sent on any more."))
        return redirect("otel:send-on")
    kept = header_names(found) if found else ()
    form = DestinationForm(request.POST or None, initial=_initial(found), kept=kept)
    if request.method == "POST" and form.is_valid():
        save_destination(team_id=team.id, **form.settings())
        messages.success(request, _("Saved."))
        return redirect("otel:send-on")
    context = {
        "tab": "send-on",
        "team": team,
        "form": form,
        "destination": found,
        "waiting": waiting_of(team.id) if found else 0,
        "may_manage": True,
    }
    return render(request, "traces/send_on.html", context)


@require_POST
@team_page("manage")
def test(request: HttpRequest, team: Team) -> HttpResponse:
    """Send an empty export, and say what came back."""
    found = destination_of(team.id)
    if found is not None:
        try:
            check_destination(found)
        except NotSent as exc:
            messages.error(request, _("The receiver did not take a test: %(why)s") % {"why": exc.message})
        else:
            messages.success(request, _("The receiver took a test."))
    return redirect("otel:send-on")


def _initial(found: TraceDestination | None) -> dict[str, Any]:
    if found is None:
        return {"is_on": True}
    return {"endpoint": found.endpoint, "is_on": found.is_on, "with_content": found.with_content}
