"""What the document of a web page is called, and by which name its reader is found."""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit, urlunsplit

from django.utils.translation import gettext as _

from apps.datasets.models.web_import import MAX_URL
from apps.datasets.text.extract.kinds import EXTENSIONS, extension_of_type
from support.errors import InvalidInput

MAX_NAME = 200


def checked_url(text: str) -> str:
    """An address in the one spelling that is kept: without fragment, host in small letters. Raises InvalidInput."""
    text = text.strip()
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as exc:
        raise InvalidInput(_("%(text)s is not an address.") % {"text": f"{text[:200]!r}"}) from exc
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise InvalidInput(
            _("%(text)s is not an address: it begins with http:// or https:// and names a host.")
            % {"text": f"{text[:200]!r}"}
        )
    if parts.username is not None or parts.password is not None:
        raise InvalidInput(_("An address with a user or a password is not taken: it would be shown to everybody."))
    if len(text) > MAX_URL or any(char.isspace() or not char.isprintable() for char in text):
        raise InvalidInput(_("An address has up to %(most)s characters and no blanks.") % {"most": f"{MAX_URL:,}"})
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    place = f"{host}:{port}" if port is not None else host
    return urlunsplit((parts.scheme.lower(), place, parts.path or "/", parts.query, ""))


def document_name(url: str, *, content_type: str) -> str | None:
    """`host/path.ext`, readable; None when nothing here reads such content."""
    parts = urlsplit(url)
    path = unquote(parts.path).strip("/")
    named = PurePosixPath(path).suffix.lower()
    extension = extension_of_type(content_type, named=named)
    if extension is None:
        return None
    query = f"-{unquote(parts.query)}" if parts.query else ""
    stem = path[: -len(named)] if named in EXTENSIONS else path
    readable = "".join(char for char in f"{parts.netloc}/{stem or 'index'}{query}" if char.isprintable())
    return f"{readable[:MAX_NAME]}{extension}"
