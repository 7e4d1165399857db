"""Writing credentials: storing one, and moving all of them to the newest encryption key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from providers import crypto
from providers.models import HoldsSecret, ProviderCredential, ProviderKind
from support.egress import host_and_port
from support.errors import InvalidInput

_BATCH = 200


@transaction.atomic
def store_credential(
    *,
    team_id: UUID,
    name: str,
    base_url: str,
    secret: str | None = None,
    kind: str = ProviderKind.OPENAI_COMPATIBLE,
    chat_models: Sequence[str] = (),
    embedding_models: Sequence[str | dict[str, Any]] = (),
    rerank_models: Sequence[str] = (),
    is_enabled: bool = True,
) -> ProviderCredential:
    """Create the team's credential of this name, or change it. `secret=None` keeps the stored key.

    Raises InvalidInput; also when the address moves to another host without a new key, since the old key
    would then be handed to whoever chose the new address.
    """
    found = ProviderCredential.objects.select_for_update().filter(team_id=team_id, name=name).first()
    credential = found or ProviderCredential(team_id=team_id, name=name)
    if found and secret is None and found.encrypted_secret and moves_away(found.base_url, base_url):
        raise InvalidInput(_("The key must be given again when the address changes."), field="secret")
    credential.base_url = base_url
    credential.kind = kind
    credential.chat_models = list(chat_models)
    credential.embedding_models = list(embedding_models)
    credential.rerank_models = list(rerank_models)
    credential.is_enabled = is_enabled
    if secret is not None:
        credential.set_secret(secret)
    try:
        credential.full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as exc:
        raise InvalidInput(" ".join(exc.messages), errors=exc.message_dict) from exc
    credential.save()
    return credential


def moves_away(old_url: str, new_url: str) -> bool:
    """Whether a change of address would send the key to another host, or in the clear."""
    if not old_url:
        return False
    downgraded = old_url.startswith("https:") and not new_url.startswith("https:")
    return downgraded or host_and_port(old_url) != host_and_port(new_url)


def rotate_encryption_keys() -> tuple[int, int]:
    """Encrypt every stored secret of every table under the newest encryption key; returns (moved, unreadable)."""
    moved = unreadable = 0
    for table in apps.get_models():
        if issubclass(table, HoldsSecret):
            done, left = _rotate(table)
            moved, unreadable = moved + done, unreadable + left
    return moved, unreadable


def _rotate(table: type[HoldsSecret]) -> tuple[int, int]:
    moved = unreadable = 0
    pending = list(table._default_manager.exclude(encrypted_secret="").values_list("pk", flat=True))
    for start in range(0, len(pending), _BATCH):
        with transaction.atomic():
            for row in table._default_manager.select_for_update().filter(pk__in=pending[start : start + _BATCH]):
                try:
                    row.encrypted_secret = crypto.rotate(row.encrypted_secret)
                except crypto.UnreadableSecret:
                    unreadable += 1
                    continue
                row.save(update_fields=["encrypted_secret"])
                moved += 1
    return moved, unreadable
