"""Takes a person's words out of the audit, which quotes the beginning of each row that somebody changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _

from apps.annotations.models import (
    Annotation,
    AnnotationHit,
    CalibrationCase,
    Correction,
    FewShotExample,
    GoldenItem,
    PreferencePair,
    QueueItem,
)

#: What is called by the question that it is about.
KINDS: tuple[type[Model], ...] = (
    *(Correction, Annotation, FewShotExample, PreferencePair),
    *(GoldenItem, QueueItem, AnnotationHit, CalibrationCase),
)
#: So many characters of a question are the name of such a row.
QUOTED = 80
_BATCH = 500


def erase_quotes(rows: QuerySet[Any]) -> int:
    """Leave out what entries about these rows quote, before the rows go; how many entries."""
    erased = 0
    ids = [str(each) for each in rows.values_list("pk", flat=True)]
    for batch in _batches(ids):
        erased += _leave_out(_entries((rows.model,)).filter(object_id__in=batch))
    return erased


def erase_quotes_of(questions: Iterable[str]) -> int:
    """The same for rows of a person's questions that are gone already: only what is quoted says whose they were.

    What is still there and asks the same may be somebody else's, and stays.
    """
    erased = 0
    names = sorted({question[:QUOTED] for question in questions if question.strip()})
    for batch in _batches(names):
        for kind in KINDS:
            entries = _entries((kind,)).filter(object_repr__in=batch)
            ids = [found for each in entries.values_list("object_id", flat=True) if (found := _id(each)) is not None]
            there = {str(each) for each in kind._default_manager.filter(pk__in=ids).values_list("pk", flat=True)}
            erased += _leave_out(entries.exclude(object_id__in=there))
    return erased


def _entries(kinds: Sequence[type[Model]]) -> QuerySet[LogEntry]:
    types = ContentType.objects.get_for_models(*kinds).values()
    return LogEntry.objects.filter(content_type__in=list(types))


def _leave_out(entries: QuerySet[LogEntry]) -> int:
    """Who did what and when stays."""
    return entries.update(object_repr=_("Deleted on request"), change_message="")


def _batches(values: Sequence[str]) -> Iterable[Sequence[str]]:
    return (values[at : at + _BATCH] for at in range(0, len(values), _BATCH))


def _id(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None
