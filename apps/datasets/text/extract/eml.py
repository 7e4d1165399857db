"""Reads e-mail messages (RFC 5322, MIME): who wrote what to whom, then the text, then attached messages and texts."""

import email
import email.policy
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

from apps.datasets.text.errors import Damaged
from apps.datasets.text.extract.html import visible_blocks
from apps.datasets.text.extract.outline import sections_of
from apps.datasets.text.limits import Limits
from apps.datasets.text.sections import Section

MAX_DEPTH = 5
MAX_PARTS = 500
_SHOWN = ("From", "To", "Cc", "Date", "Subject")


def page_count(path: Path) -> int | None:
    """A message has no pages."""
    return None


def extract(path: Path, *, limits: Limits) -> Iterator[Section]:
    """Yield the head of the message, its text, and what is attached; files in other formats are named only."""
    with path.open("rb") as file:
        message = email.message_from_binary_file(file, policy=email.policy.default)
    if not isinstance(message, EmailMessage) or not any(message.get(name) for name in _SHOWN):
        raise Damaged(kind="eml", reason="it has none of the headers of a message")
    yield from _message(message, above=(), depth=0)


def _message(message: EmailMessage, *, above: tuple[str, ...], depth: int) -> Iterator[Section]:
    subject = " ".join(_header(message, "Subject").split())
    path = (*above, subject) if subject else above
    head = [f"{name}: {value}" for name in _SHOWN if (value := _header(message, name))]
    if head:
        yield Section(text="\n".join(head), heading_path=path)
    body = message.get_body(preferencelist=("plain", "html"))
    if isinstance(body, EmailMessage):
        yield from _text(body, path)
    elif isinstance(message.get_payload(), str) and message.get_content_maintype() == "multipart":
        # Parts are promised, and no boundary tells them apart: what is there is kept as it stands.
        yield Section(text=str(message.get_payload()), heading_path=path)
    for part in list(_attached(message, body))[:MAX_PARTS]:
        yield from _attachment(part, path=path, depth=depth)


def _attached(message: EmailMessage, body: object) -> Iterator[EmailMessage]:
    """The parts beside the body; a second version of the body (HTML beside plain text) is none."""
    if not message.is_multipart():
        return
    for part in message.iter_attachments():
        if part is not body and isinstance(part, EmailMessage):
            yield part


def _attachment(part: EmailMessage, *, path: tuple[str, ...], depth: int) -> Iterator[Section]:
    name = part.get_filename() or ""
    kind = part.get_content_type()
    if kind == "message/rfc822":
        inner = part.get_content()
        if isinstance(inner, EmailMessage) and depth < MAX_DEPTH:
            yield from _message(inner, above=path, depth=depth + 1)
    elif part.get_content_maintype() == "text":
        yield from _text(part, (*path, name) if name else path)
    elif name:
        yield Section(text=f"Attachment: {name} ({kind})", heading_path=path)


def _text(part: EmailMessage, path: tuple[str, ...]) -> Iterator[Section]:
    text = _content(part)
    if part.get_content_subtype() == "html":
        for section in sections_of(visible_blocks(text)):
            yield Section(text=section.text, heading_path=(*path, *section.heading_path))
    elif text.strip():
        yield Section(text=text, heading_path=path)


def _content(part: EmailMessage) -> str:
    """The decoded text; a charset that nobody knows is read as UTF-8."""
    try:
        return str(part.get_content())
    except (LookupError, UnicodeError, ValueError):
        payload = part.get_payload(decode=True)
        return payload.decode("utf-8", errors="replace") if isinstance(payload, bytes) else ""


def _header(message: EmailMessage, name: str) -> str:
    """A header decoded; a broken one as it stands."""
    try:
        return str(message.get(name, ""))
    except (ValueError, IndexError, TypeError, AttributeError):  # the parser of the library fails on some
        return str(dict(message.raw_items()).get(name, ""))
