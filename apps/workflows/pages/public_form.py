"""The page that a link in a letter leads to: one question of a run, for people who need no account."""

from __future__ import annotations

from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from apps.workflows import services
from apps.workflows.models import Run, Wait
from apps.workflows.pages.question_form import QuestionForm, question_form
from apps.workflows.selectors.waits import FormClosed, FormExpired, open_wait, wait_of
from apps.workflows.services.deliver import addressee
from support.errors import ConsoleError, NotFound

#: What somebody whom nobody knows may upload at once.
PUBLIC_BYTES: Final = 15 * 1024 * 1024


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def form_page(request: HttpRequest, token: str) -> HttpResponse:
    """The question, or why it is not open any more."""
    try:
        wait = open_wait(token)
    except NotFound as exc:
        raise Http404(exc.message) from exc
    except FormClosed as exc:
        return _closed(request, wait_of(token), exc)
    form = question_form(request, wait)
    error = ""
    if request.method == "POST" and form.is_valid():
        try:
            return _answered(request, wait, form)
        except services.AlreadyAnswered:
            return _closed(request, wait_of(token), None)
        except ConsoleError as exc:
            error = exc.message
    status = 422 if request.method == "POST" else 200
    return _page(request, wait, {"state": "open", "form": form, "error": error}, status=status)


def _answered(request: HttpRequest, wait: Wait, form: QuestionForm) -> HttpResponse:
    action = request.POST.get("action")
    form.send(wait, action=action, by=_who(request, wait), most_bytes=PUBLIC_BYTES)
    chosen = next((item["title"] for item in wait.asks.get("actions", []) if item["id"] == action), "")
    return _page(request, wait, {"state": "done", "chosen": chosen})


def _who(request: HttpRequest, wait: Wait) -> str:
    """Whom the link was made for, where it says so; the letters of this question, not of another."""
    address = addressee(request.GET.get("for", ""))
    known = {one for each in wait.asks.get("letters", ()) for one in each.get("to", ())}
    if address in known:
        return address
    return request.user.get_username() if request.user.is_authenticated else _("somebody with the link")


def _closed(request: HttpRequest, wait: Wait | None, why: FormClosed | None) -> HttpResponse:
    if wait is None:
        raise Http404
    stopped = wait.run.status in (Run.Status.STOPPED, Run.Status.FAILED) and wait.answered_at is None
    state = "expired" if isinstance(why, FormExpired) else "stopped" if stopped else "answered"
    return _page(request, wait, {"state": state, "answered_at": wait.answered_at}, status=410)


def _page(request: HttpRequest, wait: Wait, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    run = wait.run
    response = render(
        request,
        "workflows/form.html",
        {
            "application": run.application,
            "team_name": run.team.name,
            "question": wait.asks.get("form", ""),
            "actions": wait.asks.get("actions", []),
            "until": wait.until,
            **context,
        },
        status=status,
    )
    # The address is the key: other sites never learn it (`no-referrer` would let browsers post without an origin).
    response["Referrer-Policy"] = "same-origin"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response
