"""Conversations and messages over the service API."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from apps.workflows.api.views import SOURCE, ServiceView, body_of, end_user_of, page_limit
from apps.workflows.engine.events import NodeNoted
from apps.workflows.engine.journal import storable
from apps.workflows.hooks import verdicts
from apps.workflows.models import Conversation, Message
from apps.workflows.selectors.events import thoughts_of
from apps.workflows.selectors.files import linked_files
from apps.workflows.selectors.messages import as_uuid, conversations_of, open_conversation
from apps.workflows.streaming.wire import thought_body
from support.errors import InvalidInput, NotFound


class Conversations(ServiceView):
    """GET /v1/conversations: the end user's conversations, the latest first."""

    scope = "conversations"

    def get(self, request: Request) -> Response:
        limit = page_limit(request)
        rows = conversations_of(self.application(), source=SOURCE, end_user=end_user_of(request))
        last = _known(rows, request.query_params.get("last_id"))
        if last is not None:
            rows = rows.filter(updated_at__lte=last.updated_at).exclude(id=last.id)
        found = list(rows[: limit + 1])
        return Response(_page(limit, found, conversation_body))


class ConversationDetail(ServiceView):
    """DELETE /v1/conversations/<id>: the end user does not want to see it again."""

    scope = "conversations"

    def delete(self, request: Request, conversation_id: str) -> Response:
        conversation = self.conversation(request, conversation_id)
        conversation.deleted_at = timezone.now()
        conversation.save(update_fields=["deleted_at"])
        return Response(status=204)

    def conversation(self, request: Request, conversation_id: str) -> Conversation:
        """The end user's own. Raises NotFound."""
        return open_conversation(
            conversation_id, application=self.application(), source=SOURCE, end_user=end_user_of(request)
        )


class ConversationName(ConversationDetail):
    """POST /v1/conversations/<id>/name."""

    def post(self, request: Request, conversation_id: str) -> Response:
        conversation = self.conversation(request, conversation_id)
        name = body_of(request).get("name", "")
        if body_of(request).get("auto_generate"):
            first = conversation.messages.order_by("id").values_list("query", flat=True).first()
            name = " ".join((first or "").split())
        if not isinstance(name, str) or not name.strip():
            raise InvalidInput("name must not be empty.", path="/name")
        conversation.name = storable(name).strip()[:80]
        conversation.save(update_fields=["name", "updated_at"])
        return Response(conversation_body(conversation))


class Messages(ServiceView):
    """GET /v1/messages: a page of a conversation, ending before `first_id`, in reading order."""

    scope = "conversations"

    def get(self, request: Request) -> Response:
        limit = page_limit(request)
        conversation = open_conversation(
            request.query_params.get("conversation_id", ""),
            application=self.application(),
            source=SOURCE,
            end_user=end_user_of(request),
        )
        rows = conversation.messages.order_by("-id")
        first = request.query_params.get("first_id")
        if first:
            first_id = as_uuid(first)
            if first_id is None:
                raise NotFound("First message does not exist.")
            rows = rows.filter(id__lt=first_id)
        found = list(rows[: limit + 1])
        given = verdicts([row.id for row in found], source=SOURCE, end_user=end_user_of(request))
        thoughts = thoughts_of([row.run_id for row in found])
        body = _page(
            limit,
            found,
            lambda row: message_body(row, verdict=given.get(row.id), thoughts=thoughts.get(row.run_id, ())),
        )
        body["data"].reverse()
        return Response(body)


def conversation_body(conversation: Conversation) -> dict[str, Any]:
    """A conversation in the wire's shape."""
    return {
        "id": str(conversation.id),
        "name": conversation.name,
        "inputs": conversation.inputs,
        "status": "normal",
        "introduction": "",
        "created_at": int(conversation.created_at.timestamp()),
        "updated_at": int(conversation.updated_at.timestamp()),
    }


def message_body(message: Message, *, verdict: str | None, thoughts: Sequence[NodeNoted] = ()) -> dict[str, Any]:
    """A message in the wire's shape."""
    return {
        "id": str(message.id),
        "conversation_id": str(message.conversation_id),
        "parent_message_id": None,
        "inputs": message.inputs,
        "query": message.query,
        "answer": message.answer,
        "status": message.status,
        "error": message.error["message"] if message.error else None,
        "message_files": [
            {**file, "belongs_to": "user", "upload_file_id": file["id"]}
            for file in linked_files(message.inputs.get("sys.files"))
        ],
        "feedback": {"rating": verdict} if verdict else None,
        "retriever_resources": message.metadata.get("retriever_resources", []),
        "annotation_reply": message.metadata.get("annotation_reply"),
        "agent_thoughts": [
            {**thought, "chain_id": None, "message_id": str(message.id), "files": thought.pop("message_files")}
            for thought in told_once(thought_body(message.run_id, event) for event in thoughts)
        ],
        "created_at": int(message.created_at.timestamp()),
        "extra_contents": [],
        "message_tokens": message.input_tokens,
        "answer_tokens": message.output_tokens,
        "total_tokens": message.input_tokens + message.output_tokens,
        "provider_response_latency": message.latency or 0,
        **_price(message),
    }


def _price(message: Message) -> dict[str, str]:
    told = message.metadata.get("usage") or {}
    return {"total_price": told.get("total_price", "0"), "currency": told.get("currency", "USD")}


def _known(rows: QuerySet[Conversation], last_id: str | None) -> Conversation | None:
    if not last_id:
        return None
    parsed = as_uuid(last_id)
    found = rows.filter(id=parsed).first() if parsed else None
    if found is None:
        raise NotFound("Last conversation does not exist.")
    return found


def _page(limit: int, found: list[Any], body: Any) -> dict[str, Any]:
    return {"limit": limit, "has_more": len(found) > limit, "data": [body(row) for row in found[:limit]]}


def told_once(thoughts: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The steps of an agent as they ended: one that was told again, with what came of it, takes its own place."""
    return list({thought["id"]: thought for thought in thoughts}.values())
