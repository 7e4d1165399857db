"""The members' door to the pages of datasets."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.views.defaults import permission_denied

from accounts.doors import door
from accounts.selectors import current_team, may
from apps.datasets.models import Dataset
from apps.datasets.selectors.datasets import open_dataset


def _open(request: HttpRequest, slug: str) -> Dataset:
    # Two teams may have datasets of one name, so the current team decides.
    return open_dataset(slug, team_id=current_team(request).id)


_door = door(_open)
View = Callable[..., HttpResponse]


def refused_politely(view: View) -> View:
    """Answer who lacks the right with the 403 page. Raised, the refusal would leave a traceback in the log, as if
    something had gone wrong."""

    @wraps(view)
    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except PermissionDenied as exc:
            return permission_denied(request, exc)

    return page


def dataset_page(right: str = "view") -> Callable[[View], View]:
    """`view(request, dataset, ...)` becomes `view(request, slug, ...)` for members of its team with the right."""

    def decorate(view: View) -> View:
        return refused_politely(_door(right)(view))

    return decorate


def may_edit(request: HttpRequest, dataset: Dataset) -> bool:
    """Whether the person may add, change and delete."""
    return may(request.user, "edit", team_id=dataset.team_id)
