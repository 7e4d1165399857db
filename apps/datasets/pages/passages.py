"""A cited passage, highlighted on its page: where the citations of a chat lead."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.selectors import teams_of
from apps.datasets.selectors.passages import passage_of_teams
from support.errors import NotFound


@login_required
def passage(request: HttpRequest, chunk_id: UUID) -> HttpResponse:
    """The passage with its surroundings, for members of its team whichever team they work in now."""
    try:
        found = passage_of_teams(chunk_id, list(teams_of(request.user).values_list("id", flat=True)))
    except NotFound as exc:
        return render(request, "datasets/passage_gone.html", {"message": exc.message}, status=404)
    request.team = found.document.team  # type: ignore[attr-defined]
    return render(request, "datasets/passage.html", {"passage": found, "document": found.document})
