"""Which team a command of this app works for."""

from __future__ import annotations

from accounts.models import Team
from accounts.selectors import team_by_slug
from accounts.services import ensure_team


def team_for(slug: str | None) -> Team:
    """The named team; without a name the oldest one, or a new team `demo`. Raises NotFound."""
    if slug:
        return team_by_slug(slug)
    return Team.objects.order_by("created_at").first() or ensure_team(slug="demo", name="Demo")
