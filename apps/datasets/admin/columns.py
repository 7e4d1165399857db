"""Columns that several lists share."""

from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string

from apps.datasets.models import Document
from apps.datasets.selectors.documents import progress_of


def status_pill(status: Any, label: str = "") -> str:
    """A status as icon and word."""
    return render_to_string("components/pill.html", {"status": status, "label": label})


def document_state(document: Document) -> str:
    """The status, with how far it is while the document is being indexed."""
    progress = progress_of(document)
    if progress is None:
        return status_pill(document.status)
    if document.status == Document.Status.UPLOADED:
        return status_pill("queued")
    return status_pill("running", f"{document.get_status_display()} {progress.percent} %")
