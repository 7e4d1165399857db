"""Answers that people approved, given instead of the workflow's, and each time that happened."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.annotations.models.searchable import SearchableAnswer
from support.ids import uuid7


class Annotation(SearchableAnswer):
    """An approved answer to a question of one app: who asks it again gets this, without a model."""

    correction = models.OneToOneField(
        "annotations.Correction",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="annotation",
        verbose_name=_("from correction"),
    )
    hit_count = models.PositiveIntegerField(_("hits"), default=0, editable=False)
    last_hit_at = models.DateTimeField(_("last hit"), null=True, blank=True, editable=False)

    class Meta(SearchableAnswer.Meta):
        verbose_name = _("annotation")
        verbose_name_plural = _("annotations")
        indexes = [
            models.Index(fields=["application", "question_key"], name="annotation_same_question"),
            models.Index(fields=["team", "-id"], name="annotation_team_newest"),
        ]


class AnnotationHit(models.Model):
    """One answer given from an annotation, with both texts as they were then; it outlives the annotation."""

    class Source(models.TextChoices):
        API = "api", _("API")
        CONSOLE = "console", _("Playground")
        PUBLIC = "public", _("Chat page")
        SHELL = "shell", _("Shell")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    application = models.ForeignKey("workflows.Application", models.CASCADE, related_name="+", verbose_name=_("app"))
    annotation = models.ForeignKey(
        Annotation,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="hits",
        verbose_name=_("annotation"),
    )
    # Retention may remove the message and the run while the hit still counts: they are named and not joined.
    message_id = models.UUIDField(_("message"), null=True, blank=True)
    run_id = models.UUIDField(_("run"), unique=True)
    question = models.TextField(_("asked"))
    annotation_question = models.TextField(_("annotation's question"))
    annotation_answer = models.TextField(_("answer given"))
    score = models.FloatField(_("similarity"))
    source = models.CharField(_("source"), max_length=20, choices=Source.choices)
    created_at = models.DateTimeField(_("answered"), auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("annotation hit")
        verbose_name_plural = _("annotation hits")
        indexes = [
            models.Index(fields=["annotation", "-id"], name="hit_annotation_newest"),
            models.Index(fields=["team", "-id"], name="hit_team_newest"),
        ]

    def __str__(self) -> str:
        return self.question[:80]
