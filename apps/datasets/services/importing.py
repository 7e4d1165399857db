"""Getting documents from the web: addresses or a sitemap become documents, and are compared again when asked.

    start_import, sync_import, retry_import   say what is to be fetched, and let a worker begin
    work                                      fetches for a while; the next message goes on, also after a crash

A page that is the same as before makes nothing; a changed one becomes the next version of its document, so that only
what changed is embedded. A page that is gone is told; its document stays until somebody deletes it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.datasets.models import Dataset, WebImport, WebPage
from apps.datasets.services.errors import ImportUnderway
from apps.datasets.services.importing_names import checked_url
from support.errors import InvalidInput
from support.ids import uuid7
from support.jobs import enqueue_on_commit

MAX_PAGES = 5_000
MAX_URLS = 500
MAX_PATTERNS = 20
MAX_PATTERN = 300
#: Longer than a page may take, with what robots.txt may ask to wait.
LEASE = dt.timedelta(seconds=90)
TASK = "datasets.import_pages"
State = WebPage.State


@transaction.atomic
def start_import(
    dataset: Dataset,
    *,
    urls: Sequence[str] = (),
    sitemap: str = "",
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    max_pages: int = 100,
    by: Any = None,
    enqueue: bool = True,
) -> WebImport:
    """Keep what is to be fetched and begin. Raises InvalidInput, which names the address that is none.

    `include` and `exclude` are patterns with * for the whole address; they choose among what a sitemap lists.
    """
    if dataset.kind != Dataset.Kind.OWN:
        raise InvalidInput(_("This dataset is kept elsewhere; it takes no documents."))
    wanted = list(dict.fromkeys(checked_url(url) for url in urls if url.strip()))
    root = checked_url(sitemap) if sitemap.strip() else ""
    if not wanted and not root:
        raise InvalidInput(_("Give at least one address, or a sitemap."))
    if len(wanted) > min(MAX_URLS, max_pages):
        raise InvalidInput(
            _("Up to %(most)s addresses can be given; use a sitemap for more.") % {"most": min(MAX_URLS, max_pages)}
        )
    if not 1 <= max_pages <= MAX_PAGES:
        raise InvalidInput(_("An import has 1 to %(most)s pages.") % {"most": f"{MAX_PAGES:,}"})
    made = WebImport.objects.create(
        team_id=dataset.team_id,
        dataset=dataset,
        urls=wanted,
        sitemap=root,
        include=_patterns(include),
        exclude=_patterns(exclude),
        max_pages=max_pages,
        sitemaps=[root] if root else [],
        created_by=by,
    )
    add_pages(made, wanted)
    if enqueue:
        enqueue_on_commit(TASK, str(made.id))
    return made


def sync_import(web_import: WebImport, *, enqueue: bool = True) -> WebImport:
    """Compare all pages with what the web has now, and take in those that the sitemap lists anew."""
    again = web_import.pages.exclude(error__code="document_deleted")
    return _begin(web_import, again, sitemaps=[web_import.sitemap] if web_import.sitemap else [], enqueue=enqueue)


def retry_import(web_import: WebImport, *, enqueue: bool = True) -> WebImport:
    """Fetch once more what failed, and what was left when the import was stopped."""
    failed = web_import.pages.filter(state__in=(State.FAILED, State.WAITING))
    unread = [note["sitemap"] for note in web_import.notes if note.get("sitemap")]
    return _begin(web_import, failed, sitemaps=unread or web_import.sitemaps, enqueue=enqueue)


def stop_import(web_import: WebImport) -> None:
    """Let it end after the page that is being fetched."""
    WebImport.objects.filter(id=web_import.id, state=WebImport.State.RUNNING).update(
        state=WebImport.State.STOPPED, finished_at=timezone.now(), lease_owner="", lease_until=None
    )


def overdue_imports() -> list[tuple[str, UUID]]:
    """The jobs for imports that nobody works on: a worker died, or a message was lost."""
    now = timezone.now()
    idle = Q(lease_until__lt=now) | Q(lease_until=None, started_at__lt=now - dt.timedelta(seconds=30))
    found = WebImport.objects.filter(idle, state=WebImport.State.RUNNING).values_list("id", flat=True)
    return [(TASK, key) for key in found]


def forget_imports(dataset_id: UUID) -> None:
    """Remove what a deleted dataset had to import."""
    WebPage.objects.filter(web_import__dataset_id=dataset_id).delete()
    WebImport.objects.filter(dataset_id=dataset_id).delete()


def add_pages(web_import: WebImport, urls: Iterable[str]) -> int:
    """Note addresses to fetch, as many as the import may have; returns how many had no room."""
    known = set(web_import.pages.values_list("url", flat=True))
    fresh = [url for url in dict.fromkeys(urls) if url not in known]
    room = max(0, web_import.max_pages - len(known))
    WebPage.objects.bulk_create(
        (WebPage(id=uuid7(), team_id=web_import.team_id, web_import=web_import, url=url) for url in fresh[:room]),
        batch_size=1_000,
        ignore_conflicts=True,
    )
    return len(fresh) - len(fresh[:room])


def is_chosen(web_import: WebImport, url: str) -> bool:
    """Whether the import's patterns let an address of a sitemap in."""
    if any(fnmatchcase(url, pattern) for pattern in web_import.exclude):
        return False
    return not web_import.include or any(fnmatchcase(url, pattern) for pattern in web_import.include)


@transaction.atomic
def _begin(web_import: WebImport, pages: Any, *, sitemaps: list[str], enqueue: bool) -> WebImport:
    locked = WebImport.objects.select_for_update().get(id=web_import.id)
    if locked.state == WebImport.State.RUNNING:
        raise ImportUnderway(_("This import is running. Wait until it has ended, or stop it."))
    pages.update(state=State.WAITING, attempts=0, error=None)
    now = timezone.now()
    for name, value in {
        "state": WebImport.State.RUNNING,
        "round": locked.round + 1,
        "sitemaps": sitemaps,
        "sitemaps_read": [],
        "notes": [],
        "started_at": now,
        "finished_at": None,
        "lease_owner": "",
        "lease_until": None,
    }.items():
        setattr(locked, name, value)
    locked.save()
    if enqueue:
        enqueue_on_commit(TASK, str(locked.id))
    return locked


def _patterns(given: Sequence[str]) -> list[str]:
    patterns = [each.strip() for each in given if each.strip()]
    if len(patterns) > MAX_PATTERNS or any(len(each) > MAX_PATTERN for each in patterns):
        raise InvalidInput(
            _("Up to %(most)s patterns of up to %(characters)s characters can be given.")
            % {"most": MAX_PATTERNS, "characters": MAX_PATTERN}
        )
    return patterns
