"""What annotations and examples share: a question that is found by its meaning, and its answer."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from pgvector.django import HalfVectorField

from apps.annotations.text.questions import question_key
from support.ids import uuid7


class SearchableAnswer(models.Model):
    """A question and answer of one app, with the question's place in a vector space.

    Vectors of different spaces are never compared: `embedding_space` says which one, `embedding_model` who
    makes more of them. The space is empty and `embedding` null while no model could embed the question.
    There are two places for a vector, so that the answers of an app move to another model while those of the old one
    are searched: the app's `ReplySetting` says which of the two is.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    application = models.ForeignKey("workflows.Application", models.CASCADE, related_name="+", verbose_name=_("app"))
    question = models.TextField(_("question"))
    answer = models.TextField(_("answer"))
    question_key = models.CharField(max_length=64, editable=False)
    embedding_model = models.CharField(_("embedding model"), max_length=200, blank=True, editable=False)
    embedding_space = models.CharField(max_length=200, blank=True, editable=False)
    embedding = HalfVectorField(null=True, editable=False)
    second_space = models.CharField(max_length=200, blank=True, default="", editable=False)
    second_embedding = HalfVectorField(null=True, editable=False)
    is_enabled = models.BooleanField(_("in use"), default=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("created by"),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        abstract = True
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.question[:80]

    def ask(self, question: str) -> None:
        """Set the question together with the key that equal questions share."""
        self.question, self.question_key = question, question_key(question)
