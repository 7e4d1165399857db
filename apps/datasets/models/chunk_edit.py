"""What people changed about chunks: the state that survives re-indexing, and the history behind it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from support.ids import uuid7


class ChunkEdit(models.Model):
    """One change of one chunk. The newest of a chunk is `is_current` and is applied wherever its `key` is read again.

    `key` names the passage as the file has it (text, headings, splitter), so a passage that changed in the file has
    another one: then the edit is kept, not applied, and `lost_in` says since which version, for people to see.
    """

    class Action(models.TextChoices):
        EDIT = "edit", _("Edited")
        ADD = "add", _("Added")
        ENABLE = "enable", _("Enabled")
        DISABLE = "disable", _("Disabled")
        DELETE = "delete", _("Deleted")
        RESTORE = "restore", _("Restored")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+")
    document = models.ForeignKey("datasets.Document", models.CASCADE, related_name="edits")
    chunk_id = models.UUIDField()
    key = models.CharField(max_length=90)
    action = models.CharField(_("action"), max_length=10, choices=Action.choices)
    # The state after it.
    text = models.TextField(_("text"))
    answer = models.TextField(_("answer"), blank=True, default="")
    is_enabled = models.BooleanField(_("enabled"), default=True)
    is_removed = models.BooleanField(_("deleted"), default=False)
    is_added = models.BooleanField(_("added by hand"), default=False)
    # What the file says there, and where: to show, to go back to, and to put a deleted chunk back.
    original = models.JSONField(default=dict)
    is_current = models.BooleanField(default=True)
    lost_in = models.PositiveIntegerField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("by")
    )
    created_at = models.DateTimeField(_("at"), auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("change of a chunk")
        verbose_name_plural = _("changes of chunks")
        constraints = [
            models.UniqueConstraint(
                fields=["document", "key"], condition=models.Q(is_current=True), name="one_current_edit_per_chunk"
            )
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.chunk_id}"
