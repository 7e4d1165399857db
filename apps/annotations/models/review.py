"""The place of the review screens in the admin."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.annotations.models.correction import Correction


class Review(Correction):
    """Corrections seen as work: no table of its own, but an entry in the admin with its own permission."""

    class Meta:
        proxy = True
        verbose_name = _("answer to review")
        verbose_name_plural = _("answers to review")
