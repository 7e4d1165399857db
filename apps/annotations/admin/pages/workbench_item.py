"""An item as the workbench shows it: its texts, what was said before, and where it comes from."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from apps.annotations.admin.access import trace_url
from apps.annotations.models import Assignment, QueueItem, ReviewQueue
from apps.annotations.selectors.queues import answers_by_assignment, questions_of
from apps.annotations.selectors.review import open_turn
from apps.annotations.workbench.answers import MAX_TEXT
from apps.workflows.selectors.messages import dialogue
from support.errors import NotFound
from support.word_diff import diff_stats, diff_words

#: Turns of the conversation that are shown above the one in question.
EARLIER = 10


def item_body(assignment: Assignment, *, queue: ReviewQueue, user: Any) -> dict[str, Any]:
    """What the page needs of a claimed item. Others' answers come along only where the queue is not blind."""
    item = assignment.item
    body = {**shown(item), "assignment": str(assignment.id), "draft": assignment.draft}
    if not queue.is_blind:
        sheets = answers_by_assignment([item.id], questions_of(queue.id))
        names = dict(item.assignments.filter(id__in=list(sheets)).values_list("id", "annotator__username"))
        body["others"] = [{"name": names[key] or "–", "answers": sheet} for key, sheet in sheets.items()]
    return body


def difference(item: QueueItem, corrected: str) -> dict[str, Any]:
    """What a text in the editor changes in the answer, word by word."""
    pieces = diff_words(item.answer, corrected.replace("\r\n", "\n")[:MAX_TEXT])
    return {"pieces": [[piece.kind, piece.text] for piece in pieces], "stats": diff_stats(pieces)}


def shown(item: QueueItem) -> dict[str, Any]:
    """The item itself, from its snapshot."""
    turn = _turn(item)
    return {
        "id": str(item.id),
        "question": item.question,
        "answer": item.answer,
        "inputs": item.inputs,
        "app": item.application_name,
        "remark": item.remark,
        "origin": item.get_origin_display(),
        "earlier": _earlier(turn),
        "trace": (trace_url(item.trace_id) or "") if item.trace_id else "",
        "review": reverse("admin:annotations_message_review", args=[turn.id]) if turn else "",
    }


def _turn(item: QueueItem) -> Any | None:
    if item.subject_kind != QueueItem.Subject.MESSAGE:
        return None
    try:
        return open_turn(item.subject_id, team_ids=[item.team_id])
    except NotFound:
        return None


def _earlier(turn: Any | None) -> list[dict[str, str]]:
    if turn is None:
        return []
    before = [each for each in dialogue(turn.conversation_id) if each.id < turn.id]
    return [{"query": each.query, "answer": each.answer} for each in before[-EARLIER:]]
