"""What people thought of an answer."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from support.ids import uuid7


class Feedback(models.Model):
    """One person's verdict on one message. A change of mind is a new row; the old one stays, superseded."""

    class Rating(models.TextChoices):
        LIKE = "like", _("Helpful")
        DISLIKE = "dislike", _("Not helpful")

    class Reason(models.TextChoices):
        WRONG = "wrong", _("Wrong")
        INCOMPLETE = "incomplete", _("Incomplete")
        OUTDATED = "outdated", _("Outdated")
        UNSAFE = "unsafe", _("Unsafe")
        TONE = "tone", _("Tone")
        OTHER = "other", _("Something else")

    class Source(models.TextChoices):
        API = "api", _("API")
        PUBLIC = "public", _("Chat page")
        CONSOLE = "console", _("Playground")
        ADMIN = "admin", _("Review")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    application = models.ForeignKey("workflows.Application", models.CASCADE, related_name="+", verbose_name=_("app"))
    message = models.ForeignKey("workflows.Message", models.CASCADE, related_name="+", verbose_name=_("message"))
    rating = models.CharField(_("rating"), max_length=10, choices=Rating.choices)
    reason = models.CharField(_("reason"), max_length=20, choices=Reason.choices, blank=True)
    text = models.TextField(_("comment"), blank=True)
    source = models.CharField(_("source"), max_length=10, choices=Source.choices)
    end_user = models.CharField(_("end user"), max_length=200, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("person"),
    )
    # Who gave it, as one value to be unique by: `user:<id>` who signed in, `<source>:<end user>` others.
    person = models.CharField(max_length=220, editable=False)
    created_at = models.DateTimeField(_("given"), auto_now_add=True)
    superseded_at = models.DateTimeField(_("superseded"), null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("feedback")
        verbose_name_plural = _("feedback")
        constraints = [
            models.UniqueConstraint(
                fields=["message", "person"],
                condition=models.Q(superseded_at__isnull=True),
                name="one_current_feedback_per_person",
            ),
        ]
        indexes = [
            models.Index(fields=["application", "-id"], name="feedback_application_newest"),
            models.Index(fields=["team", "-id"], name="feedback_team_newest"),
        ]

    def __str__(self) -> str:
        return self.get_rating_display()

    @property
    def is_current(self) -> bool:
        """Whether it is still what the person thinks."""
        return self.superseded_at is None
