"""The answers of a queue as a file. Who decides gets everybody's; in a blind queue others get their own."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from accounts.selectors import may
from apps.annotations.admin.pages.workbench import opened
from apps.annotations.services.exporting_scores import scores_file
from support.errors import InvalidInput


@require_safe
def download(request: HttpRequest, queue_id: UUID, format: str) -> HttpResponseBase:
    """Every answer with what was judged, in CSV or JSON lines."""
    queue = opened(request, queue_id)
    user: Any = request.user
    sees_all = not queue.is_blind or may(user, "edit", team_id=queue.team_id)
    try:
        return scores_file(queue, format=format, only=None if sees_all else user.id)
    except InvalidInput as exc:
        raise Http404(str(exc)) from exc
