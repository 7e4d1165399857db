"""Writing saved views: save, change, share, open a list with one, delete."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from apps.traces.models.saved_view import DefaultView, SavedView
from apps.traces.selectors.saved_views import MOST_VIEWS, Viewer, may_change
from support.errors import Conflict, InvalidInput, NotAllowed

_LONGEST_QUERY = 4000


@transaction.atomic(using="traces")
def save_view(
    *, viewer: Viewer, table: str, name: str, query: str, is_shared: bool = False, is_default: bool = False
) -> SavedView:
    """Keep what a list shows under a name; one's own view of that name takes it over. Raises InvalidInput, Conflict."""
    name = _named(name)
    if len(query) > _LONGEST_QUERY:
        raise InvalidInput(_("These filters are too long to be saved."))
    own = SavedView.objects.filter(team_id=viewer.team_id, user_id=viewer.user_id, table=table)
    if own.exclude(name=name).count() >= MOST_VIEWS:
        raise Conflict(_("You have %(n)s views of this list. Delete one first.") % {"n": MOST_VIEWS})
    view, _is_new = own.update_or_create(
        name=name,
        defaults={"query": query, "is_shared": is_shared, "user_name": viewer.name},
        create_defaults={
            "team_id": viewer.team_id,
            "user_id": viewer.user_id,
            "table": table,
            "query": query,
            "is_shared": is_shared,
            "user_name": viewer.name,
        },
    )
    if is_default:
        open_with(view, viewer=viewer)
    return view


@transaction.atomic(using="traces")
def change_view(
    view: SavedView, *, viewer: Viewer, name: str | None = None, query: str | None = None, is_shared: bool | None = None
) -> SavedView:
    """Rename it, give it other filters, share it or not. Raises NotAllowed, InvalidInput, Conflict."""
    _require_right(view, viewer)
    if name is not None:
        view.name = _named(name)
        same = SavedView.objects.filter(
            team_id=view.team_id, user_id=view.user_id, table=view.table, name=view.name
        ).exclude(id=view.id)
        if same.exists():
            raise Conflict(_("There is a view called “%(name)s” already.") % {"name": view.name})
    if query is not None:
        if len(query) > _LONGEST_QUERY:
            raise InvalidInput(_("These filters are too long to be saved."))
        view.query = query
    if is_shared is not None:
        view.is_shared = is_shared
    view.save()
    return view


def delete_view(view: SavedView, *, viewer: Viewer) -> None:
    """Remove it, for everybody who sees it. Raises NotAllowed."""
    _require_right(view, viewer)
    view.delete()


def open_with(view: SavedView | None, *, viewer: Viewer, table: str = "") -> None:
    """Let the viewer's list open with this view from now on, or with everything (None)."""
    key: dict[str, Any] = {"team_id": viewer.team_id, "user_id": viewer.user_id, "table": view.table if view else table}
    if view is None:
        DefaultView.objects.filter(**key).delete()
    else:
        DefaultView.objects.update_or_create(**key, defaults={"view": view})


def _named(name: str) -> str:
    name = " ".join(name.replace("\x00", "").split())
    if not 1 <= len(name) <= 60:
        raise InvalidInput(_("Give the view a name of 1 to 60 characters."), path="/name")
    return name


def _require_right(view: SavedView, viewer: Viewer) -> None:
    if not may_change(view, viewer=viewer):
        raise NotAllowed("Only its owner or somebody who manages the team may change this view.")
