"""Reading conversations and messages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet

from apps.workflows.engine.ports import PromptMessage
from apps.workflows.models import Application, Conversation, Message, Run
from support.errors import NotFound


def open_conversation(
    conversation_id: UUID | str, *, application: Application, source: str, end_user: str
) -> Conversation:
    """An end user's own conversation with the app. Raises NotFound for anybody else's."""
    found = None
    parsed = as_uuid(conversation_id)
    if parsed is not None:
        found = Conversation.objects.filter(
            id=parsed, application=application, source=source, end_user=end_user, deleted_at=None
        ).first()
    if found is None:
        raise NotFound("Conversation does not exist.")
    return found


def conversations_of(application: Application, *, source: str, end_user: str) -> QuerySet[Conversation]:
    """An end user's conversations with the app, the latest first."""
    return Conversation.objects.filter(
        application=application, source=source, end_user=end_user, deleted_at=None
    ).order_by("-updated_at", "-id")


def dialogue(conversation_id: UUID) -> list[Message]:
    """All turns of a conversation in order."""
    return list(Message.objects.filter(conversation_id=conversation_id).order_by("id"))


def recent_turns(conversation_id: UUID, *, turns: int) -> list[PromptMessage]:
    """The last answered turns as prompt messages, oldest first; of a branch, with what was said before it began."""
    found: list[tuple[str, str]] = []
    before: UUID | None = None
    while len(found) < turns:
        answered = Message.objects.filter(conversation_id=conversation_id, status=Message.Status.NORMAL)
        if before is not None:
            answered = answered.filter(id__lt=before)
        found += answered.order_by("-id").values_list("query", "answer")[: turns - len(found)]
        stem = Conversation.objects.filter(id=conversation_id).values_list(
            "branched_from", "branched_from__conversation"
        )
        before, outer = stem.first() or (None, None)
        if before is None or outer is None:
            break
        conversation_id = outer
    return [
        PromptMessage(role=role, text=text)
        for query, answer in reversed(found)
        for role, text in (("user", query), ("assistant", answer))
    ]


def message_detail(message_id: UUID | str, *, team_ids: Iterable[UUID]) -> Message:
    """A member's door to a message, with its run, version, app and conversation. Raises NotFound."""
    parsed = as_uuid(message_id)
    found = None
    if parsed is not None:
        found = (
            Message.objects.filter(id=parsed, team_id__in=list(team_ids))
            .select_related("run", "run__version", "application", "conversation")
            .first()
        )
    if found is None:
        raise NotFound("There is no such message in your teams.")
    return found


def message_of_user(message_id: UUID | str, *, application: Application, source: str, end_user: str) -> Message:
    """An end user's own message. Raises NotFound for anybody else's."""
    parsed = as_uuid(message_id)
    found = None
    if parsed is not None:
        found = (
            Message.objects.filter(
                id=parsed,
                application=application,
                conversation__source=source,
                conversation__end_user=end_user,
            )
            .select_related("conversation")
            .first()
        )
    if found is None:
        raise NotFound("Message does not exist.")
    return found


def message_of_visitor(message_id: UUID, visitor: str) -> Message | None:
    """A visitor's own message on a public chat page, or None."""
    return Message.objects.filter(
        id=message_id, conversation__source=Run.Source.PUBLIC, conversation__end_user=visitor
    ).first()


def recent_messages(team_ids: Iterable[UUID], *, application_id: UUID | None = None) -> QuerySet[Message]:
    """The teams' messages, newest first, with app and conversation."""
    found = Message.objects.filter(team_id__in=list(team_ids)).select_related("application", "conversation")
    if application_id is not None:
        found = found.filter(application_id=application_id)
    return found.order_by("-id")


def as_uuid(value: UUID | str) -> UUID | None:
    """The id a string spells, or None."""
    if isinstance(value, UUID):
        return value
    try:
        return UUID(str(value))
    except ValueError:
        return None


def turns_since(application_id: UUID, since: dt.datetime) -> int:
    """How many turns the app had since then."""
    return Message.objects.filter(application_id=application_id, created_at__gte=since).count()
