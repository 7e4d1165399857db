"""Reading datasets."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Lower

from apps.datasets.models import Dataset, Document
from apps.datasets.selectors.errors import DatasetNotFound


def open_dataset(slug: str, *, team_id: UUID) -> Dataset:
    """The one way to a dataset: by its slug within the team. Raises DatasetNotFound, which names those there are."""
    dataset = Dataset.objects.live().filter(team_id=team_id, slug=slug).first()
    if dataset is None:
        raise DatasetNotFound([slug], known=dataset_slugs(team_id))
    return dataset


def dataset_slugs(team_id: UUID) -> list[str]:
    """What the team's datasets are called where apps refer to them."""
    return list(Dataset.objects.live().filter(team_id=team_id).order_by("slug").values_list("slug", flat=True))


def datasets_of(team_id: UUID) -> QuerySet[Dataset]:
    """The team's datasets by name, with `document_count`, `indexing_count` and `error_count`."""
    # Where rows are counted, the order of the model is not applied by itself.
    return with_counts(Dataset.objects.live().filter(team_id=team_id)).order_by(Lower("name"), "id")


def with_counts(datasets: QuerySet[Dataset]) -> QuerySet[Dataset]:
    """The same datasets with the three figures."""
    return datasets.annotate(**_counts("documents__"))


def document_counts(dataset: Dataset) -> dict[str, int]:
    """The same three figures for one dataset."""
    live = Document.objects.live().filter(dataset=dataset)
    return {name: int(count) for name, count in live.aggregate(**_counts("")).items()}


def _counts(prefix: str) -> dict[str, Count]:
    live = Q(**{f"{prefix}deleted_at": None})
    return {
        "document_count": Count(f"{prefix}id", filter=live),
        "indexing_count": Count(f"{prefix}id", filter=live & Q(**{f"{prefix}status__in": Document.UNFINISHED})),
        "error_count": Count(f"{prefix}id", filter=live & Q(**{f"{prefix}status": Document.Status.ERROR})),
    }
