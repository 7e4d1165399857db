"""What the frame of every page needs: theme, rail, team. Nothing here touches the database until a template asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from accounts import selectors
from accounts.models import Team, User
from console.navigation import LinkGroup, rail_for

THEMES = ("light", "dark", "auto")
TEAM_SESSION_KEY = "team"


@dataclass(kw_only=True)
class Frame:
    """One page's surroundings, worked out as far as its template asks."""

    request: HttpRequest
    theme: str
    rail_width: str
    user: User | AnonymousUser = field(default_factory=AnonymousUser)

    @cached_property
    def rail(self) -> tuple[LinkGroup, ...]:
        """The sections of the left rail that this person sees."""
        return rail_for(self.user, path=self.request.path)

    @cached_property
    def palette(self) -> list[dict[str, str]]:
        """What the command palette can open without asking the server."""
        return [
            {"label": str(link.label), "where": str(group.label), "url": link.url, "icon": link.icon}
            for group in self.rail
            for link in group.links
        ]

    @cached_property
    def teams(self) -> list[Team]:
        """The person's teams, by name."""
        return selectors.teams_seen_by(self.request)

    @cached_property
    def team(self) -> Team | None:
        """The team whose things are shown: the one the page set, the one last chosen, else the first."""
        chosen = getattr(self.request, "team", None)
        if isinstance(chosen, Team):
            return chosen
        wanted = self._wanted_team()
        return next((team for team in self.teams if team.id == wanted), self.teams[0] if self.teams else None)

    def _wanted_team(self) -> UUID | None:
        raw = self.request.session.get(TEAM_SESSION_KEY) if hasattr(self.request, "session") else None
        try:
            return UUID(str(raw)) if raw else None
        except ValueError:
            return None

    @cached_property
    def switch_team_url(self) -> str | None:
        """Where a choice of team is posted (`team=<id>`, `next=<path>`)."""
        return _resolve("accounts:switch-team", "switch-team")

    @cached_property
    def palette_url(self) -> str | None:
        """Where the palette asks for apps, datasets and the like (`?q=`)."""
        return _resolve("console:palette", "palette")

    @cached_property
    def home_url(self) -> str:
        """Where the logo leads."""
        return _resolve("console:home", "home", "workflows:apps") or "/"

    @cached_property
    def sign_out_url(self) -> str | None:
        return _resolve("logout", "admin:logout")

    @cached_property
    def password_url(self) -> str | None:
        return _resolve("password_change", "admin:password_change")


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `frame` in every template."""
    theme = request.COOKIES.get("skep_theme", "auto")
    narrow = request.COOKIES.get("skep_rail") == "narrow"
    return {
        "frame": Frame(
            request=request,
            theme=theme if theme in THEMES else "auto",
            rail_width="narrow" if narrow else "wide",
            # Never tested for truth here: that would load a lazy user, and a page may not need one.
            user=request.user if hasattr(request, "user") else AnonymousUser(),
        )
    }


def _resolve(*names: str) -> str | None:
    for name in names:
        try:
            return reverse(name)
        except NoReverseMatch:
            continue
    return None
