"""The members' door to the pages of datasets: signed in, of the team, with the right."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse

from accounts.selectors import current_team, may
from apps.datasets.models import Dataset
from apps.datasets.selectors.datasets import open_dataset
from support.errors import NotFound

P = ParamSpec("P")


def dataset_page(
    right: str = "view",
) -> Callable[[Callable[Concatenate[HttpRequest, Dataset, P], HttpResponse]], Callable[..., HttpResponse]]:
    """Turn `view(request, dataset, ...)` into `view(request, slug, ...)` for members with the right.

    Somebody else's dataset is a 404, an own one without the right a 403.
    """

    def decorate(
        view: Callable[Concatenate[HttpRequest, Dataset, P], HttpResponse],
    ) -> Callable[..., HttpResponse]:
        @login_required
        @wraps(view)
        def page(request: HttpRequest, slug: str, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                dataset = open_dataset(slug, team_id=current_team(request).id)
            except NotFound as exc:
                raise Http404(exc.message) from exc
            if not may(request.user, right, team_id=dataset.team_id):
                raise PermissionDenied
            return view(request, dataset, *args, **kwargs)

        return page

    return decorate


def may_edit(request: HttpRequest, dataset: Dataset) -> bool:
    """Whether the person may add, change and delete."""
    return may(request.user, "edit", team_id=dataset.team_id)
