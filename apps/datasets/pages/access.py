"""The members' door to the pages of datasets."""

from __future__ import annotations

from django.http import HttpRequest

from accounts.doors import door
from accounts.selectors import current_team, may
from apps.datasets.models import Dataset
from apps.datasets.selectors.datasets import open_dataset


def _open(request: HttpRequest, slug: str) -> Dataset:
    # Two teams may have datasets of one name, so the current team decides.
    return open_dataset(slug, team_id=current_team(request).id)


#: `view(request, dataset, ...)` becomes `view(request, slug, ...)` for members of its team with the right.
dataset_page = door(_open)


def may_edit(request: HttpRequest, dataset: Dataset) -> bool:
    """Whether the person may add, change and delete."""
    return may(request.user, "edit", team_id=dataset.team_id)
