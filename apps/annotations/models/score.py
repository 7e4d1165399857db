"""Questions that reviewers answer, and their answers."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.annotations.workbench.answers import Kind, Question, Value
from support.ids import uuid7


class ScoreConfig(models.Model):
    """A question about an answer, which queues of the team may ask. Once answered its kind stays."""

    class Kinds(models.TextChoices):
        BOOLEAN = Kind.BOOLEAN, _("Yes or no")
        CATEGORICAL = Kind.CATEGORICAL, _("One of several categories")
        NUMERIC = Kind.NUMERIC, _("Number")
        TEXT = Kind.TEXT, _("Text")
        CORRECTION = Kind.CORRECTION, _("Correction of the answer")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    name = models.CharField(_("question"), max_length=120)
    description = models.TextField(_("guidance"), blank=True, max_length=2000)
    kind = models.CharField(_("kind"), max_length=12, choices=Kinds.choices)
    categories = ArrayField(models.CharField(max_length=60), verbose_name=_("categories"), default=list, blank=True)
    minimum = models.FloatField(_("smallest number"), null=True, blank=True)
    maximum = models.FloatField(_("largest number"), null=True, blank=True)
    tolerance = models.FloatField(
        _("tolerance"), default=0.0, help_text=_("Numbers that are no farther apart than this count as the same.")
    )
    is_archived = models.BooleanField(_("archived"), default=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        ordering = ["name"]
        verbose_name = _("review question")
        verbose_name_plural = _("review questions")
        constraints = [models.UniqueConstraint(fields=["team", "name"], name="one_score_config_by_name")]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Categories and bounds have to fit the kind."""
        if self.kind == Kind.CATEGORICAL and not 2 <= len(set(self.categories)) <= 20:
            raise ValidationError({"categories": _("Give between 2 and 20 different categories.")})
        if self.kind == Kind.NUMERIC and None not in (self.minimum, self.maximum) and self.minimum >= self.maximum:  # type: ignore[operator]
            raise ValidationError({"maximum": _("The largest number must be above the smallest.")})
        if self.tolerance < 0:
            raise ValidationError({"tolerance": _("The tolerance cannot be below zero.")})

    def as_question(self, *, is_required: bool = True) -> Question:
        """As the pure rules know it."""
        return Question(
            key=str(self.id),
            kind=Kind(self.kind),
            name=self.name,
            is_required=is_required,
            categories=tuple(self.categories),
            minimum=self.minimum,
            maximum=self.maximum,
            tolerance=self.tolerance,
        )


class Score(models.Model):
    """One person's answer to one question about one item."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    assignment = models.ForeignKey(
        "annotations.Assignment", models.CASCADE, related_name="scores", verbose_name=_("assignment")
    )
    item = models.ForeignKey("annotations.QueueItem", models.CASCADE, related_name="scores", verbose_name=_("item"))
    config = models.ForeignKey(ScoreConfig, models.RESTRICT, related_name="scores", verbose_name=_("question"))
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("author")
    )
    #: Numbers, and 1 or 0 for yes or no.
    number = models.FloatField(_("number"), null=True)
    #: The category, or the text.
    text = models.TextField(_("text"), blank=True)
    created_at = models.DateTimeField(_("given"), auto_now_add=True)

    class Meta:
        ordering = ["id"]
        verbose_name = _("score")
        verbose_name_plural = _("scores")
        constraints = [models.UniqueConstraint(fields=["assignment", "config"], name="one_score_per_question")]
        indexes = [models.Index(fields=["config", "number"], name="score_by_number")]

    def __str__(self) -> str:
        return self.text[:80] or str(self.number)

    def put(self, value: Value) -> None:
        """Store an answer in the column for its type."""
        self.number, self.text = (None, value) if isinstance(value, str) else (float(value), "")

    def value(self, kind: str) -> Value:
        """The answer as it was given."""
        if self.number is None:
            return self.text
        return bool(self.number) if kind == Kind.BOOLEAN else self.number
