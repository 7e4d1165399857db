"""The requests that keep, change and drop saved views of a list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.traces.admin.asked import EVERYTHING, VIEW, viewer_of
from apps.traces.admin.filters import CURSOR
from apps.traces.models.saved_view import SavedView
from apps.traces.selectors.saved_views import Viewer, open_view
from apps.traces.services import saved_views
from support.errors import Conflict, InvalidInput, NotAllowed, NotFound

View = Callable[..., HttpResponse]


def save(admin: Any) -> View:
    """Keep what the list shows under a name."""

    @require_POST
    def respond(request: HttpRequest) -> HttpResponse:
        viewer = _viewer(admin, request)
        query = _query(request)
        try:
            view = saved_views.save_view(
                viewer=viewer,
                table=admin.table,
                name=request.POST.get("name", ""),
                query=query,
                is_shared="shared" in request.POST,
                is_default="default" in request.POST,
            )
        except (InvalidInput, Conflict) as exc:
            messages.error(request, exc.message)
            return redirect(f"{admin.list_url()}?{query}")
        messages.success(request, _("Saved the view “%(name)s”.") % {"name": view.name})
        return _to(admin, view)

    return respond


def change(admin: Any) -> View:
    """Do to a view what `do` says: update, rename, share, unshare, open, open-all, delete."""

    @require_POST
    def respond(request: HttpRequest, view_id: UUID) -> HttpResponse:
        viewer = _viewer(admin, request)
        try:
            view = open_view(view_id, viewer=viewer, table=admin.table)
        except NotFound as exc:
            raise Http404 from exc
        try:
            return _change(admin, request, view, viewer)
        except NotAllowed as exc:
            raise PermissionDenied(exc.message) from exc
        except (InvalidInput, Conflict) as exc:
            messages.error(request, exc.message)
            return _to(admin, view)

    return respond


def _change(admin: Any, request: HttpRequest, view: SavedView, viewer: Viewer) -> HttpResponse:
    match request.POST.get("do"):
        case "update":
            saved_views.change_view(view, viewer=viewer, query=_query(request))
            messages.success(request, _("The view “%(name)s” now shows this.") % {"name": view.name})
        case "rename":
            saved_views.change_view(view, viewer=viewer, name=request.POST.get("name", ""))
        case "share":
            saved_views.change_view(view, viewer=viewer, is_shared=True)
            messages.success(request, _("Everybody in the team sees “%(name)s” now.") % {"name": view.name})
        case "unshare":
            saved_views.change_view(view, viewer=viewer, is_shared=False)
            messages.success(request, _("Only you see “%(name)s” now.") % {"name": view.name})
        case "open":
            saved_views.open_with(view, viewer=viewer)
            messages.success(request, _("The list opens with “%(name)s” from now on.") % {"name": view.name})
        case "open-all":
            saved_views.open_with(None, viewer=viewer, table=admin.table)
            messages.success(request, _("The list opens with everything from now on."))
        case "delete":
            saved_views.delete_view(view, viewer=viewer)
            messages.success(request, _("Deleted the view “%(name)s”.") % {"name": view.name})
            return redirect(f"{admin.list_url()}?{VIEW}={EVERYTHING}")
        case _:
            raise InvalidInput(_("There is no such change."))
    return _to(admin, view)


def _viewer(admin: Any, request: HttpRequest) -> Viewer:
    viewer = viewer_of(request)
    if viewer is None or not admin.has_view_permission(request):
        raise PermissionDenied
    return viewer


def _query(request: HttpRequest) -> str:
    """The filters that the form sent along, without what names a view or a page."""
    query = QueryDict(request.POST.get("query", ""), mutable=True)
    for name in (VIEW, CURSOR):
        query.pop(name, None)
    return query.urlencode()


def _to(admin: Any, view: SavedView) -> HttpResponse:
    return redirect(f"{admin.list_url()}?{VIEW}={view.id}")
