"""Small requests of the frame: switching the team, and what the command palette finds."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from accounts.selectors import current_team, teams_of
from apps.datasets.selectors.datasets import datasets_of
from apps.workflows.selectors.applications import applications_of
from support.errors import NotFound

MOST_FOUND = 8


@require_POST
@login_required
def switch_team(request: HttpRequest) -> HttpResponse:
    """Work in another of the person's teams from now on."""
    wanted = request.POST.get("team", "")
    if wanted in {str(team.id) for team in teams_of(request.user)}:
        request.session["team"] = wanted
    back = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    # A page of one app belongs to the team left behind, so a switch inside one leads to the list.
    return redirect(back if safe and not back.startswith("/apps/") else "/")


@login_required
def palette(request: HttpRequest) -> JsonResponse:
    """Apps and datasets of the current team whose names hold the words typed so far."""
    words = request.GET.get("q", "").strip()[:100]
    try:
        team = current_team(request)
    except NotFound:
        return JsonResponse({"items": []})
    apps = applications_of(team.id, search=words)[:MOST_FOUND]
    items = [
        {"label": app.name, "url": reverse("workflows:app", args=[app.slug]), "icon": "layout-grid"} for app in apps
    ]
    items += [
        {"label": dataset.name, "url": reverse("datasets:dataset", args=[dataset.slug]), "icon": "library"}
        for dataset in datasets_of(team.id).filter(name__icontains=words)[:MOST_FOUND]
    ]
    return JsonResponse({"items": items})
