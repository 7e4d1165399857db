"""Replying, on a run's page, to the questions that the run asks people."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.workflows.models import Application, Run, Wait
from apps.workflows.pages.access import member_page
from apps.workflows.pages.question_form import QuestionForm, faults, prefix_of, question_form
from apps.workflows.selectors.waits import open_waits_of
from support.errors import ConsoleError, InvalidInput


def open_questions(run: Run) -> list[dict[str, Any]]:
    """What a run waits for, as its page shows it: each field with the value it begins with."""
    if run.is_finished:
        return []
    return [_question(wait, QuestionForm(wait, prefix=prefix_of(wait))) for wait in open_waits_of(run)]


def _question(wait: Wait, form: QuestionForm) -> dict[str, Any]:
    asks = wait.asks
    return {
        "id": wait.id,
        "node_id": wait.node_id,
        "text": asks.get("form", ""),
        "form": form,
        "actions": asks.get("actions", []),
        "until": wait.until,
        "delivery": wait.delivery,
        "delivery_error": wait.delivery_error,
        "letters": [address for each in asks.get("letters", ()) for address in each.get("to", ())],
    }


@require_POST
@member_page("run")
def reply(request: HttpRequest, application: Application, run_id: str, wait_id: UUID) -> HttpResponse:
    """Take the reply in; the run goes on with it in the background."""
    waits = Wait.objects.select_related("run__application")
    wait = waits.filter(id=wait_id, run_id=run_id, run__application=application).first()
    if wait is None:
        raise Http404("There is no such question.")
    form = question_form(request, wait)
    try:
        if not form.is_valid():
            raise InvalidInput(faults(form))
        form.send(wait, action=request.POST.get("action"), by=request.user.get_username())
    except ConsoleError as exc:
        messages.error(request, exc.message)
    else:
        messages.success(request, _("Your reply has arrived. The run goes on."))
    return redirect("workflows:run", slug=application.slug, run_id=run_id)
