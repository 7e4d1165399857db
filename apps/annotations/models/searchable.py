"""What annotations and examples share: a question that is found by its meaning, and its answer."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
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
    #: It would be in use, but the app asks for a second person, and none has approved these texts.
    is_waiting = models.BooleanField(_("waits for approval"), default=False)
    #: Who wrote question and answer as they are now; behind a program, the person who made its key.
    written_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("written by"),
    )
    #: Who else approved these texts, and when. The time outlives the person.
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("approved by"),
    )
    approved_at = models.DateTimeField(_("approved"), null=True, blank=True, editable=False)
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
        constraints = [
            models.CheckConstraint(
                condition=models.Q(is_waiting=False) | models.Q(is_enabled=False), name="%(class)s_waits_out_of_use"
            )
        ]

    def __str__(self) -> str:
        return self.question[:80]

    def ask(self, question: str) -> None:
        """Set the question together with the key that equal questions share."""
        self.question, self.question_key = question, question_key(question)

    @property
    def is_wanted(self) -> bool:
        """Whether it is in use, or only waits to be."""
        return self.is_enabled or self.is_waiting

    def stand(self, *, is_wanted: bool, needs_second_person: bool) -> None:
        """Put it to use if it is wanted; where somebody else has to approve it first, it waits."""
        self.is_waiting = is_wanted and needs_second_person and self.approved_at is None
        self.is_enabled = is_wanted and not self.is_waiting

    def approve(self, *, by: Any) -> None:
        """Note who else approved the texts; nobody: they are new."""
        self.approved_by, self.approved_at = by, timezone.now() if by is not None else None
