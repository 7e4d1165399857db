"""Deletes what traces hold of one person, on request; what is left says that it was done and names nobody."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.traces.hooks import erase_copies
from apps.traces.models import AgentThought, Erasure, KeptTrace, OutgoingTrace, Rollup, Span, SpanPayload, Trace
from apps.traces.recorder.shapes import short
from apps.traces.recorder.store import ALIAS, delete
from apps.traces.services.exports import drop_exports_of

BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is there of a person."""

    traces: int
    #: All spans of these traces, and those of other traces that name the person.
    spans: int


def what_is_there(*, team_id: UUID, end_user: str) -> Found:
    """Count what `erase` would delete."""
    end_user = short(end_user)
    ids = _traces(team_id, end_user).values("id")
    spans = Span.objects.using(ALIAS).filter(Q(trace_id__in=ids) | Q(team_id=team_id, end_user=end_user))
    return Found(traces=_traces(team_id, end_user).count(), spans=spans.count())


def erase(*, team_id: UUID, end_user: str, requested_by: str, reason: str = "") -> Erasure:
    """Delete the person's traces, also those that are kept for review, copies of them, the sums that name the person,
    and all files of exports that the team's rows may be in.

    The request is noted before anything goes, so that one that broke off can be seen and repeated. Conversations and
    the logs of runs belong to the app and are deleted there.
    """
    if not end_user:
        raise ValueError("an empty name means everybody who gave none")
    end_user = short(end_user)  # as it was stored
    found = what_is_there(team_id=team_id, end_user=end_user)
    erasure = Erasure.objects.using(ALIAS).create(
        team_id=team_id,
        person=person_hash(team_id, end_user),
        requested_by=requested_by[:150],
        reason=reason[:200],
        traces=found.traces,
        spans=found.spans,
    )
    # First what knows the person by name alone: of traces that are gone, copies may be there.
    erase_copies(team_id, end_user, ())
    while ids := list(_traces(team_id, end_user).values_list("id", flat=True)[:BATCH]):
        erase_copies(team_id, end_user, ids)
        delete(ids)
        KeptTrace.objects.using(ALIAS).filter(trace_id__in=ids).delete()
        OutgoingTrace.objects.using(ALIAS).filter(trace_id__in=ids).delete()
    _erase_lone_spans(team_id, end_user)
    Rollup.objects.using(ALIAS).filter(team_id=team_id, dimension=Rollup.Dimension.USER, name=end_user).delete()
    drop_exports_of(team_id, end_user=end_user)
    erasure.finished_at = timezone.now()
    erasure.save(using=ALIAS, update_fields=["finished_at"])
    return erasure


def person_hash(team_id: UUID, end_user: str) -> str:
    """How a deletion knows its person again when it is asked for: never the other way round."""
    return hashlib.sha256(f"{team_id}/{end_user}".encode()).hexdigest()


def erased_people(team_id: UUID) -> dict[str, dt.datetime]:
    """Hash of a person -> when the person's data was last asked to be deleted."""
    rows = Erasure.objects.using(ALIAS).filter(team_id=team_id).order_by("created_at")
    return dict(rows.values_list("person", "created_at"))


def _traces(team_id: UUID, end_user: str) -> QuerySet[Trace]:
    return Trace.objects.using(ALIAS).filter(team_id=team_id, end_user=end_user)


def _erase_lone_spans(team_id: UUID, end_user: str) -> None:
    """Spans that name the person in traces of somebody else: programs elsewhere may share a trace."""
    while ids := list(
        Span.objects.using(ALIAS).filter(team_id=team_id, end_user=end_user).values_list("id", flat=True)[:BATCH]
    ):
        with transaction.atomic(using=ALIAS):
            SpanPayload.objects.using(ALIAS).filter(span_id__in=ids).delete()
            AgentThought.objects.using(ALIAS).filter(span_id__in=ids).delete()
            Span.objects.using(ALIAS).filter(id__in=ids)._raw_delete(ALIAS)
