"""Datasets are made, described and deleted."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings as site
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from apps.datasets.models import Dataset, DatasetTerm, Document, ExternalKnowledge
from apps.datasets.services.documents import delete_document, purge_document
from apps.datasets.services.errors import DatasetExists
from apps.datasets.services.importing import forget_imports
from apps.datasets.services.metadata import forget_of_dataset
from apps.datasets.services.spaces import drop_everywhere
from apps.datasets.settings_of_dataset import checked_settings
from apps.datasets.text.analyze import ANALYZER_VERSION
from apps.datasets.vectorstores.registry import check_store_name
from support.errors import InvalidInput
from support.jobs import enqueue_on_commit

MAX_SLUG = 80
#: Words that stand where a slug stands in the addresses of the pages.
RESERVED = frozenset({"new", "new-external", "passages"})


@transaction.atomic
def create_dataset(
    *,
    team_id: UUID,
    name: str,
    slug: str = "",
    description: str = "",
    embedding_model: str = "hashing",
    vector_store: str = "",
    settings: dict[str, Any] | None = None,
    by: Any = None,
) -> Dataset:
    """A new, empty dataset, kept in the named vector store or in the installation's.

    A slug that is asked for must be free; one made from the name gets a number.
    """
    name = name.strip()
    if not name:
        raise InvalidInput(_("A dataset needs a name."))
    wanted = slugify(slug or name, allow_unicode=True)[:MAX_SLUG] or "dataset"
    if wanted in RESERVED:
        wanted = f"{wanted}-dataset"
    taken = set(Dataset.objects.live().filter(team_id=team_id).values_list("slug", flat=True))
    if wanted in taken and slug:
        raise DatasetExists(_("There is a dataset “%(slug)s” already.") % {"slug": wanted}, slug=wanted)
    return Dataset.objects.create(
        team_id=team_id,
        name=name[:200],
        slug=_free_slug(wanted, taken),
        description=description.strip(),
        embedding_model=embedding_model or "hashing",
        vector_store=check_store_name(vector_store or site.VECTOR_STORE),
        analyzer_version=ANALYZER_VERSION,
        settings=settings or {},
        created_by=by,
    )


def ensure_dataset(*, team_id: UUID, slug: str, name: str = "", description: str = "", by: Any = None) -> Dataset:
    """The dataset with this slug (or the slug of this name), made if it is missing."""
    wanted = slugify(slug, allow_unicode=True)[:MAX_SLUG]
    found = Dataset.objects.live().filter(team_id=team_id, slug=wanted).first()
    return found or create_dataset(team_id=team_id, name=name or slug, slug=wanted, description=description, by=by)


def describe_dataset(dataset: Dataset, *, name: str, description: str) -> None:
    """Change what people read about a dataset; its slug, which apps refer to, stays."""
    if not name.strip():
        raise InvalidInput(_("A dataset needs a name."))
    Dataset.objects.filter(id=dataset.id).update(
        name=name.strip()[:200], description=description.strip(), updated_at=timezone.now()
    )


def change_settings(dataset: Dataset, settings: dict[str, Any]) -> None:
    """Store settings that were checked. What is indexed stays as it is until its documents are indexed again."""
    Dataset.objects.filter(id=dataset.id).update(settings=checked_settings(settings), updated_at=timezone.now())
    dataset.refresh_from_db(fields=["settings"])


@transaction.atomic
def delete_dataset(dataset: Dataset) -> None:
    """Nothing finds the dataset or its documents from now on; what they left goes in the background."""
    Dataset.objects.filter(id=dataset.id, deleted_at=None).update(deleted_at=timezone.now())
    for document in Document.objects.live().filter(dataset=dataset):
        delete_document(document)
    enqueue_on_commit("datasets.purge_dataset", str(dataset.id))


def purge_dataset(dataset_id: UUID) -> None:
    """Remove what a deleted dataset left. Safe to repeat."""
    dataset = Dataset.objects.filter(id=dataset_id, deleted_at__isnull=False).first()
    if dataset is None:
        return
    for document_id in Document.objects.filter(dataset=dataset).values_list("id", flat=True):
        purge_document(document_id)
    drop_everywhere(dataset.id)
    with transaction.atomic():
        DatasetTerm.objects.filter(dataset=dataset)._raw_delete("default")
        forget_of_dataset(dataset.id)
        forget_imports(dataset.id)
        ExternalKnowledge.objects.filter(dataset=dataset).delete()
        Dataset.objects.filter(id=dataset.id)._raw_delete("default")


def _free_slug(wanted: str, taken: set[str]) -> str:
    if wanted not in taken:
        return wanted
    numbers = range(2, len(taken) + 3)
    return next(slug for number in numbers if (slug := f"{wanted[: MAX_SLUG - 6]}-{number}") not in taken)
