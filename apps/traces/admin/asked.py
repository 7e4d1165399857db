"""What one request asks of a list: its address, or the view that it names or opens with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, QueryDict

from accounts.selectors import current_team
from apps.traces.admin.columns import COLUMNS
from apps.traces.admin.filters import CURSOR
from apps.traces.models.saved_view import SavedView
from apps.traces.selectors.lists import Question, question_of
from apps.traces.selectors.saved_views import Viewer, Views, may_change, views_for
from support.errors import InvalidInput, NotFound

VIEW = "view"
#: The tab of the list without a view, for those whose list opens with one.
EVERYTHING = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The question of one request, with what its page says about views."""

    question: Question
    #: The address with the filters of its view written out.
    parameters: QueryDict
    cursor: str
    views: Views
    view: SavedView | None
    viewer: Viewer | None
    #: What the address asked for that cannot be.
    refused: tuple[str, ...] = ()

    @property
    def query(self) -> str:
        """What a view would keep."""
        return _kept(self.parameters)

    @property
    def is_changed(self) -> bool:
        """Whether the list shows something else than its view, or than it does by itself."""
        return self.query != (_kept(QueryDict(self.view.query)) if self.view else "")

    @property
    def may_change_view(self) -> bool:
        """Whether this person may rename, share or delete the view."""
        return self.view is not None and self.viewer is not None and may_change(self.view, viewer=self.viewer)

    @property
    def opens_here(self) -> bool:
        """Whether the person's list opens with what is shown: this view, or none."""
        return self.views.default_id == (self.view.id if self.view else None)


def viewer_of(request: HttpRequest) -> Viewer | None:
    """Who looks, in the team they work in now; nobody where they have none."""
    user: Any = request.user
    try:
        team = current_team(request)
    except NotFound:
        return None
    return Viewer(
        team_id=team.id,
        user_id=user.id,
        name=user.get_username()[:150],
        manages=user.has_perm("traces.change_trace", team),
    )


def read(admin: Any, request: HttpRequest) -> Asked:
    """The question of a request. What makes no sense in it is left out and said."""
    viewer = viewer_of(request)
    views = _views(viewer, table=admin.table)
    parameters = request.GET.copy()
    if len(parameters.getlist(COLUMNS)) > 1:
        parameters[COLUMNS] = ",".join(parameters.getlist(COLUMNS))
    cursor = "".join(parameters.pop(CURSOR, [])[-1:])
    named = "".join(parameters.pop(VIEW, [])[-1:])
    view = views.find(named)
    if not named and not parameters and views.default_id:
        view = views.find(str(views.default_id))
    if view is not None and not parameters:
        parameters = QueryDict(view.query, mutable=True)
    question, refused = _understood(parameters, table=admin.table)
    if view is not None:
        parameters[VIEW] = str(view.id)
    elif views.default_id:
        parameters[VIEW] = EVERYTHING
    return Asked(
        question=question,
        parameters=parameters,
        cursor=cursor,
        views=views,
        view=view,
        viewer=viewer,
        refused=refused,
    )


def _views(viewer: Viewer | None, *, table: str) -> Views:
    """The views above the list; none while the trace database is away, which the page says elsewhere."""
    try:
        return views_for(viewer, table=table) if viewer else Views(shown=[])
    except (OperationalError, InterfaceError):
        return Views(shown=[])


def _understood(parameters: QueryDict, *, table: str) -> tuple[Question, tuple[str, ...]]:
    """The question, once every parameter that it cannot hold is taken away."""
    refused: list[str] = []
    while True:
        try:
            return question_of({name: str(value) for name, value in parameters.items()}, table=table), tuple(refused)
        except InvalidInput as exc:
            refused.append(exc.message)
            parameters.pop(str(exc.details["path"]).removeprefix("/"), None)


def _kept(parameters: QueryDict) -> str:
    names = sorted(name for name in parameters if name not in (VIEW, CURSOR) and parameters[name])
    kept = QueryDict(mutable=True)
    for name in names:
        kept[name] = str(parameters[name])
    return kept.urlencode()
