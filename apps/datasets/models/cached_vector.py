"""Vectors that were paid for once: by team, model and text, so that retries and copies cost nothing."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class CachedVector(models.Model):
    """The vector of one text in one space. `key` is the SHA-256 of both; the numbers are 32-bit floats."""

    pk = models.CompositePrimaryKey("team_id", "key")
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", db_index=False)
    key = models.BinaryField(max_length=32)
    vector = models.BinaryField()
    used_on = models.DateField(auto_now_add=True, db_index=True)

    class Meta:
        verbose_name = _("cached vector")
        verbose_name_plural = _("cached vectors")

    def __str__(self) -> str:
        return bytes(self.key).hex()
