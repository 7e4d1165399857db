"""The page of a conversation: turn by turn what was said, what it was made of, took and was thought of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.traces.admin.pages.access import check, first_address, teams_seen
from apps.traces.admin.pages.conversation_files import FORMATS, attached
from apps.traces.admin.pages.conversation_reading import Dialogue, OwnDialogue, SessionDialogue
from apps.traces.admin.row_actions import offered
from apps.traces.selectors.traces import as_uuid
from apps.workflows.selectors.dialogue import open_talk
from support.admin import ReadOnlyModelAdmin
from support.errors import NotFound

PER_PAGE = 25


def conversation_page(admin: ReadOnlyModelAdmin, request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """A conversation of ours."""
    check(admin, request)
    try:
        talk = open_talk(conversation_id, team_ids=teams_seen(admin, request))
    except NotFound as exc:
        raise Http404(exc.message) from exc
    context = {
        "title": talk.name or _("Conversation"),
        "talk": talk,
        "row_actions": offered(request, team_ids=[talk.team_id]),
        "app_url": first_address(("workflows:app",), [talk.application_slug]),
        "crumbs": [(_("Conversations"), reverse("admin:workflows_conversation_changelist"))],
    }
    address = reverse("admin:traces_conversation", args=[talk.id])
    return _answer(request, OwnDialogue(talk), context, address=address, query={}, name=str(talk.id))


def session_page(admin: ReadOnlyModelAdmin, request: HttpRequest, team_id: UUID) -> HttpResponse:
    """A session that a program elsewhere told of, by the name it gave."""
    check(admin, request)
    session = request.GET.get("session", "")[:200]
    dialogue = SessionDialogue(team_id, session)
    teams = teams_seen(admin, request)
    if not session or (teams is not None and team_id not in teams) or not dialogue.size():
        raise Http404
    context = {
        "title": _("Session %s") % session,
        "session": session,
        "row_actions": offered(request, team_ids=[team_id]),
        "crumbs": [(_("Traces"), reverse("admin:traces_trace_changelist"))],
    }
    address = reverse("admin:traces_session", args=[team_id])
    return _answer(request, dialogue, context, address=address, query={"session": session}, name="session")


def _answer(
    request: HttpRequest, dialogue: Dialogue, context: dict[str, Any], *, address: str, query: dict[str, str], name: str
) -> HttpResponse:
    """The page, the file that was asked for, or the way to the turn that was looked for."""

    def link(**more: object) -> str:
        asked = urlencode({**query, **more})
        return f"{address}?{asked}" if asked else address

    asked_format = request.GET.get("download", "")
    if asked_format in FORMATS:
        return attached(dialogue.whole(), kind=asked_format, name=name, title=context["title"])
    wanted = _wanted(request, dialogue)
    if wanted is not None:
        return redirect(f"{link(page=dialogue.before(wanted) // PER_PAGE + 1)}#turn-{wanted}")
    return TemplateResponse(
        request, "admin/traces/conversation/page.html", {**context, **_page(request, dialogue, link)}
    )


def _wanted(request: HttpRequest, dialogue: Dialogue) -> UUID | None:
    """The turn that the address asks for: by its id, or the next one that failed or was not found helpful."""
    after = as_uuid(request.GET.get("after", ""))
    match request.GET.get("find", ""):
        case "error":
            return dialogue.errors_after(after)
        case "dislike":
            disliked = dialogue.disliked()
            return next((each for each in disliked if after is None or each > after), disliked[0] if disliked else None)
        case _:
            return as_uuid(request.GET.get("at", ""))


def _page(request: HttpRequest, dialogue: Dialogue, link: Callable[..., str]) -> dict[str, Any]:
    size = dialogue.size()
    pages = max(1, -(-size // PER_PAGE))
    asked = request.GET.get("page", "")
    page = min(pages, max(1, int(asked))) if asked.isdecimal() and len(asked) < 9 else 1
    turns = dialogue.portion(skip=(page - 1) * PER_PAGE, limit=PER_PAGE)
    return {
        "turns": turns,
        "size": size,
        "sums": dialogue.sums(),
        "disliked": len(dialogue.disliked()),
        "page": page,
        "pages": pages,
        "first_number": turns[0].number if turns else 0,
        "last_number": turns[-1].number if turns else 0,
        "earlier": link(page=page - 1) if page > 1 else "",
        "later": link(page=page + 1) if page < pages else "",
        "first": link(page=1) if page > 1 else "",
        "latest": link(page=pages) if page < pages else "",
        "next_error": link(find="error"),
        "next_dislike": link(find="dislike"),
        "downloads": [(link(download=kind), label) for kind, label in FORMATS.items()],
        "key_words": _key_words(),
    }


def _key_words() -> dict[str, str]:
    """The words of the key sheet."""
    return {
        "down": _("Next turn"),
        "up": _("Previous turn"),
        "error": _("Next error"),
        "dislike": _("Next answer that was not helpful"),
        "trace": _("Open the trace of the turn"),
        "review": _("Review the answer"),
        "fold": _("Show or hide what the turn is made of"),
        "later": _("Later turns"),
        "earlier": _("Earlier turns"),
    }
