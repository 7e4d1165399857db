"""External datasets are made and changed: where they are kept, and the key that opens them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from apps.datasets.models import Dataset, ExternalKnowledge
from apps.datasets.services.datasets import create_dataset
from apps.datasets.services.importing_names import checked_url
from providers.services.credentials import moves_away
from support.errors import InvalidInput

TIMEOUTS = (1, 60)


@transaction.atomic
def create_external_dataset(
    *,
    team_id: UUID,
    name: str,
    endpoint: str,
    knowledge_id: str,
    secret: str = "",
    timeout: int = 10,
    description: str = "",
    by: Any = None,
) -> Dataset:
    """A dataset whose passages another program finds. Raises InvalidInput."""
    dataset = create_dataset(team_id=team_id, name=name, description=description, by=by)
    Dataset.objects.filter(id=dataset.id).update(kind=Dataset.Kind.EXTERNAL)
    dataset.kind = Dataset.Kind.EXTERNAL
    row = ExternalKnowledge(team_id=team_id, dataset=dataset)
    _fill(row, endpoint=endpoint, knowledge_id=knowledge_id, timeout=timeout)
    row.set_secret(secret)
    row.save()
    return dataset


@transaction.atomic
def change_external_dataset(
    dataset: Dataset, *, endpoint: str, knowledge_id: str, timeout: int, secret: str | None = None
) -> None:
    """Change where it is kept; `secret=None` keeps the key. Raises InvalidInput.

    Another host needs the key anew: the stored one would else be handed to whoever chose the new address.
    """
    row = ExternalKnowledge.objects.select_for_update().get(dataset=dataset)
    before = row.endpoint
    _fill(row, endpoint=endpoint, knowledge_id=knowledge_id, timeout=timeout)
    if secret is None and row.encrypted_secret and moves_away(before, row.endpoint):
        raise InvalidInput(_("The address is on another host. Enter the key again."))
    if secret is not None:
        row.set_secret(secret)
    row.save()


def _fill(row: ExternalKnowledge, *, endpoint: str, knowledge_id: str, timeout: int) -> None:
    address = checked_url(endpoint).rstrip("/").removesuffix("/retrieval")
    if "?" in address:
        raise InvalidInput(_("The address may have no question mark: /retrieval is added to it."))
    if not knowledge_id.strip() or len(knowledge_id) > 300:
        raise InvalidInput(_("The knowledge id is what the dataset is called there."))
    if not TIMEOUTS[0] <= timeout <= TIMEOUTS[1]:
        raise InvalidInput(_("An answer can be waited for from 1 to 60 seconds."))
    row.endpoint, row.knowledge_id, row.timeout = address, knowledge_id.strip(), timeout
