"""Saved views: a list's filters, columns and order under a name, for oneself or for the team."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from support.ids import uuid7


class Listed(models.TextChoices):
    """The tables that have a list."""

    TRACES = "traces", _("Traces")
    SPANS = "spans", _("Spans")
    THOUGHTS = "thoughts", _("Agent thoughts")


class SavedView(models.Model):
    """What somebody asks a list again and again. People are named by id: they live in another database."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team_id = models.UUIDField(_("team"))
    user_id = models.UUIDField(_("owner"))
    user_name = models.CharField(_("owner"), max_length=150, blank=True)
    table = models.CharField(_("list"), max_length=20, choices=Listed.choices)
    name = models.CharField(_("name"), max_length=60)
    #: The address of the list without its question mark: filters, columns, order, search; never a page.
    query = models.CharField(_("filters"), max_length=4000, blank=True)
    is_shared = models.BooleanField(_("shared with the team"), default=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        ordering = ["created_at", "id"]
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")
        constraints = [models.UniqueConstraint(fields=["team_id", "user_id", "table", "name"], name="one_view_by_name")]

    def __str__(self) -> str:
        return self.name


class DefaultView(models.Model):
    """The view with which somebody's list opens."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team_id = models.UUIDField(_("team"))
    user_id = models.UUIDField(_("user"))
    table = models.CharField(_("list"), max_length=20, choices=Listed.choices)
    view = models.ForeignKey(SavedView, models.CASCADE, related_name="defaults", verbose_name=_("view"))

    class Meta:
        verbose_name = _("default view")
        verbose_name_plural = _("default views")
        constraints = [models.UniqueConstraint(fields=["team_id", "user_id", "table"], name="one_default_view")]

    def __str__(self) -> str:
        return str(self.view_id)
