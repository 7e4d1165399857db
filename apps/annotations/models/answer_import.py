"""Files of questions and answers that people bring along: checked first, then taken in, and taken out again."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.annotations.models.training_set import GOING, Job
from support.ids import uuid7


class AnswerImport(models.Model):
    """One file for one app. Nothing is changed until somebody who has seen what it would do says so."""

    class Target(models.TextChoices):
        ANNOTATIONS = "annotations", _("Annotations: they answer instead of the model")
        EXAMPLES = "examples", _("Few-shot examples: models are shown them")

    class Duplicates(models.TextChoices):
        SKIP = "skip", _("Keep the answer that is there")
        REPLACE = "replace", _("Put the file's answer in its place")
        ADD = "add", _("Keep both; the newest one answers")

    class Stage(models.TextChoices):
        CHECK = "check", _("Looking through the file")
        TAKE_IN = "take_in", _("Taking the answers in")
        UNDO = "undo", _("Taking the answers out")

    class Format(models.TextChoices):
        CSV = "csv", "CSV"
        JSONL = "jsonl", "JSONL"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="+", verbose_name=_("team"))
    application = models.ForeignKey("workflows.Application", models.CASCADE, related_name="+", verbose_name=_("app"))
    target = models.CharField(_("take in as"), max_length=12, choices=Target.choices, default=Target.ANNOTATIONS)
    duplicates = models.CharField(
        _("questions that have an answer"), max_length=10, choices=Duplicates.choices, default=Duplicates.SKIP
    )
    file_name = models.CharField(_("file"), max_length=200)
    format = models.CharField(_("format"), max_length=6, choices=Format.choices)
    size = models.PositiveIntegerField(_("size"), default=0)
    #: Path below the folder of files; empty once the file was deleted.
    path = models.CharField(max_length=200, blank=True)
    stage = models.CharField(_("stage"), max_length=10, choices=Stage.choices, default=Stage.CHECK)
    status = models.CharField(_("status"), max_length=10, choices=Job.choices, default=Job.QUEUED)
    #: How many rows of the file the stage has behind it, and how many there are.
    position = models.PositiveIntegerField(default=0)
    rows = models.PositiveIntegerField(_("rows"), default=0)
    #: What becomes of the rows, by the names of `Verdict`; found by the check, counted again when they are taken in.
    found = models.JSONField(default=dict)
    done = models.JSONField(default=dict)
    #: The first rows that cannot be taken in: `[{"line", "fault"}]`; and the first rows as they were read.
    faults = models.JSONField(default=list)
    sample = models.JSONField(default=list)
    #: What the taking out left: answers that were changed after they came.
    left = models.PositiveIntegerField(default=0)
    #: Why: `{"edited": 2, "switched": 1, "rows": [{"id", "why"}]}`, the first ones by name.
    kept = models.JSONField(default=dict)
    error = models.TextField(_("error"), blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("brought by")
    )
    #: Whose answers they are: who brought the file; behind a program, the person who made its key.
    written_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("written by"),
    )
    created_at = models.DateTimeField(_("brought"), auto_now_add=True)
    beat_at = models.DateTimeField(_("last heard of"))
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("import of answers")
        verbose_name_plural = _("imports of answers")
        indexes = [
            models.Index(fields=["team", "-id"], name="answer_import_newest"),
            models.Index(
                fields=["beat_at"], condition=models.Q(status__in=["queued", "running"]), name="answer_import_waiting"
            ),
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def is_over(self) -> bool:
        """Whether its stage is at an end."""
        return self.status not in GOING

    @property
    def per_cent(self) -> int:
        """How far the stage is; only a finished one says 100."""
        if self.status == Job.DONE:
            return 100
        return min(99, 100 * self.position // self.rows) if self.rows else 0

    @property
    def may_take_in(self) -> bool:
        """Whether the check is done and there is something to take in."""
        return self.stage == self.Stage.CHECK and self.status == Job.DONE and bool(self.path)

    @property
    def may_undo(self) -> bool:
        """Whether it took something in, or began to, that can be taken out."""
        return self.stage == self.Stage.TAKE_IN and self.is_over


class ImportedAnswer(models.Model):
    """What one row of a file became: a new answer, or another text for one that was there (`before`)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    answer_import = models.ForeignKey(
        AnswerImport, models.CASCADE, related_name="answers", verbose_name=_("import of answers")
    )
    line = models.PositiveIntegerField(_("line"))
    #: The annotation or example; it may be gone since.
    answer_id = models.UUIDField()
    #: Of the answer that was there: `{"question", "answer", "is_enabled"}`, and who wrote and approved it; null for a
    #: new one.
    before = models.JSONField(null=True)
    #: Of both texts as they came, to tell whether somebody changed them since.
    digest = models.CharField(max_length=64)
    #: Whether it came to be in use; null for those of before this was noted.
    is_wanted = models.BooleanField(null=True)

    class Meta:
        ordering = ["id"]
        verbose_name = _("imported answer")
        verbose_name_plural = _("imported answers")
        constraints = [models.UniqueConstraint(fields=["answer_import", "line"], name="one_answer_per_line")]
        indexes = [models.Index(fields=["answer_id"], name="imported_answer_id")]

    def __str__(self) -> str:
        return str(self.line)
