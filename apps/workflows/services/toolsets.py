"""Importing OpenAPI documents as toolsets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from apps.workflows.dsl.openapi_reader import read_openapi
from apps.workflows.models import Toolset
from providers.services.credentials import moves_away
from support.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """The toolset, whether it is new, and what of the document could not be taken."""

    toolset: Toolset
    is_new: bool
    left_out: list[str]


@transaction.atomic
def import_openapi(
    *,
    text: str,
    team_id: UUID,
    name: str = "",
    base_url: str = "",
    auth: str = "",
    auth_name: str = "",
    secret: str | None = None,
) -> Imported:
    """Make a toolset of a document, or bring the one of that name up to date; what is not given stays.

    Raises InvalidInput (BadOpenApi).
    """
    read = read_openapi(text)
    slug = (name or re.sub(r"[^a-z0-9]+", "-", read.title.lower()).strip("-"))[:60] or "tools"
    toolset = Toolset.objects.select_for_update().filter(team_id=team_id, name=slug).first()
    is_new = toolset is None
    toolset = toolset or Toolset(team_id=team_id, name=slug)
    toolset.title, toolset.description = read.title or slug, read.description
    toolset.operations = read.operations
    address = base_url or toolset.base_url or read.base_url
    if toolset.encrypted_secret and secret is None and moves_away(toolset.base_url, address):
        raise InvalidInput(_("The secret must be given again when the address changes."), path="/secret")
    toolset.base_url = address
    toolset.auth, toolset.auth_name = auth or toolset.auth, auth_name or toolset.auth_name
    if secret is not None:
        toolset.set_secret(secret)
    if not toolset.base_url:
        raise InvalidInput(_("The document names no server with an address. Give the address of the service."))
    try:
        toolset.full_clean(validate_constraints=False)
    except ValidationError as exc:
        raise InvalidInput("; ".join(f"{field}: {' '.join(why)}" for field, why in exc.message_dict.items())) from exc
    toolset.save()
    return Imported(toolset=toolset, is_new=is_new, left_out=read.left_out)
