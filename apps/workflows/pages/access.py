"""The members' door to an app's pages."""

from __future__ import annotations

from django.http import HttpRequest

from accounts.doors import door
from accounts.selectors import may, teams_of
from apps.workflows.models import Application
from apps.workflows.selectors.applications import open_application


def _open(request: HttpRequest, slug: str) -> Application:
    application = open_application(slug, team_ids=teams_of(request.user).values_list("id", flat=True))
    request.team = application.team  # type: ignore[attr-defined]  # the frame shows this one
    return application


member_page = door(_open)


def rights(request: HttpRequest, application: Application) -> dict[str, bool]:
    """What the person may do with the app, for templates."""
    return {
        f"may_{right}": may(request.user, right, team_id=application.team_id)
        for right in ("run", "edit", "publish", "manage")
    }
