"""Replying, on a run's page, to the questions that the run asks people."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.workflows import services
from apps.workflows.models import Application, Run, Wait
from apps.workflows.pages.access import member_page
from apps.workflows.selectors.waits import open_waits_of
from support.errors import ConsoleError


def open_questions(run: Run) -> list[dict[str, Any]]:
    """What a run waits for, as its page shows it: each field with the value it begins with."""
    if run.is_finished:
        return []
    return [_question(wait) for wait in open_waits_of(run)]


def _question(wait: Wait) -> dict[str, Any]:
    asks = wait.asks
    defaults = asks.get("defaults", {})
    return {
        "id": wait.id,
        "node_id": wait.node_id,
        "form": asks.get("form", ""),
        "fields": [{**field, "value": defaults.get(field["name"], "")} for field in asks.get("fields", [])],
        "actions": asks.get("actions", []),
        "until": wait.until,
    }


@require_POST
@member_page("run")
def reply(request: HttpRequest, application: Application, run_id: str, wait_id: UUID) -> HttpResponse:
    """Take the reply in; the run goes on with it in the background."""
    wait = Wait.objects.filter(id=wait_id, run_id=run_id, run__application=application).first()
    if wait is None:
        raise Http404("There is no such question.")
    values = {field["name"]: _given(request, field) for field in wait.asks.get("fields", [])}
    try:
        filled = services.checked_reply(wait, action=request.POST.get("action"), values=values)
        services.reply_to(wait, filled, by=request.user.get_username())
    except ConsoleError as exc:
        messages.error(request, exc.message)
    else:
        messages.success(request, _("Your reply has arrived. The run goes on."))
    return redirect("workflows:run", slug=application.slug, run_id=run_id)


def _given(request: HttpRequest, field: dict[str, Any]) -> Any:
    if field["type"] == "boolean":
        return field["name"] in request.POST
    return request.POST.get(field["name"], "")
