"""Reading imports from the web: how far each is, and why a page was not taken in, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.datasets.models import Dataset, WebImport, WebPage
from apps.datasets.selectors.errors import WebImportNotFound

REASONS: Mapping[str, Promise] = {
    "robots": _("The robots.txt of the site asks not to read this page."),
    "robots_unavailable": _("The robots.txt of the site does not answer, so nothing is read there."),
    "gone": _("The page does not exist."),
    "egress_refused": _("This address may not be reached from here. An operator can allow it with EGRESS_ALLOW."),
    "timeout": _("The server did not answer in time."),
    "redirects": _("The server redirects too often."),
    "too_large": _("The page is too large. Upload it as a file instead."),
    "document_deleted": _("Its document was deleted here, so it is not fetched again."),
    "gave_up": _("Fetching it ended the worker, several times."),
    "internal_error": _("Something went wrong on our side. Try again."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportProgress:
    """An import with the number of its pages in each state."""

    row: WebImport
    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        """All pages that are known so far."""
        return sum(self.counts.values())

    @property
    def done(self) -> int:
        """Those that were looked at in this round."""
        return self.total - self.counts.get(WebPage.State.WAITING, 0)

    @property
    def failed(self) -> int:
        """Those that may be tried again."""
        return self.counts.get(WebPage.State.FAILED, 0)

    @property
    def figures(self) -> list[tuple[str, int]]:
        """State and number, of those that occur."""
        return [(state, self.counts[state]) for state in WebPage.State.values if self.counts.get(state)]


def imports_of(dataset: Dataset) -> list[ImportProgress]:
    """The dataset's imports, newest first."""
    rows = list(WebImport.objects.filter(dataset=dataset)[:50])
    counts: dict[UUID, dict[str, int]] = {row.id: {} for row in rows}
    pages = WebPage.objects.filter(web_import__in=rows).order_by().values_list("web_import_id", "state")
    for key, state, number in pages.annotate(number=Count("id")):
        counts[key][state] = number
    return [ImportProgress(row=row, counts=counts[row.id]) for row in rows]


def open_import(import_id: UUID, *, dataset: Dataset) -> ImportProgress:
    """One of them. Raises WebImportNotFound."""
    row = WebImport.objects.select_related("dataset").filter(id=import_id, dataset=dataset).first()
    if row is None:
        raise WebImportNotFound("There is no such import in this dataset.")
    pages = row.pages.order_by().values_list("state").annotate(number=Count("id"))
    return ImportProgress(row=row, counts=dict(pages))


def pages_of_import(web_import: WebImport, *, state: str = "") -> QuerySet[WebPage]:
    """Its pages; those of one state only, if asked."""
    pages = web_import.pages.order_by("id")
    return pages.filter(state=state) if state in WebPage.State.values else pages


def explain_page(error: Mapping[str, Any] | None) -> str:
    """The sentence for why a page is as it is; empty where nothing is to be said."""
    if not error:
        return ""
    return str(REASONS.get(str(error.get("code"))) or error.get("message", ""))
