"""Evaluators: named ways to judge an answer, which experiments, gates and online evaluation share."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from support.ids import uuid7


class Evaluator(models.Model):
    """One way to judge. It gives a score from 0 to 1, and counts as passed from `pass_at` on.

    An experiment keeps a copy of what it was judged by (see `as_spec`), so that changing an evaluator changes nothing
    that was measured before.
    """

    class Kind(models.TextChoices):
        EXACT = "exact", _("Exactly the expected answer")
        CONTAINS = "contains", _("Contains words")
        REGEX = "regex", _("Matches a pattern")
        JSON_SCHEMA = "json-schema", _("Fits a JSON schema")
        SIMILARITY = "similarity", _("Similar in meaning to the expected answer")
        JUDGE = "judge", _("Judged by a model against a rubric")
        PAIRWISE = "pairwise", _("Compared by a model with the answer of another experiment")
        CODE = "code", _("Judged by code in the sandbox")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    name = models.CharField(_("name"), max_length=80)
    description = models.TextField(_("description"), max_length=2_000, blank=True)
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    #: Settings of the kind; `apps.annotations.evaluation.specs` knows and checks them.
    config = models.JSONField(_("settings"), default=dict, blank=True)
    pass_at = models.FloatField(
        _("passes from"), default=1.0, validators=[MinValueValidator(0.0), MaxValueValidator(1.0)]
    )
    is_archived = models.BooleanField(_("archived"), default=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("created by")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        ordering = ["name"]
        verbose_name = _("evaluator")
        verbose_name_plural = _("evaluators")
        constraints = [models.UniqueConstraint(fields=["team", "name"], name="one_evaluator_of_a_name")]

    def __str__(self) -> str:
        return self.name

    def as_spec(self) -> dict[str, Any]:
        """What an experiment keeps of it."""
        return {
            "id": str(self.id),
            "name": self.name,
            "kind": self.kind,
            "config": self.config,
            "pass_at": self.pass_at,
        }
