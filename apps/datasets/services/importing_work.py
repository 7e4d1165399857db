"""The work on an import from the web, in pieces: each may end anywhere, and the next goes on with what is left."""

from __future__ import annotations

import hashlib
import logging
import time
from typing import Any
from uuid import UUID, uuid4

from asgiref.sync import async_to_sync
from celery.exceptions import SoftTimeLimitExceeded
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from apps.datasets.models import Document, WebImport, WebPage
from apps.datasets.services.documents import add_document
from apps.datasets.services.errors import PageFailed
from apps.datasets.services.importing import LEASE, add_pages, is_chosen
from apps.datasets.services.importing_fetch import Fetched, Fetcher
from apps.datasets.services.importing_names import checked_url, document_name
from apps.datasets.text.sitemaps import MAX_UNPACKED, Sitemap, SitemapError, read_sitemap
from support.errors import InvalidInput

logger = logging.getLogger(__name__)

PIECE_SECONDS = 20.0
MAX_ATTEMPTS = 3
MAX_SITEMAPS = 200
"""Sitemaps that one round reads: one that lists itself would never end."""
State = WebPage.State


def work(import_id: UUID, *, seconds: float = PIECE_SECONDS, enqueue: bool = True) -> bool:
    """Fetch for a while; returns whether there is more to do. Safe to call twice at the same time."""
    piece = _claim(import_id, enqueue=enqueue)
    return piece is not None and piece.run(until=time.monotonic() + seconds)


def _claim(import_id: UUID, *, enqueue: bool) -> _Piece | None:
    now, owner = timezone.now(), uuid4().hex
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    running = WebImport.objects.filter(free, id=import_id, state=WebImport.State.RUNNING, dataset__deleted_at=None)
    if not running.update(lease_owner=owner, lease_until=now + LEASE):
        return None
    return _Piece(WebImport.objects.select_related("dataset").get(id=import_id), owner, enqueue=enqueue)


