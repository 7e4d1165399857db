"""Thumbs of the playground and the public chat page."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_POST

from accounts.models import User
from accounts.selectors import may, teams_of
from apps.annotations import services
from apps.annotations.models import Feedback
from apps.annotations.selectors.review import Turn, open_turn, visitor_turn
from apps.workflows.selectors.visitors import visitor_id
from support.api import error_response
from support.errors import ConsoleError, InvalidInput, NotFound, TooLarge

MAX_BODY = 20_000


@require_POST
def give_feedback(request: HttpRequest, message_id: UUID) -> JsonResponse:
    """Take `{rating: like|dislike|null, reason, text}` from a visitor about their own message or from a member."""
    try:
        body = _body(request)
        turn, person = _turn_and_person(request, message_id)
        if body.get("rating") is None:
            services.withdraw_feedback(turn, **person)
            return JsonResponse({"result": "success", "rating": None})
        words: dict[str, Any] = {name: str(body.get(name) or "") for name in ("rating", "reason", "text")}
        given = services.record_feedback(turn, **words, **person)
    except ConsoleError as exc:
        return error_response(exc)
    return JsonResponse({"result": "success", "rating": given.rating})


def _body(request: HttpRequest) -> dict[str, Any]:
    if len(request.body) > MAX_BODY:
        raise TooLarge(f"The feedback is larger than {MAX_BODY:,} bytes.")
    try:
        body = orjson.loads(request.body)
    except orjson.JSONDecodeError as exc:
        raise InvalidInput("The body is not valid JSON.") from exc
    if not isinstance(body, dict):
        raise InvalidInput("The body must be a JSON object.")
    return body


def _turn_and_person(request: HttpRequest, message_id: UUID) -> tuple[Turn, dict[str, Any]]:
    """The message and who speaks: its visitor, or else a member of its team who may run the app. Raises NotFound."""
    visitor = visitor_id(request)
    turn = visitor_turn(message_id, visitor=visitor) if visitor else None
    if turn is not None:
        return turn, {"source": Feedback.Source.PUBLIC, "end_user": visitor}
    user = request.user
    if isinstance(user, User):
        turn = open_turn(message_id, team_ids=teams_of(user).values_list("id", flat=True))
        if may(user, "run", team_id=turn.team_id):
            return turn, {"source": Feedback.Source.CONSOLE, "user": user}
    raise NotFound("There is no such message.")
