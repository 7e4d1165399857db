"""Queues: what is reviewed, by whom, how often, and where it comes from."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.annotations.models.score import ScoreConfig
from support.ids import uuid7


class ReviewQueue(models.Model):
    """Answers and traces that wait for people, with the questions they are asked about each."""

    class Feed(models.TextChoices):
        HAND = "hand", _("By hand only")
        DISLIKES = "dislikes", _("Dislikes")
        LOW_SCORES = "low-scores", _("Low scores")
        SAMPLE = "sample", _("Random sample")
        ERRORS = "errors", _("Errors")
        EXPENSIVE = "expensive", _("Expensive ones")
        VIEW = "view", _("A saved view of traces")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    name = models.CharField(_("name"), max_length=80)
    description = models.TextField(_("guidance for reviewers"), blank=True, max_length=4000)
    application = models.ForeignKey(
        "workflows.Application", models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("app")
    )
    configs = models.ManyToManyField(
        ScoreConfig, through="QueueQuestion", related_name="queues", verbose_name=_("questions")
    )
    reviewers = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        related_name="+",
        blank=True,
        verbose_name=_("reviewers"),
        help_text=_("Nobody chosen: everybody who may review in this team."),
    )
    overlap = models.PositiveSmallIntegerField(
        _("reviews per item"), default=1, validators=[MinValueValidator(1), MaxValueValidator(10)]
    )
    is_blind = models.BooleanField(
        _("blind"), default=True, help_text=_("Reviewers see nothing of what others answered.")
    )
    is_open = models.BooleanField(_("open"), default=True)
    feed = models.CharField(_("filled from"), max_length=12, choices=Feed.choices, default=Feed.DISLIKES)
    is_continuous = models.BooleanField(
        _("continuously"), default=True, help_text=_("What comes up from now on enters by itself.")
    )
    #: What the feed needs to know: `percent`, `cost`, `config` and `below`, or `view`.
    feed_options = models.JSONField(_("feed options"), default=dict, blank=True)
    fed_until = models.DateTimeField(_("filled until"), null=True, blank=True, editable=False)
    feed_error = models.TextField(_("trouble with filling"), blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("created by")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        ordering = ["name"]
        verbose_name = _("review queue")
        verbose_name_plural = _("review queues")
        constraints = [models.UniqueConstraint(fields=["team", "name"], name="one_queue_by_name")]
        indexes = [
            models.Index(
                fields=["team", "feed"],
                condition=models.Q(is_open=True, is_continuous=True),
                name="queue_fed_continuously",
            )
        ]

    def __str__(self) -> str:
        return self.name


class QueueQuestion(models.Model):
    """A question that a queue asks, in its place."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    queue = models.ForeignKey(ReviewQueue, models.CASCADE, related_name="questions", verbose_name=_("queue"))
    config = models.ForeignKey(ScoreConfig, models.RESTRICT, related_name="+", verbose_name=_("question"))
    position = models.PositiveSmallIntegerField(_("place"), default=0)
    is_required = models.BooleanField(_("required"), default=True)

    class Meta:
        ordering = ["position", "id"]
        verbose_name = _("question of a queue")
        verbose_name_plural = _("questions of a queue")
        constraints = [models.UniqueConstraint(fields=["queue", "config"], name="one_question_per_queue")]

    def __str__(self) -> str:
        return str(self.config)
