"""Approved answers that are shown to models as examples."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.annotations.models.searchable import SearchableAnswer


class FewShotExample(SearchableAnswer):
    """A good question and answer; LLM nodes that want examples get the nearest ones."""

    correction = models.OneToOneField(
        "annotations.Correction",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="example",
        verbose_name=_("from correction"),
    )

    class Meta(SearchableAnswer.Meta):
        verbose_name = _("few-shot example")
        verbose_name_plural = _("few-shot examples")
        indexes = [
            models.Index(fields=["application", "question_key"], name="example_same_question"),
            models.Index(fields=["team", "-id"], name="example_team_newest"),
        ]
