"""Reading a conversation a portion at a time, as plain facts without the app's secrets: for those who watch."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from apps.workflows.models import Conversation, Message
from apps.workflows.nodes.secrets import Secrets
from apps.workflows.selectors.environment import secret_texts
from support.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """A conversation: whose, with which app, since when."""

    id: UUID
    team_id: UUID
    name: str
    application_id: UUID
    application_name: str
    application_slug: str
    end_user: str
    source: str
    began_at: dt.datetime
    updated_at: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidTurn:
    """A question and its answer."""

    id: UUID
    run_id: UUID
    at: dt.datetime
    query: str
    answer: str
    status: str
    status_label: str
    is_error: bool
    is_running: bool
    is_reviewed: bool
    error_code: str
    error_message: str
    #: Citations as API clients know them (`retriever_resources`).
    sources: Sequence[Mapping[str, Any]]
    input_tokens: int
    output_tokens: int
    latency: float | None


def open_talk(conversation_id: UUID, *, team_ids: Iterable[UUID] | None) -> Talk:
    """A member's door to a conversation; no teams (None) means all of them. Raises NotFound."""
    found = Conversation.objects.select_related("application").filter(id=conversation_id)
    if team_ids is not None:
        found = found.filter(team_id__in=list(team_ids))
    conversation = found.first()
    if conversation is None:
        raise NotFound("There is no such conversation in your teams.")
    return Talk(
        id=conversation.id,
        team_id=conversation.team_id,
        name=conversation.name,
        application_id=conversation.application_id,
        application_name=conversation.application.name,
        application_slug=conversation.application.slug,
        end_user=conversation.end_user,
        source=str(conversation.get_source_display()),
        began_at=conversation.created_at,
        updated_at=conversation.updated_at,
    )


def size_of(talk: Talk) -> int:
    """How many turns there are."""
    return _turns(talk).count()


def turns_before(talk: Talk, message_id: UUID) -> int:
    """How many turns there are before this one."""
    return _turns(talk).filter(id__lt=message_id).count()


def portion_of(talk: Talk, *, skip: int, limit: int) -> list[SaidTurn]:
    """Turns in order."""
    return _told(talk, _turns(talk)[skip : skip + limit])


def turns_after(talk: Talk, message_id: UUID | None, *, limit: int) -> list[SaidTurn]:
    """Turns in order after one of them, or from the first one."""
    turns = _turns(talk)
    return _told(talk, (turns.filter(id__gt=message_id) if message_id else turns)[:limit])


def failed_after(talk: Talk, message_id: UUID | None) -> UUID | None:
    """The next turn that failed; after the last one, the first."""
    failed = _turns(talk).filter(status=Message.Status.ERROR).values_list("id", flat=True)
    later = failed.filter(id__gt=message_id).first() if message_id else None
    return later or failed.first()


def _turns(talk: Talk) -> QuerySet[Message]:
    return Message.objects.filter(conversation_id=talk.id).order_by("id")


def _told(talk: Talk, messages: Iterable[Message]) -> list[SaidTurn]:
    secrets = Secrets(secret_texts(talk.application_id))
    return [_turn(message, secrets) for message in messages]


def _turn(message: Message, secrets: Secrets) -> SaidTurn:
    error = message.error or {}
    return SaidTurn(
        id=message.id,
        run_id=message.run_id,
        at=message.created_at,
        query=secrets.hide(message.query),
        answer=secrets.hide(message.answer),
        status=message.status,
        status_label=str(message.get_status_display()),
        is_error=message.status == Message.Status.ERROR,
        is_running=message.status == Message.Status.RUNNING,
        is_reviewed=bool(message.metadata.get("annotation_reply")),
        error_code=str(error.get("code", "")),
        error_message=secrets.hide(str(error.get("message", ""))),
        sources=secrets.hide_in(message.metadata.get("retriever_resources") or []),
        input_tokens=message.input_tokens,
        output_tokens=message.output_tokens,
        latency=message.latency,
    )
