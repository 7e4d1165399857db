"""Deletes what is kept of a person's words beyond messages and traces: corrections with all that came of them, items of
golden sets, and the words in hits, feedback and judgements.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet
from django.utils.translation import gettext as _

from apps.annotations.models import (
    Annotation,
    AnnotationHit,
    CalibrationCase,
    Correction,
    Experiment,
    Feedback,
    FewShotExample,
    GoldenItem,
    GoldenSet,
    GoldenVersion,
    PreferencePair,
    Result,
    TraceScore,
)
from apps.annotations.services.erasing_log import erase_quotes, erase_quotes_of
from apps.annotations.services.golden_changing import begin_change
from apps.traces.recorder.store import delete as delete_traces


def erase_answers(team_id: UUID, messages: QuerySet[Any], trace_ids: Sequence[UUID]) -> int:
    """Delete what was made of these messages (a query of ids) and traces; how many rows.

    What only counts stays without its words: hits, verdicts, and the scores of live answers and calibrations.
    """
    here = Q(message_id__in=messages) | Q(trace_id__in=trace_ids)
    corrections = list(Correction.objects.filter(here, team_id=team_id).values_list("id", flat=True))
    items = GoldenItem.objects.filter(
        Q(source_message_id__in=messages) | Q(source_trace_id__in=trace_ids) | Q(correction_id__in=corrections),
        team_id=team_id,
    )
    erased = _erase_items(items)
    _leave_words_out(team_id, messages, trace_ids)
    return erased + _erase_corrections(corrections)


@transaction.atomic
def _erase_corrections(corrections: Sequence[UUID]) -> int:
    """With what they led to: annotation and example ask in the person's own words."""
    made: tuple[Any, ...] = (Annotation, FewShotExample, PreferencePair)
    written = Correction.objects.filter(id__in=corrections)
    erase_quotes_of(written.values_list("question", flat=True))
    AnnotationHit.objects.filter(annotation__correction_id__in=corrections).update(
        annotation_question="", annotation_answer=""
    )
    for rows in (*(kind.objects.filter(correction_id__in=corrections) for kind in made), written):
        erase_quotes(rows)
        rows.delete()
    return len(corrections)


def _erase_items(items: QuerySet[GoldenItem]) -> int:
    """Take them out of every version, with what experiments found about them and the traces of those runs."""
    erased = 0
    for set_id in sorted(set(items.order_by().values_list("golden_set_id", flat=True))):
        rows = items.filter(golden_set_id=set_id)
        results = Result.objects.filter(item__in=rows)
        delete_traces([each for each in results.values_list("run_id", flat=True) if each is not None])
        erased += _erase_items_of_set(GoldenSet.objects.get(id=set_id), rows, results)
    return erased


@transaction.atomic
def _erase_items_of_set(golden_set: GoldenSet, rows: QuerySet[GoldenItem], results: QuerySet[Result]) -> int:
    """The next version says that items went; the earlier ones, and what was measured, are short of them."""
    change = begin_change(golden_set)
    change.withdraw(rows.filter(valid_to_version=None))
    change.write(by=None, origin=GoldenVersion.Origin.HAND, note=_("Deleted on request"))
    measured = results.order_by().values("experiment_id").annotate(n=Count("id"))
    for experiment_id, n in list(measured.values_list("experiment_id", "n")):
        Experiment.objects.filter(id=experiment_id).update(total=F("total") - n)
    spans = list(rows.values_list("id", "valid_from_version", "valid_to_version"))
    for _id, first, end in spans:
        golden_set.versions.filter(number__gte=first, number__lt=end).update(items=F("items") - 1)
    gone = GoldenItem.objects.filter(id__in=[each for each, _first, _end in spans])
    erase_quotes_of(gone.values_list("question", flat=True))
    erase_quotes(gone)
    gone.delete()
    return len(spans)


def _leave_words_out(team_id: UUID, messages: QuerySet[Any], trace_ids: Sequence[UUID]) -> None:
    """Rows that only count: what they quote of the person goes."""
    hits = AnnotationHit.objects.filter(Q(message_id__in=messages) | Q(run_id__in=trace_ids), team_id=team_id)
    erase_quotes(hits)
    hits.update(question="")
    Feedback.objects.filter(message_id__in=messages, team_id=team_id).update(text="")
    TraceScore.objects.filter(trace_id__in=trace_ids, team_id=team_id).update(explanation="", error_message="")
    cases = CalibrationCase.objects.filter(
        Q(trace_id__in=trace_ids) | Q(item__subject_id__in=messages) | Q(item__subject_id__in=trace_ids),
        team_id=team_id,
    )
    erase_quotes(cases)
    cases.update(question="", answer="", inputs={}, explanation="", error_message="")
