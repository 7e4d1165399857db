"""The members' door to an app's pages: signed in, of the team, with the right."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse

from accounts.selectors import may, teams_of
from apps.workflows.models import Application
from apps.workflows.selectors.applications import open_application
from support.errors import NotFound

P = ParamSpec("P")


def member_page(
    right: str = "view",
) -> Callable[[Callable[Concatenate[HttpRequest, Application, P], HttpResponse]], Callable[..., HttpResponse]]:
    """Turn `view(request, application, ...)` into `view(request, slug, ...)` for members with the right.

    Somebody else's app is a 404, an own one without the right a 403.
    """

    def decorate(
        view: Callable[Concatenate[HttpRequest, Application, P], HttpResponse],
    ) -> Callable[..., HttpResponse]:
        @login_required
        @wraps(view)
        def page(request: HttpRequest, slug: str, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                application = open_application(slug, team_ids=teams_of(request.user).values_list("id", flat=True))
            except NotFound as exc:
                raise Http404(exc.message) from exc
            if not may(request.user, right, team_id=application.team_id):
                raise PermissionDenied
            request.team = application.team  # type: ignore[attr-defined]
            return view(request, application, *args, **kwargs)

        return page

    return decorate


def rights(request: HttpRequest, application: Application) -> dict[str, bool]:
    """What the person may do with the app, for templates."""
    return {
        f"may_{right}": may(request.user, right, team_id=application.team_id)
        for right in ("run", "edit", "publish", "manage")
    }
