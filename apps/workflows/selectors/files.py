"""Reading files: whose they are, where their bytes are, and links that open them for a while."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.urls import reverse

from apps.datasets.text.extract.kinds import EXTENSIONS
from apps.workflows.models import Application, File
from apps.workflows.selectors.messages import as_uuid
from support.errors import NotAllowed, NotFound

#: How long a link to a file opens it.
LINK_SECONDS = 3_600
_SALT = "workflows.file"
_TYPES = {"image": "image", "audio": "audio", "video": "video", "text": "document"}
#: What a reader is there for, and what people mean by documents though nobody reads it.
_DOCUMENTS = (*EXTENSIONS, ".doc", ".ppt", ".msg")
#: What a browser shows and does not run.
_SHOWN = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf", "text/plain"})


class FileNotFound(NotFound):
    """It does not exist, or it is not yours."""

    code = "file_not_found"


class LinkRefused(NotAllowed):
    """The link is not ours, or its time is over."""

    code = "file_access_denied"


def team_file(file_id: object, *, team_id: UUID) -> File:
    """A run's door to a file. Raises FileNotFound."""
    parsed = as_uuid(str(file_id))
    file = File.objects.filter(id=parsed, team_id=team_id).first() if parsed else None
    if file is None:
        raise FileNotFound(f"There is no file {str(file_id)[:60]}.")
    return file


def own_file(file_id: object, *, application: Application, source: str, end_user: str) -> File:
    """An end user's door to a file: what they uploaded, or what a run of theirs made. Raises FileNotFound."""
    file = team_file(file_id, team_id=application.team_id)
    if (file.application_id, file.source, file.end_user) != (application.id, source, end_user):
        raise FileNotFound(f"There is no file {str(file_id)[:60]}.")
    return file


def file_value(file: File) -> dict[str, Any]:
    """The file as a value of a run."""
    return {
        "kind": "file",
        "id": str(file.id),
        "name": file.name,
        "extension": file.extension,
        "mime_type": file.mime_type,
        "size": file.size,
        "type": type_of(file.mime_type, file.extension),
        "transfer_method": "tool_file" if file.origin == File.Origin.RUN else "local_file",
    }


def type_of(mime_type: str, extension: str) -> str:
    """Which of the five types of files this is: image, document, audio, video or custom."""
    found = _TYPES.get(mime_type.partition("/")[0])
    return found or ("document" if extension.lower() in _DOCUMENTS else "custom")


def path_of(file: File) -> Path:
    """Where its bytes are."""
    return Path(settings.MEDIA_ROOT) / file.blob


def link_to(file_id: UUID | str) -> str:
    """An address that opens the file for an hour, without anything else."""
    signed = signing.TimestampSigner(salt=_SALT).sign(str(file_id))
    return reverse("file", args=[file_id, signed.partition(":")[2]])


def opened_by_link(file_id: UUID, signature: str) -> File:
    """The file that a link leads to. Raises LinkRefused, FileNotFound."""
    signer = signing.TimestampSigner(salt=_SALT)
    try:
        signer.unsign(f"{file_id}:{signature}", max_age=LINK_SECONDS)
    except signing.BadSignature as exc:
        raise LinkRefused("This link is not valid any more.") from exc
    file = File.objects.filter(id=file_id).first()
    if file is None:
        raise FileNotFound("This file is not here any more.")
    return file


def is_shown(file: File) -> bool:
    """Whether a browser may show it in place; everything else is saved."""
    return file.mime_type in _SHOWN


def with_links(value: Any) -> Any:
    """A value as readers get it: every stored file in it with an address that opens it for a while."""
    if isinstance(value, Mapping):
        if _is_stored(value):
            return {**value, "url": link_to(str(value["id"]))}
        return {key: with_links(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [with_links(inner) for inner in value]
    return value


def linked_files(value: Any) -> list[dict[str, Any]]:
    """The files in a value, each with an address, as clients list them."""
    if isinstance(value, Mapping):
        if value.get("kind") == "file":
            linked = with_links(value)
            return [{**linked, "filename": linked.get("name"), "related_id": linked.get("id")}]
        return [file for inner in value.values() for file in linked_files(inner)]
    if isinstance(value, (list, tuple)):
        return [file for inner in value for file in linked_files(inner)]
    return []


def _is_stored(value: Mapping[str, Any]) -> bool:
    return value.get("kind") == "file" and as_uuid(str(value.get("id") or "")) is not None
