"""The members' door to a page of something that belongs to a team: signed in, of the team, with the right."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.views.defaults import permission_denied

from accounts.selectors import may
from support.errors import NotFound


class Owned(Protocol):
    """Whatever carries its team."""

    @property
    def team_id(self) -> UUID: ...


P = ParamSpec("P")
T = TypeVar("T", bound=Owned)
View = Callable[Concatenate[HttpRequest, T, P], HttpResponse]


def door(
    open_it: Callable[[HttpRequest, str], T],
) -> Callable[..., Callable[[View[T, P]], Callable[..., HttpResponse]]]:
    """A decorator maker: `view(request, thing, ...)` becomes `view(request, slug, ...)` for members with the right.

    `open_it` finds the thing among those of the person's teams and raises NotFound: a 404, as for what does not exist.
    An own one without the right is a 403.
    """

    def for_right(right: str = "view") -> Callable[[View[T, P]], Callable[..., HttpResponse]]:
        def decorate(view: View[T, P]) -> Callable[..., HttpResponse]:
            @refused_politely
            @login_required
            @wraps(view)
            def page(request: HttpRequest, slug: str, *args: Any, **kwargs: Any) -> HttpResponse:
                try:
                    thing = open_it(request, slug)
                except NotFound as exc:
                    raise Http404(exc.message) from exc
                if not may(request.user, right, team_id=thing.team_id):
                    raise PermissionDenied
                return view(request, thing, *args, **kwargs)

            return page

        return decorate

    return for_right


def refused_politely(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Answer who lacks the right with the 403 page. Raised, the refusal would leave a traceback in the log, as if
    something had gone wrong."""

    @wraps(view)
    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except PermissionDenied as exc:
            return permission_denied(request, exc)

    return page
