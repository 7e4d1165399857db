"""Feedback and annotations over the service API."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiKey, User
from apps.annotations import selectors, services
from apps.annotations.models import Annotation, Feedback
from apps.workflows.api.views import SOURCE, ServiceView, end_user_of, number_of, page_limit
from apps.workflows.selectors.messages import message_of_user
from support.errors import InvalidInput

MAX_PAGE = 100_000


class MessageFeedback(ServiceView):
    """POST /v1/messages/<id>/feedbacks: what the end user thinks of an answer; `rating: null` takes it back."""

    scope = "feedback"

    def post(self, request: Request, message_id: UUID) -> Response:
        end_user = end_user_of(request)
        if not end_user:
            raise InvalidInput("user must not be empty.", path="/user")
        turn: Any = message_of_user(message_id, application=self.application(), source=SOURCE, end_user=end_user)
        rating = _body(request).get("rating")
        if rating is None:
            services.withdraw_feedback(turn, source=SOURCE, end_user=end_user)
        else:
            services.record_feedback(
                turn,
                rating=_text(rating, "rating"),
                source=SOURCE,
                end_user=end_user,
                reason=_text(_body(request).get("reason") or "", "reason"),
                text=_text(_body(request).get("content") or "", "content"),
            )
        return Response({"result": "success"})


class AppFeedbacks(ServiceView):
    """GET /v1/app/feedbacks: the app's current feedback, newest first."""

    scope = "feedback"

    def get(self, request: Request) -> Response:
        found = selectors.list_feedbacks(
            self.application().id, page=_page(request), limit=page_limit(request, most=101)
        )
        return Response({"data": [feedback_body(row) for row in found]})


class Annotations(ServiceView):
    """GET and POST /v1/apps/annotations."""

    scope = "annotations"

    def get(self, request: Request) -> Response:
        page, limit = _page(request), page_limit(request)
        found = selectors.list_annotations(
            self.application().id,
            keyword=request.query_params.get("keyword", "").replace("\x00", ""),
            page=page,
            limit=limit,
        )
        data = [annotation_body(row) for row in found.items]
        return Response({"data": data, "has_more": found.has_more, "limit": limit, "total": found.total, "page": page})

    def post(self, request: Request) -> Response:
        application = self.application()
        made = services.add_annotation(
            team_id=application.team_id,
            application_id=application.id,
            written_by=person_behind(request),
            **_question_and_answer(request),
        )
        return Response(annotation_body(made), status=201)


class AnnotationDetail(ServiceView):
    """PUT and DELETE /v1/apps/annotations/<id>."""

    scope = "annotations"

    def put(self, request: Request, annotation_id: UUID) -> Response:
        annotation = selectors.open_annotation(annotation_id, application_id=self.application().id)
        edited = services.edit_annotation(annotation, by=person_behind(request), **_question_and_answer(request))
        return Response(annotation_body(edited))

    def delete(self, request: Request, annotation_id: UUID) -> Response:
        services.delete_annotation(selectors.open_annotation(annotation_id, application_id=self.application().id))
        return Response(status=204)


def person_behind(request: Request) -> User | None:
    """Who made the key that a program shows: he does not approve what it writes."""
    key: ApiKey = request.auth  # type: ignore[assignment]
    return key.created_by


def annotation_body(annotation: Annotation) -> dict[str, Any]:
    """An annotation in the wire's shape."""
    return {
        "id": str(annotation.id),
        "question": annotation.question,
        "answer": annotation.answer,
        "hit_count": annotation.hit_count,
        "waits_for_approval": annotation.is_waiting,
        "created_at": int(annotation.created_at.timestamp()),
    }


def feedback_body(feedback: Feedback) -> dict[str, Any]:
    """A feedback in the wire's shape: it knows two kinds of people, end users and those who sign in."""
    return {
        "id": str(feedback.id),
        "app_id": str(feedback.application_id),
        "conversation_id": str(feedback.message.conversation_id),
        "message_id": str(feedback.message_id),
        "rating": feedback.rating,
        "content": feedback.text,
        "reason": feedback.reason or None,
        "from_source": "user" if feedback.user_id is None else "admin",
        "from_end_user_id": feedback.end_user or None,
        "from_account_id": str(feedback.user_id) if feedback.user_id else None,
        "created_at": feedback.created_at.isoformat(),
        "updated_at": feedback.created_at.isoformat(),
    }


def _question_and_answer(request: Request) -> dict[str, Any]:
    return {name: _text(_body(request).get(name, ""), name) for name in ("question", "answer")}


def _body(request: Request) -> dict[str, Any]:
    """The parser of these views lets only objects through."""
    body: dict[str, Any] = request.data  # type: ignore[assignment]
    return body


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"{name} must be a string.", path=f"/{name}")
    return value


def _page(request: Request) -> int:
    return number_of(request.query_params.get("page", "1"), name="page", most=MAX_PAGE)
