"""Golden sets: questions with the answers one expects, in versions that stay reproducible."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from support.ids import uuid7


class GoldenSet(models.Model):
    """What versions of an app are measured with. `version` counts the changes of its items; 0 has none."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    #: The app whose inputs the items fit; none: for any app that takes a question.
    application = models.ForeignKey(
        "workflows.Application",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("app"),
    )
    name = models.CharField(_("name"), max_length=80)
    description = models.TextField(_("description"), max_length=2_000, blank=True)
    version = models.PositiveIntegerField(_("version"), default=0, editable=False)
    #: The number that the next new item gets.
    next_number = models.PositiveIntegerField(default=1, editable=False)
    #: The number that the next experiment on the set gets; none is given twice.
    next_experiment = models.PositiveIntegerField(default=1, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("created by")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        ordering = ["name"]
        verbose_name = _("golden set")
        verbose_name_plural = _("golden sets")
        constraints = [models.UniqueConstraint(fields=["team", "name"], name="one_golden_set_of_a_name")]

    def __str__(self) -> str:
        return self.name


class GoldenVersion(models.Model):
    """One change of a set: what it did, who made it, and how many items there were afterwards."""

    class Origin(models.TextChoices):
        HAND = "hand", _("By hand")
        CORRECTION = "correction", _("Correction")
        TRACE = "trace", _("Traces")
        CONVERSATION = "conversation", _("Conversations")
        FILE = "file", _("File")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    golden_set = models.ForeignKey(GoldenSet, models.CASCADE, related_name="versions", verbose_name=_("golden set"))
    number = models.PositiveIntegerField(_("version"))
    origin = models.CharField(_("came from"), max_length=12, choices=Origin.choices, default=Origin.HAND)
    note = models.CharField(_("note"), max_length=200, blank=True)
    added = models.PositiveIntegerField(_("added"), default=0)
    changed = models.PositiveIntegerField(_("changed"), default=0)
    withdrawn = models.PositiveIntegerField(_("taken out"), default=0)
    items = models.PositiveIntegerField(_("items"), default=0)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("made by")
    )
    created_at = models.DateTimeField(_("made"), auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        verbose_name = _("version of a golden set")
        verbose_name_plural = _("versions of golden sets")
        constraints = [models.UniqueConstraint(fields=["golden_set", "number"], name="one_golden_version_of_a_number")]

    def __str__(self) -> str:
        return str(self.number)


class GoldenItem(models.Model):
    """One state of an item. A changed item is a new row with the same number; rows are never rewritten.

    It is valid from its first version up to, and not with, the one that changed it or took it out.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    golden_set = models.ForeignKey(GoldenSet, models.CASCADE, related_name="items", verbose_name=_("golden set"))
    number = models.PositiveIntegerField(_("number"))
    #: What a person asks; empty for apps that take inputs only.
    question = models.TextField(_("question"), blank=True)
    #: Values of the app's input fields by name.
    inputs = models.JSONField(_("inputs"), default=dict, blank=True)
    #: A text, or JSON for apps whose outputs are values. None: nothing in particular is expected.
    expected = models.JSONField(_("expected answer"), null=True, blank=True)
    metadata = models.JSONField(_("notes"), default=dict, blank=True)
    tags = ArrayField(models.CharField(max_length=60), verbose_name=_("tags"), default=list, blank=True)
    #: What items that ask the same share.
    key = models.CharField(max_length=64, editable=False)
    # Retention may remove what an item was made from: named and not joined.
    source_message_id = models.UUIDField(_("message"), null=True, blank=True)
    source_trace_id = models.UUIDField(_("trace"), null=True, blank=True)
    correction = models.ForeignKey(
        "annotations.Correction",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="golden_items",
        verbose_name=_("from correction"),
    )
    valid_from_version = models.PositiveIntegerField(_("since version"))
    valid_to_version = models.PositiveIntegerField(_("until version"), null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("created by")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        ordering = ["number"]
        verbose_name = _("item of a golden set")
        verbose_name_plural = _("items of golden sets")
        constraints = [
            models.UniqueConstraint(
                fields=["golden_set", "number"],
                condition=models.Q(valid_to_version__isnull=True),
                name="one_golden_item_of_a_number",
            ),
            models.UniqueConstraint(
                fields=["golden_set", "number", "valid_from_version"], name="one_golden_item_state_in_a_version"
            ),
            models.CheckConstraint(
                condition=models.Q(valid_to_version__isnull=True)
                | models.Q(valid_to_version__gt=models.F("valid_from_version")),
                name="golden_item_ends_after_it_begins",
            ),
        ]
        indexes = [
            models.Index(
                fields=["golden_set", "key"],
                condition=models.Q(valid_to_version__isnull=True),
                name="golden_item_same_question",
            ),
            models.Index(fields=["source_trace_id"], name="golden_item_of_trace"),
        ]

    def __str__(self) -> str:
        return self.question[:80] or str(self.number)

    @property
    def is_current(self) -> bool:
        """Whether the newest version has it."""
        return self.valid_to_version is None

    @property
    def expected_text(self) -> str:
        """The expected answer where it is a text; empty otherwise."""
        return self.expected if isinstance(self.expected, str) else ""
