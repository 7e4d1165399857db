"""How answers and traces enter queues: at the moment they come up, from time to time, or by hand."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from apps.annotations.models import Feedback, QueueItem, ReviewQueue, Score
from apps.annotations.selectors.feeds import low_scored, matching_traces
from apps.annotations.selectors.review import Turn
from apps.annotations.services.queue_news import announce
from apps.workflows.selectors.messages import recent_messages
from support.errors import ConsoleError

#: As many as one filling by hand brings in.
MOST_AT_ONCE = 10_000
BATCH = 500
#: Traces are written a moment after what they tell of.
#: Of why people did not like an answer.
MAX_REMARK = 4_000
SLACK = dt.timedelta(minutes=10)
Feed = ReviewQueue.Feed


def feed_dislike(feedback: Feedback, turn: Turn) -> int:
    """Put a disliked answer into the queues that wait for such, in the transaction that notes the dislike.

    People dislike first and say why a moment later: an item that is there already gets the reason as well.
    """
    queues = _waiting(feedback.team_id, feed=Feed.DISLIKES, application_id=feedback.application_id)
    remark = _remarks([feedback.message_id])[feedback.message_id]
    added = sum(add_items(queue, [item_of_turn(turn, remark=remark)], origin=Feed.DISLIKES) for queue in queues)
    standing = QueueItem.objects.filter(
        team_id=feedback.team_id, subject_id=feedback.message_id, origin=Feed.DISLIKES
    ).exclude(remark=remark)
    announce(list(standing.values_list("queue_id", flat=True)))
    standing.update(remark=remark)
    return added


def feed_low_scores(item: QueueItem, scores: Sequence[Score]) -> int:
    """Put what was just scored into the queues that wait for low scores of that question."""
    if not scores:
        return 0
    added = 0
    for queue in _waiting(item.team_id, feed=Feed.LOW_SCORES, application_id=item.application_id):
        wanted, below = queue.feed_options.get("config"), queue.feed_options.get("below")
        low = [each for each in scores if str(each.config_id) == wanted and below is not None and each.number < below]
        if low and queue.id != item.queue_id:
            added += add_items(queue, [copy_of(item)], origin=Feed.LOW_SCORES)
    return added


def fill_queue(queue: ReviewQueue, *, since: dt.datetime, limit: int = MOST_AT_ONCE) -> int:
    """Bring in what its filter finds since then; what is there already stays once. Raises ConsoleError."""
    limit = min(limit, MOST_AT_ONCE)
    if queue.feed == Feed.DISLIKES:
        return _fill_from_feedback(queue, since=since, limit=limit)
    if queue.feed == Feed.LOW_SCORES:
        found = [copy_of(item) for item in low_scored(queue, since=since)[:limit]]
        return add_items(queue, found, origin=queue.feed)
    traces = matching_traces(queue, since=since)
    added = 0
    batch: list[QueueItem] = []
    for trace in traces.iterator(chunk_size=BATCH):
        if queue.feed == Feed.SAMPLE and not is_sampled(queue.id, trace.id, queue.feed_options.get("percent", 0)):
            continue
        batch.append(item_of_trace(trace))
        if len(batch) >= BATCH or added + len(batch) >= limit:
            added += add_items(queue, batch, origin=queue.feed)
            batch = []
        if added >= limit:
            return added
    return added + add_items(queue, batch, origin=queue.feed)


def feed_continuously() -> int:
    """Fill the queues whose filters look at traces with what was recorded since the last time."""
    fed = (Feed.SAMPLE, Feed.ERRORS, Feed.EXPENSIVE, Feed.VIEW)
    added = 0
    for queue in ReviewQueue.objects.filter(is_open=True, is_continuous=True, feed__in=fed):
        now = timezone.now()
        since = (queue.fed_until or queue.created_at) - SLACK
        try:
            added += fill_queue(queue, since=max(since, queue.created_at))
            queue.feed_error = ""
            queue.fed_until = now
        except ConsoleError as exc:
            queue.feed_error = str(exc)
        queue.save(update_fields=["feed_error", "fed_until"])
    return added


@transaction.atomic
def add_items(queue: ReviewQueue, items: Iterable[QueueItem], *, origin: str) -> int:
    """Let these enter; a subject is in a queue once. Returns how many are new."""
    rows = list(items)
    for row in rows:
        row.queue_id, row.team_id = queue.id, queue.team_id
        row.origin, row.wanted = origin, queue.overlap
    if not rows:
        return 0
    known = QueueItem.objects.filter(queue=queue)
    before = known.filter(subject_id__in=[row.subject_id for row in rows]).count()
    QueueItem.objects.bulk_create(rows, ignore_conflicts=True, batch_size=BATCH)
    added = known.filter(subject_id__in=[row.subject_id for row in rows]).count() - before
    if added:
        announce([queue.id])
    return added


def item_of_turn(turn: Any, *, remark: str = "") -> QueueItem:
    """An item about a message, with its texts as they are now."""
    return QueueItem(
        subject_kind=QueueItem.Subject.MESSAGE,
        subject_id=turn.id,
        application_id=turn.application_id,
        application_name=turn.application.name,
        trace_id=turn.run_id,
        question=turn.query,
        answer=turn.answer,
        inputs=turn.inputs,
        remark=remark[:MAX_REMARK],
    )


def item_of_trace(trace: Any) -> QueueItem:
    """An item about a trace, or about the message that the trace tells of."""
    asked, said = trace.input or {}, trace.output or {}
    return QueueItem(
        subject_kind=QueueItem.Subject.MESSAGE if trace.message_id else QueueItem.Subject.TRACE,
        subject_id=trace.message_id or trace.id,
        application_id=trace.application_id,
        application_name=trace.application_name,
        trace_id=trace.id,
        question=_text(asked.get("query")) or trace.input_preview,
        answer=_text(said.get("answer")) or trace.output_preview,
        inputs=asked.get("inputs") or {},
        remark=trace.error_message[:MAX_REMARK],
    )


def copy_of(item: QueueItem) -> QueueItem:
    """The same subject for another queue."""
    names = ("subject_kind", "subject_id", "application_id", "application_name", "trace_id")
    texts = ("question", "answer", "inputs", "remark")
    return QueueItem(**{name: getattr(item, name) for name in (*names, *texts)})


def is_sampled(queue_id: UUID, subject_id: UUID, percent: float) -> bool:
    """Whether chance picks a subject for a queue. It says the same whenever it is asked."""
    digest = hashlib.sha256(queue_id.bytes + subject_id.bytes).digest()
    return int.from_bytes(digest[:8], "big") < percent / 100 * (1 << 64)


def _fill_from_feedback(queue: ReviewQueue, *, since: dt.datetime, limit: int) -> int:
    disliked = Feedback.objects.filter(
        team_id=queue.team_id, rating=Feedback.Rating.DISLIKE, superseded_at=None, created_at__gte=since
    )
    if queue.application_id:
        disliked = disliked.filter(application_id=queue.application_id)
    remarks = _remarks(disliked.order_by("id").values_list("message_id", flat=True)[:limit])
    turns = recent_messages([queue.team_id]).filter(id__in=list(remarks)).order_by("id")
    return add_items(queue, [item_of_turn(turn, remark=remarks[turn.id]) for turn in turns], origin=queue.feed)


def _remarks(message_ids: Iterable[UUID]) -> dict[UUID, str]:
    """message -> why people do not find it helpful, a line for each who said so."""
    ids = list(message_ids)
    lines: dict[UUID, list[str]] = {message_id: [] for message_id in ids}
    given = Feedback.objects.filter(message_id__in=ids, rating=Feedback.Rating.DISLIKE, superseded_at=None)
    for row in given.order_by("id"):
        words = " · ".join(str(part) for part in (row.get_reason_display(), row.text) if part)
        if words:
            lines[row.message_id].append(words)
    return {message_id: "\n".join(found)[:MAX_REMARK] for message_id, found in lines.items()}


def _waiting(team_id: UUID, *, feed: str, application_id: UUID | None) -> list[ReviewQueue]:
    queues = ReviewQueue.objects.filter(team_id=team_id, is_open=True, is_continuous=True, feed=feed)
    return list(queues.filter(Q(application=None) | Q(application_id=application_id)))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
