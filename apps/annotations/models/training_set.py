"""Fine-tune sets: what belongs in one, and its versions, whose examples never change."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from support.ids import uuid7


class Job(models.TextChoices):
    """How far a job is."""

    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    DONE = "completed", _("Completed")
    FAILED = "failed", _("Failed")
    STOPPED = "stopped", _("Stopped")


GOING = (Job.QUEUED, Job.RUNNING)


class TrainingSet(models.Model):
    """What examples a team wants to train with. Changing it changes the next version, never one that stands."""

    class System(models.TextChoices):
        NONE = "none", _("No instructions")
        RECORDED = "recorded", _("As the model was given them, from the trace")
        OWN = "own", _("The text below")

    class Deduplicate(models.TextChoices):
        EXACT = "exact", _("One of each dialogue")
        QUESTION = "question", _("One of each question, corrections first")
        NONE = "none", _("Keep all")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    name = models.CharField(_("name"), max_length=80)
    description = models.TextField(_("description"), max_length=2_000, blank=True)
    #: Names of `SOURCES` in the order in which they are read.
    sources = models.JSONField(_("take"), default=list)
    #: Ids; empty for all apps of the team.
    applications = models.JSONField(_("apps"), default=list, blank=True)
    #: Ids of review queues: only what was reviewed in one of them; empty for everything.
    queues = models.JSONField(_("reviewed in"), default=list, blank=True)
    #: Only what reviewers scored at least so high on average, for this question.
    score_config = models.ForeignKey(
        "annotations.ScoreConfig", models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("score of")
    )
    score_at_least = models.FloatField(
        _("at least"), null=True, blank=True, help_text=_("Yes counts as 1 and no as 0.")
    )
    since = models.DateTimeField(_("given after"), null=True, blank=True)
    until = models.DateTimeField(_("given before"), null=True, blank=True)
    system = models.CharField(_("instructions"), max_length=10, choices=System.choices, default=System.NONE)
    system_prompt = models.TextField(_("text of the instructions"), max_length=20_000, blank=True)
    context_turns = models.PositiveSmallIntegerField(
        _("turns before the question"), default=0, validators=[MaxValueValidator(20)]
    )
    with_tools = models.BooleanField(_("with calls of tools"), default=False)
    deduplicate = models.CharField(
        _("duplicates"), max_length=10, choices=Deduplicate.choices, default=Deduplicate.EXACT
    )
    validation_percent = models.PositiveSmallIntegerField(
        _("share for validation"), default=10, validators=[MaxValueValidator(50)], help_text=_("Percent.")
    )
    #: What is taken out besides secrets and what the trace policy of the app names.
    personal = models.JSONField(_("take out"), default=list, blank=True)
    max_tokens = models.PositiveIntegerField(
        _("longest example"), null=True, blank=True, validators=[MinValueValidator(16)], help_text=_("Tokens.")
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("created by")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        ordering = ["name"]
        verbose_name = _("fine-tune set")
        verbose_name_plural = _("fine-tune sets")
        constraints = [models.UniqueConstraint(fields=["team", "name"], name="one_training_set_of_a_name")]

    def __str__(self) -> str:
        return self.name


class TrainingVersion(models.Model):
    """The examples that a set had at one time. They stay as they are, whatever becomes of what they were made from."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    training_set = models.ForeignKey(
        TrainingSet, models.CASCADE, related_name="versions", verbose_name=_("fine-tune set")
    )
    number = models.PositiveIntegerField(_("version"))
    #: The set's settings as they were, with an end in time.
    recipe = models.JSONField(_("settings"), default=dict)
    status = models.CharField(_("status"), max_length=10, choices=Job.choices, default=Job.QUEUED)
    #: Where the next page begins: the source and the last id read of it.
    source = models.CharField(max_length=20, blank=True)
    cursor = models.UUIDField(null=True)
    read = models.PositiveIntegerField(_("read"), default=0)
    kept = models.PositiveIntegerField(_("examples"), default=0)
    pairs = models.PositiveIntegerField(_("with an answer to avoid"), default=0)
    validation = models.PositiveIntegerField(_("for validation"), default=0)
    tokens = models.BigIntegerField(_("tokens"), default=0)
    #: Examples of people whose data was deleted on request: the one way in which a version changes.
    erased = models.PositiveIntegerField(_("deleted on request"), default=0)
    #: Why others were left out: reason -> how many.
    left_out = models.JSONField(_("left out"), default=dict)
    #: SHA-256 over the examples in order: equal digests, equal files.
    digest = models.CharField(_("digest"), max_length=64, blank=True)
    error = models.TextField(_("error"), blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("created by")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    #: Set after every page: a job whose worker died is taken up again once this is old.
    beat_at = models.DateTimeField(_("last heard of"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        ordering = ["-number"]
        verbose_name = _("version of a fine-tune set")
        verbose_name_plural = _("versions of fine-tune sets")
        constraints = [models.UniqueConstraint(fields=["training_set", "number"], name="one_version_of_a_number")]
        indexes = [
            models.Index(
                fields=["beat_at"],
                condition=models.Q(status__in=["queued", "running"]),
                name="training_version_waiting",
            )
        ]

    def __str__(self) -> str:
        return f"{self.training_set} {self.number}"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status not in GOING


class TrainingExample(models.Model):
    """One example of a version, with the way back to what it was made from."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    version = models.ForeignKey(TrainingVersion, models.CASCADE, related_name="examples", verbose_name=_("version"))
    position = models.PositiveIntegerField(_("position"))
    split = models.CharField(_("split"), max_length=10)
    #: What equal examples share.
    key = models.CharField(max_length=64)
    #: `apps.annotations.training.example.Example`.
    content = models.JSONField(_("example"))
    tokens = models.PositiveIntegerField(_("tokens"))
    source = models.CharField(_("source"), max_length=20)
    # Retention may remove what it was made from: named and not joined.
    application_id = models.UUIDField(_("app"))
    message_id = models.UUIDField(_("message"), null=True)
    trace_id = models.UUIDField(_("trace"), null=True)
    correction_id = models.UUIDField(_("correction"), null=True)
    #: Whose words it holds, as deletions on request know their person: a hash that names nobody.
    person = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["position"]
        verbose_name = _("example to train with")
        verbose_name_plural = _("examples to train with")
        constraints = [
            models.UniqueConstraint(fields=["version", "position"], name="one_training_example_in_a_place"),
            models.UniqueConstraint(fields=["version", "key"], name="one_training_example_of_a_kind"),
        ]
        indexes = [
            models.Index(fields=["team", "person"], condition=~models.Q(person=""), name="training_example_of_person"),
            models.Index(
                fields=["message_id"], condition=models.Q(message_id__isnull=False), name="training_example_of_message"
            ),
        ]

    def __str__(self) -> str:
        return str(self.position)
