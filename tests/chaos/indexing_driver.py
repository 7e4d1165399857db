"""Speaks for a test with an installation that is being killed: uploads, looks, and prints what must come out equal.

Each line of input is a JSON list of a command and its arguments; the answer is one line of JSON. What the database
refuses while it restarts is asked again.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import django

PATIENCE = 120.0


def main() -> None:
    """Serve lines until there are no more."""
    django.setup()
    commands: dict[str, Callable[..., Any]] = {"make": make, "look": look, "fingerprint": fingerprint}
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps(_patiently(commands[name], arguments)), flush=True)


def make(name: str, pages: int) -> str:
    """Upload a document into a dataset of its own, as the page does; returns its id."""
    from accounts.services import ensure_team
    from apps.datasets.services.datasets import ensure_dataset
    from apps.datasets.services.documents import add_document
    from tests.datasets.making import long_pdf

    team = ensure_team(slug="chaos", name="Chaos")
    dataset = ensure_dataset(team_id=team.id, slug=name)
    return str(add_document(dataset=dataset, name="book.pdf", content=[long_pdf(pages)]).document.id)


def look(document_id: str) -> dict[str, Any]:
    """How far it is."""
    from apps.datasets.models import Chunk, Document, IndexRun

    document = Document.objects.get(id=document_id)
    run = IndexRun.objects.filter(document=document).order_by("-id").get()
    return {
        "status": document.status,
        "error": document.error,
        "stage": run.stage,
        "done": run.done,
        "total": run.total,
        "written": Chunk.objects.filter(document=document).count(),
    }


def fingerprint(document_id: str) -> dict[str, Any]:
    """Chunks, vectors and figures, without what differs between two documents by intention."""
    from apps.datasets.models import Chunk, DatasetTerm, Document
    from apps.datasets.services.edits import chunk_id
    from apps.datasets.services.spaces import place_of

    document = Document.objects.select_related("dataset").get(id=document_id)
    chunks = Chunk.objects.filter(document=document).order_by("ordinal")
    rows = list(chunks.values_list("id", "ordinal", "key", "text", "page", "char_start", "status", "version"))
    place = place_of(document.dataset)
    stored = [record.id for batch in place.open().iterate(place.ns) for record in batch] if place else []
    terms = sorted(DatasetTerm.objects.filter(dataset=document.dataset).values_list("term", "df"))
    return {
        "ids_follow_from_the_text": all(row[0] == chunk_id(document, row[2]) for row in rows),
        "chunks": hashlib.sha256(repr([row[1:] for row in rows]).encode()).hexdigest(),
        "count": len(rows),
        "vectors_are_those_of_the_chunks": sorted(stored) == sorted(row[0] for row in rows),
        "figures": [document.pages, document.characters, document.chunk_count, document.dataset.chunk_count],
        "terms": hashlib.sha256(repr(terms).encode()).hexdigest(),
        "term_total": document.dataset.term_total,
    }


def _patiently(command: Callable[..., Any], arguments: list[Any]) -> Any:
    from django.db import Error, connections

    until = time.monotonic() + PATIENCE
    while True:
        try:
            return command(*arguments)
        except (Error, OSError):
            connections.close_all()
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


if __name__ == "__main__":
    main()
