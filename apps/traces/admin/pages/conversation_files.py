"""A conversation as a file: a line of JSON for each turn, or Markdown to be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

import orjson
from django.http import HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.traces.admin.pages.conversation_turns import Turn

#: A longer conversation is not read by anybody; the export of traces has everything.
MOST_TURNS: Final = 10_000
FORMATS: Final[Mapping[str, str | Promise]] = {
    "jsonl": gettext_lazy("Download as JSONL"),
    "markdown": gettext_lazy("Download as Markdown"),
}


def attached(turns: Iterator[Turn], *, kind: str, name: str, title: str) -> HttpResponse:
    """The file with the first ten thousand turns."""
    told = islice(turns, MOST_TURNS)
    write: Callable[[Iterator[Turn], str], Iterator[str]] = _markdown if kind == "markdown" else _lines
    suffix, media = ("md", "text/markdown") if kind == "markdown" else ("jsonl", "application/x-ndjson")
    return HttpResponse(
        "".join(write(told, title)).encode(),
        content_type=f"{media}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="conversation-{name}.{suffix}"'},
    )


def turn_as_json(turn: Turn) -> dict[str, Any]:
    """A turn as a line of the file."""
    return {
        "id": str(turn.id),
        "number": turn.number,
        "at": turn.at.isoformat(),
        "user": turn.who,
        "app": turn.app,
        "query": turn.query,
        "answer": turn.answer,
        "status": turn.status,
        "error": {"code": turn.error_code, "message": turn.error} if turn.error else None,
        "reviewed": turn.is_reviewed,
        "citations": [dict(source) for source in turn.sources],
        "feedback": [
            {"rating": each.rating, "reason": each.reason, "text": each.text, "by": each.who, "at": each.at.isoformat()}
            for each in turn.opinions
        ],
        "input_tokens": turn.input_tokens,
        "output_tokens": turn.output_tokens,
        "cost": None if turn.cost is None else f"{turn.cost:f}",
        "currency": turn.currency,
    }


def _lines(turns: Iterator[Turn], title: str) -> Iterator[str]:
    for turn in turns:
        yield orjson.dumps(turn_as_json(turn)).decode() + "\n"


def _markdown(turns: Iterator[Turn], title: str) -> Iterator[str]:
    yield f"# {' '.join(title.split())}\n"
    for turn in turns:
        yield f"\n## {turn.number}. {turn.who or _('User')}, {turn.at:%Y-%m-%d %H:%M:%S} UTC\n\n{_quoted(turn.query)}\n"
        yield f"\n**{turn.app}**\n\n{turn.answer or '–'}\n"
        if turn.error:
            yield f"\n> {_('Error')}: {' '.join(turn.error.split())} ({turn.error_code})\n"
        for source in turn.sources:
            page = f", {_('page')} {source['page']}" if source.get("page") else ""
            yield f"\n[{source.get('position', '–')}] {source.get('document_name', '')}{page}\n"
        for each in turn.opinions:
            said = " · ".join(part for part in (each.rating_label, each.reason, " ".join(each.text.split())) if part)
            yield f"\n> {said}\n"


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.splitlines())
