"""Columns that several lists share."""

from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.datasets.models import Document
from apps.datasets.selectors.documents import progress_of


def status_pill(status: Any, label: str = "") -> str:
    """A status as icon and word."""
    return render_to_string("components/pill.html", {"status": status, "label": label})


def document_state(document: Document) -> SafeString | str:
    """The status, with a bar while the document is being indexed."""
    progress = progress_of(document)
    if progress is None:
        return status_pill(document.status)
    pill = status_pill("running", document.get_status_display())
    return format_html(
        '{} <progress max="100" value="{}" aria-label="{}"></progress>', pill, progress.percent, document.name
    )
