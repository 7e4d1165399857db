"""Reading saved views: those that somebody sees above a list, and the one it opens with."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from apps.traces.models.saved_view import DefaultView, SavedView
from support.errors import NotFound

MOST_VIEWS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Somebody who looks at the lists in a team."""

    team_id: UUID
    user_id: UUID
    name: str = ""
    #: Whether they may change what others share with the team.
    manages: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """The views above one list, oldest first, and which of them it opens with."""

    shown: list[SavedView]
    default_id: UUID | None = None

    def find(self, view_id: str) -> SavedView | None:
        """The view with this id, as an address spells it."""
        return next((view for view in self.shown if str(view.id) == view_id), None)


def views_for(viewer: Viewer, *, table: str) -> Views:
    """The viewer's own views and those that others share with the team."""
    seen = SavedView.objects.filter(Q(user_id=viewer.user_id) | Q(is_shared=True), team_id=viewer.team_id, table=table)
    shown = list(seen[:MOST_VIEWS])
    default = DefaultView.objects.filter(team_id=viewer.team_id, user_id=viewer.user_id, table=table)
    chosen = default.values_list("view_id", flat=True).first()
    return Views(shown=shown, default_id=chosen if any(view.id == chosen for view in shown) else None)


def open_view(view_id: UUID, *, viewer: Viewer, table: str) -> SavedView:
    """The one door to a view. Raises NotFound."""
    found = SavedView.objects.filter(id=view_id, team_id=viewer.team_id, table=table).first()
    if found is None or not (found.is_shared or found.user_id == viewer.user_id):
        raise NotFound("There is no such view.")
    return found


def may_change(view: SavedView, *, viewer: Viewer) -> bool:
    """Its owner may, and who manages the team where it is shared."""
    return view.user_id == viewer.user_id or (view.is_shared and viewer.manages)
