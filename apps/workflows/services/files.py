"""Taking files in, and turning what a caller names into values of a run."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import unquote, urlsplit
from uuid import UUID

from django.conf import settings

from apps.datasets.services.blobs import received
from apps.workflows.engine.file_port import KIND
from apps.workflows.models import Application, File
from apps.workflows.selectors.files import file_value, own_file, type_of
from support.errors import InvalidInput

FOLDER: Final = "run-files"
MAX_NAME_CHARS: Final = 200
MAX_URL_CHARS: Final = 2_000
MAX_FILES: Final = 20
TYPES: Final = frozenset({"image", "document", "audio", "video", "custom"})
_UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\]+")
_MIME = re.compile(r"[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*", re.IGNORECASE)


def receive_file(
    pieces: Iterable[bytes],
    *,
    application: Application,
    source: str,
    end_user: str,
    name: str,
    declared_type: str = "",
) -> File:
    """Keep what somebody uploads. Raises InvalidInput, TooLarge."""
    cleaned = safe_name(name)
    if not cleaned:
        raise InvalidInput("The file has no name.", path="/file")
    return _stored(
        pieces, team_id=application.team_id, application_id=application.id, source=source, end_user=end_user,
        name=cleaned, declared_type=declared_type, origin=File.Origin.UPLOAD, run_id=None,
    )  # fmt: skip


def keep_made_file(
    content: bytes,
    *,
    run_id: UUID,
    application_id: UUID,
    team_id: UUID,
    source: str,
    end_user: str,
    name: str,
    declared_type: str = "",
) -> File:
    """Keep what a run made, for the end user it runs for. Raises TooLarge."""
    return _stored(
        [content], team_id=team_id, application_id=application_id, source=source, end_user=end_user,
        name=safe_name(name) or "file", declared_type=declared_type, origin=File.Origin.RUN, run_id=run_id,
    )  # fmt: skip


def file_inputs(
    document: Mapping[str, Any], values: Mapping[str, Any], *, application: Application, source: str, end_user: str
) -> dict[str, Any]:
    """A run's inputs with its files as values. Raises InvalidInput, FileNotFound."""
    resolved = dict(values)
    for declared in document.get("inputs") or ():
        name, value = declared["name"], values.get(declared["name"])
        if declared["type"] not in ("file", "files") or value is None or value == "":
            continue
        given = value if declared["type"] == "files" else [value]
        files = named_files(
            given, path=f"/inputs/{name}", application=application, source=source, end_user=end_user, declared=declared
        )
        resolved[name] = files if declared["type"] == "files" else files[0]
    return resolved


def named_files(
    given: object,
    *,
    path: str,
    application: Application,
    source: str,
    end_user: str,
    declared: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """The values of files as a caller names them (`local_file`, `remote_url`). Raises InvalidInput, FileNotFound."""
    if not isinstance(given, list) or not all(isinstance(each, Mapping) for each in given):
        raise InvalidInput(f"{path} must be a list of files.", path=path)
    rules = declared or {}
    most = rules.get("max_files", MAX_FILES)
    if len(given) > most:
        raise InvalidInput(f"{path} takes no more than {most} files.", path=path)
    files = []
    for each in given:
        if _method(each) == "remote_url":
            file = _remote(each, path=path)
        else:
            wanted = each.get("upload_file_id") or each.get("related_id") or each.get("id")
            file = file_value(own_file(wanted, application=application, source=source, end_user=end_user))
        _check(file, rules, path)
        files.append(file)
    return files


def safe_name(name: str) -> str:
    """A file's name without folders and control characters."""
    cleaned = _UNSAFE.sub(" ", name.replace("\\", "/").rsplit("/", 1)[-1]).strip(" .")
    stem, dot, extension = cleaned.rpartition(".")
    if len(cleaned) <= MAX_NAME_CHARS:
        return cleaned
    return f"{(stem or extension)[: MAX_NAME_CHARS - 20]}{dot}{extension[:19]}" if stem else cleaned[:MAX_NAME_CHARS]


def _method(named: Mapping[str, Any]) -> str:
    method = named.get("transfer_method")
    return str(method) if method else ("remote_url" if named.get("url") and not named.get("id") else "local_file")


def _remote(named: Mapping[str, Any], *, path: str) -> dict[str, Any]:
    """A file somewhere else. It is fetched, through the guarded way out, when a node asks for its bytes."""
    url = str(named.get("url") or named.get("remote_url") or "")
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_address = False
    if not is_address or len(url) > MAX_URL_CHARS:
        raise InvalidInput(f"{path} needs a url that begins with http:// or https://.", path=path)
    name = safe_name(str(named.get("name") or named.get("filename") or unquote(PurePosixPath(parts.path).name)))
    mime_type = _mime_type(name, "")
    extension = _extension(name)
    wanted = named.get("type")
    return {
        "kind": KIND,
        "id": None,
        "name": name or parts.hostname,
        "extension": extension,
        "mime_type": mime_type,
        "size": None,
        "type": wanted if wanted in TYPES else type_of(mime_type, extension),
        "transfer_method": "remote_url",
        "url": url,
    }


def _check(file: Mapping[str, Any], rules: Mapping[str, Any], path: str) -> None:
    types, extensions = rules.get("file_types"), rules.get("extensions")
    named = {f".{each.lower().lstrip('.')}" for each in extensions or ()}
    if types and file["type"] not in types and not ("custom" in types and file["extension"] in named):
        allowed = ", ".join(types)
        raise InvalidInput(f"{file['name']} is of the type {file['type']}; {path} takes {allowed}.", path=path)
    if types == ["custom"] and named and file["extension"] not in named:
        raise InvalidInput(f"{path} takes {', '.join(sorted(named))}.", path=path)


def _stored(
    pieces: Iterable[bytes],
    *,
    team_id: UUID,
    application_id: UUID,
    source: str,
    end_user: str,
    name: str,
    declared_type: str,
    origin: str,
    run_id: UUID | None,
) -> File:
    with received(pieces, limit=settings.MAX_UPLOAD_BYTES, folder=FOLDER) as draft:
        file = File(
            team_id=team_id,
            application_id=application_id,
            run_id=run_id,
            origin=origin,
            source=source,
            end_user=end_user,
            name=name,
            extension=_extension(name),
            mime_type=_mime_type(name, declared_type),
            size=draft.size,
            sha256=draft.sha256,
            blob=draft.keep(),
        )
        file.save(force_insert=True)
    return file


def _extension(name: str) -> str:
    return PurePosixPath(name).suffix.lower()[:20]


def _mime_type(name: str, declared: str) -> str:
    """By its name; what the uploader says counts where the name says nothing."""
    guessed, _ = mimetypes.guess_type(name)
    stated = declared.partition(";")[0].strip().lower()
    return guessed or (stated if _MIME.fullmatch(stated) and len(stated) <= 150 else "application/octet-stream")