class _Piece:
    """What one worker does to an import before it leaves the rest to the next."""

    def __init__(self, web_import: WebImport, owner: str, *, enqueue: bool) -> None:
        self._import, self._owner, self._enqueue = web_import, owner, enqueue
        self._fetcher = Fetcher()

    def run(self, *, until: float) -> bool:
        """Whether there is more to do."""
        try:
            while self._hold():
                if time.monotonic() > until:
                    return self._leave()
                if self._import.sitemaps:
                    self._read_sitemap(self._import.sitemaps[0])
                elif page := self._next_page():
                    self._take(page)
                else:
                    now = timezone.now()
                    self._hold(state=WebImport.State.DONE, finished_at=now, lease_owner="", lease_until=None)
                    return False
        except SoftTimeLimitExceeded:
            # The page is tried again, as often as one whose worker died.
            logger.warning("importing %s: a piece took longer than a worker may", self._import.id)
            return self._leave()
        return False

    def _leave(self) -> bool:
        """Let the next piece go on at once; false when nobody needs to."""
        return self._hold(lease_owner="", lease_until=None)

    def _hold(self, **changes: Any) -> bool:
        """Renew the lease and write changes; false when the import was stopped, or somebody else has it."""
        mine = WebImport.objects.filter(id=self._import.id, state=WebImport.State.RUNNING, lease_owner=self._owner)
        return bool(mine.update(**({"lease_until": timezone.now() + LEASE} | changes)))

    def _read_sitemap(self, url: str) -> None:
        note, found = None, Sitemap()
        try:
            # A sitemap is there to be read by machines, whatever robots.txt says about pages.
            fetched = async_to_sync(self._fetcher.fetch)(url, limit=MAX_UNPACKED, obeys=False)
            found = read_sitemap(fetched.content)
        except PageFailed as exc:
            note = {"code": exc.reason, "message": f"{url}: {exc.message}", "sitemap": url}
        except SitemapError as exc:
            note = {"code": "bad_sitemap", "message": f"{url}: {exc}.", "sitemap": url}
        except SoftTimeLimitExceeded:
            message = f"{url}: reading it took longer than a worker may."
            note = {"code": "sitemap_timeout", "message": message, "sitemap": url}
        self._note_sitemap(url, found, note)

    @transaction.atomic
    def _note_sitemap(self, url: str, found: Sitemap, note: dict[str, str] | None) -> None:
        notes = [*self._import.notes, *([note] if note else [])]
        read = [*self._import.sitemaps_read, url]
        left = [each for each in self._import.sitemaps if each != url]
        further = [each for each in _usable(found.sitemaps) if each not in read and each not in left]
        room = max(0, MAX_SITEMAPS - len(read) - len(left))
        if len(further) > room:
            notes.append({"code": "sitemap_limit", "message": f"Only {MAX_SITEMAPS} sitemaps are read."})
        without_room = add_pages(self._import, (each for each in _usable(found.pages) if is_chosen(self._import, each)))
        if without_room and not any(each["code"] == "page_limit" for each in notes):
            message = f"The import ends at {self._import.max_pages} pages; the sitemap lists more."
            notes.append({"code": "page_limit", "message": message})
        changes = {"notes": notes, "sitemaps": [*left, *further[:room]], "sitemaps_read": read}
        for name, value in changes.items():
            setattr(self._import, name, value)
        self._hold(**changes)

    def _next_page(self) -> WebPage | None:
        waiting = self._import.pages.filter(state=State.WAITING).order_by("attempts", "id")
        return waiting.first()

    def _take(self, page: WebPage) -> None:
        WebPage.objects.filter(id=page.id).update(attempts=F("attempts") + 1)
        page.attempts += 1
        if page.attempts > MAX_ATTEMPTS:
            return _end(page, State.FAILED, code="gave_up", message="Fetching it ended the worker, several times.")
        if page.document_id and not Document.objects.live().filter(id=page.document_id).exists():
            message = "Its document was deleted here, so it is not fetched again."
            return _end(page, State.SKIPPED, code="document_deleted", message=message)
        try:
            fetched = async_to_sync(self._fetcher.fetch)(
                page.url, etag=page.etag, last_modified="" if page.etag else page.last_modified
            )
            self._keep(page, fetched)
        except PageFailed as exc:
            _fail(page, exc)
        except SoftTimeLimitExceeded:
            raise
        except Exception:  # the border of a page: one that we stumble over must not hold up the others
            logger.exception("importing %s failed", page.url)
            _end(page, State.FAILED, code="internal_error", message="Something went wrong on our side.")
        time.sleep(self._fetcher.delay(page.url))

    def _keep(self, page: WebPage, fetched: Fetched) -> None:
        if fetched.status == 304:
            return _end(page, State.UNCHANGED)
        digest = hashlib.sha256(fetched.content).hexdigest()
        marks = {"etag": fetched.etag, "last_modified": fetched.last_modified, "sha256": digest}
        if page.sha256 == digest and page.document_id:
            return _end(page, State.UNCHANGED, **marks)
        name = document_name(page.url, content_type=fetched.content_type)
        if name is None:
            kind = fetched.content_type.partition(";")[0].strip()
            return _end(page, State.SKIPPED, code="unsupported_type", message=f"Nothing here reads {kind}.")
        if not self._hold():
            return None
        with transaction.atomic():
            added = add_document(
                dataset=self._import.dataset,
                name=name,
                content=[fetched.content],
                by=self._import.created_by,
                replaces=_own_document(page),
                facts={"source": "website", "url": page.url},
                enqueue=self._enqueue,
            )
            if added.outcome == "refused":
                return _end(page, State.FAILED, code="too_large", message="It is over the limit for documents.")
            states = {"created": State.ADDED, "replaced": State.CHANGED, "unchanged": State.UNCHANGED}
            _end(page, states[added.outcome], document_id=added.document.id, **marks)
        return None


def _own_document(page: WebPage) -> UUID | None:
    """The document that this page made. One that two pages share, because they were equal, belongs to the first."""
    if page.document_id is None:
        return None
    mine = Document.objects.live().filter(id=page.document_id, metadata__url=page.url)
    return page.document_id if mine.exists() else None


def _fail(page: WebPage, exc: PageFailed) -> None:
    if exc.again and page.attempts < MAX_ATTEMPTS:
        return
    if exc.reason == "gone" and page.document_id:
        return _end(page, State.VANISHED, code=exc.reason, message=f"{exc.message} Its document is kept.")
    state = State.SKIPPED if exc.reason == "robots" else State.FAILED
    _end(page, state, code=exc.reason, message=exc.message)


def _end(page: WebPage, state: str, *, code: str = "", message: str = "", **changes: Any) -> None:
    error = {"code": code, "message": message} if code else None
    WebPage.objects.filter(id=page.id).update(
        state=state, error=error, attempts=0, checked_at=timezone.now(), **changes
    )


def _usable(urls: tuple[str, ...]) -> list[str]:
    """The addresses in the spelling that is kept, without what is none."""
    kept = []
    for url in urls:
        try:
            kept.append(checked_url(url))
        except InvalidInput:
            continue
    return kept
