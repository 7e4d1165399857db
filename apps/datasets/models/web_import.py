"""An import from the web: which pages a dataset gets from there, how far it is, and what became of each page."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from support.ids import uuid7

MAX_URL = 1_500


class WebImport(models.Model):
    """Addresses, or a sitemap that lists them. Whoever works on it holds the lease; asked for again it is a new round.

    `sitemaps` are those that are still to be read in this round: a sitemap may lead to others.
    """

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        STOPPED = "stopped", _("Stopped")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", db_index=False)
    dataset = models.ForeignKey("datasets.Dataset", models.CASCADE, related_name="web_imports")
    urls = models.JSONField(_("addresses"), default=list)
    sitemap = models.CharField(_("sitemap"), max_length=MAX_URL, blank=True)
    include = models.JSONField(_("only addresses like"), default=list)
    exclude = models.JSONField(_("without addresses like"), default=list)
    max_pages = models.PositiveIntegerField(_("most pages"), default=100)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.RUNNING)
    round = models.PositiveIntegerField(default=1)
    sitemaps = models.JSONField(default=list)
    sitemaps_read = models.JSONField(default=list)
    # What is to be told about the whole: {code, message} of sitemaps that could not be read, of a limit that was met.
    notes = models.JSONField(_("notes"), default=list)
    lease_owner = models.CharField(max_length=100, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    started_at = models.DateTimeField(_("started"), auto_now_add=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("web import")
        verbose_name_plural = _("web imports")
        indexes = [
            models.Index(fields=["lease_until"], condition=models.Q(state="running"), name="web_import_running"),
        ]

    def __str__(self) -> str:
        return self.sitemap or ", ".join(self.urls[:3])


class WebPage(models.Model):
    """One address of an import and what became of it; `document_id` is the document that was made of it, if any."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        ADDED = "added", _("Added")
        CHANGED = "changed", _("Changed")
        UNCHANGED = "unchanged", _("Unchanged")
        VANISHED = "vanished", _("No longer there")
        SKIPPED = "skipped", _("Left out")
        FAILED = "failed", _("Failed")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", db_index=False)
    web_import = models.ForeignKey("datasets.WebImport", models.CASCADE, related_name="pages")
    url = models.CharField(_("address"), max_length=MAX_URL)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.WAITING)
    # No foreign key: documents are removed in bulk, and a page has to remember that its document was.
    document_id = models.UUIDField(null=True, blank=True)
    etag = models.CharField(max_length=300, blank=True)
    last_modified = models.CharField(max_length=100, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    error = models.JSONField(_("reason"), null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    checked_at = models.DateTimeField(_("checked"), null=True, blank=True)

    class Meta:
        ordering = ["id"]
        verbose_name = _("web page")
        verbose_name_plural = _("web pages")
        constraints = [models.UniqueConstraint(fields=["web_import", "url"], name="web_page_once_per_import")]
        indexes = [models.Index(fields=["web_import", "state", "id"], name="web_page_state")]

    def __str__(self) -> str:
        return self.url
