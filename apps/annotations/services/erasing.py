"""Deletes what was copied of a person, when somebody asks: into fine-tune sets, their files, queues, and answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Left

from apps.annotations.models import QueueItem, TrainingExample, TrainingExport, TrainingVersion
from apps.annotations.services.erasing_answers import erase_answers
from apps.annotations.services.erasing_log import QUOTED, erase_quotes, erase_quotes_of
from apps.annotations.services.training_files import forget_file
from apps.traces.services.erasure import person_hash
from apps.workflows.selectors.messages import recent_messages


def erase_copies(team_id: UUID, end_user: str, trace_ids: Sequence[UUID]) -> int:
    """Delete the person's examples and queue items of the team, every file that may hold them, corrections and what
    came of them, and items of golden sets; how many copies.

    An example is known by the person's hash, which outlives message and trace; by both as long as they are there.
    Conversations belong to the app and stay; what they hold of the person enters no later version.
    """
    messages = recent_messages([team_id]).filter(conversation__end_user=end_user).order_by().values("id")
    examples = TrainingExample.objects.filter(team_id=team_id).filter(
        Q(person=person_hash(team_id, end_user)) | Q(message_id__in=messages) | Q(trace_id__in=trace_ids)
    )
    items = QueueItem.objects.filter(team_id=team_id).filter(
        Q(subject_id__in=messages) | Q(subject_id__in=trace_ids) | Q(trace_id__in=trace_ids)
    )
    # While queue items are there, they say whose answers were calibrated with.
    answers = erase_answers(team_id, messages, trace_ids)
    erase_quotes(items)
    erase_quotes_of(messages.values_list(Left("query", QUOTED), flat=True))
    _gone, by_model = items.delete()
    return answers + _erase_examples(examples) + by_model.get(QueueItem._meta.label, 0)


def _erase_examples(examples: QuerySet[TrainingExample]) -> int:
    """Take them out of their versions. Files go first: one that is left behind would keep what was deleted."""
    counted = (
        examples.order_by()
        .values("version_id")
        .annotate(
            n=Count("id"),
            pairs=Count("id", filter=~Q(content__rejected="")),
            validation=Count("id", filter=Q(split="validation")),
            tokens=Sum("tokens"),
        )
    )
    found = list(counted)
    for each in found:
        version_id: Any = each["version_id"]
        for export in TrainingExport.objects.filter(version_id=version_id):
            forget_file(export)
        with transaction.atomic():
            version = TrainingVersion.objects.select_for_update().filter(id=version_id)
            version.update(
                kept=F("kept") - each["n"],
                pairs=F("pairs") - each["pairs"],
                validation=F("validation") - each["validation"],
                tokens=F("tokens") - each["tokens"],
                erased=F("erased") + each["n"],
            )
            examples.filter(version_id=version_id).delete()
    return sum(each["n"] for each in found)
