"""Talking to an app: the playground for its team, the public chat page for everybody."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import ensure_csrf_cookie

from apps.workflows.hooks import verdicts
from apps.workflows.models import Application, Message, Run, Version
from apps.workflows.pages.access import member_page
from apps.workflows.pages.app import app_context
from apps.workflows.selectors.applications import public_application
from apps.workflows.selectors.concealing import secrets_of_run
from apps.workflows.selectors.messages import conversations_of, dialogue, open_conversation
from apps.workflows.selectors.runs import open_run
from apps.workflows.selectors.visitors import greet_visitor, visitor_id
from apps.workflows.streaming.wire import for_reader, for_visitors
from support.errors import NotFound

RECENT = 20
LATEST = "latest"
ANY_ID = "00000000-0000-0000-0000-000000000000"
#: What the feedback form offers; the keys are those of the annotations app.
FEEDBACK_REASONS = (
    ("wrong", _("Wrong")),
    ("incomplete", _("Incomplete")),
    ("outdated", _("Outdated")),
    ("unsafe", _("Unsafe")),
    ("tone", _("Tone")),
    ("other", _("Something else")),
)


@ensure_csrf_cookie
@member_page("run")
def playground(request: HttpRequest, application: Application) -> HttpResponse:
    """Try the draft, or the published version with `?version=live`; `?from=<run>` offers what that run was given."""
    wants_live = request.GET.get("version") == "live" and application.live is not None
    version = application.live if wants_live else application.draft or application.live
    context = {
        **app_context(request, application, "playground"),
        "version": version,
        "kind": version.kind if version is not None else application.kind,
        "is_live": wants_live,
        "only_triggers": version is not None and _begins_by_triggers_only(version.document),
        "feedback_reasons": FEEDBACK_REASONS,
        "chat": _chat_config(
            application,
            version,
            version_name="live" if wants_live else "draft",
            history_url=reverse("workflows:playground-history", args=[application.slug]),
            upload_url=reverse("workflows:playground-files", args=[application.slug]),
            public=False,
            reviews=request.user.is_staff,
        )
        | _prefill(application, request.GET.get("from", "")),
    }
    if context["kind"] == Application.Kind.CHAT:
        context["conversations"] = conversations_of(
            application, source=Run.Source.CONSOLE, end_user=request.user.get_username()
        )[:RECENT]
    return render(request, "workflows/playground.html", context)


def _prefill(application: Application, run_id: str) -> dict[str, Any]:
    """The question and the inputs of an earlier run of the app, without its secrets."""
    try:
        run = open_run(run_id, application=application)
    except NotFound:
        return {}
    secrets = secrets_of_run(run.id)
    return {"prefill": {"query": secrets.hide(run.query), "inputs": secrets.hide_in(run.inputs)}}


def _begins_by_triggers_only(document: dict[str, Any]) -> bool:
    return not any(node["type"] == "start" for node in document["nodes"])


@member_page("run")
def playground_history(request: HttpRequest, application: Application) -> HttpResponse:
    """The turns of one of the person's own conversations, as JSON."""
    return _history(request, application, source=Run.Source.CONSOLE, end_user=request.user.get_username())


@ensure_csrf_cookie
def chat_page(request: HttpRequest, slug: str) -> HttpResponse:
    """The public chat page of a published app."""
    application = _public_chat(slug)
    visitor = visitor_id(request)
    response = render(
        request,
        "workflows/chat.html",
        {
            "application": application,
            "version": application.live,
            "feedback_reasons": FEEDBACK_REASONS,
            "conversations": conversations_of(application, source=Run.Source.PUBLIC, end_user=visitor)[:RECENT]
            if visitor
            else [],
            "chat": _chat_config(
                application,
                application.live,
                version_name="live",
                history_url=reverse("chat-history", args=[slug]),
                upload_url=reverse("chat-files", args=[slug]),
                public=True,
            ),
        },
    )
    greet_visitor(request, response)
    return response


def chat_history(request: HttpRequest, slug: str) -> HttpResponse:
    """The turns of one of the visitor's own conversations, as JSON."""
    return _history(request, _public_chat(slug), source=Run.Source.PUBLIC, end_user=visitor_id(request))


def _public_chat(slug: str) -> Application:
    try:
        application = public_application(slug)
    except NotFound as exc:
        raise Http404(exc.message) from exc
    if application.kind != Application.Kind.CHAT:
        raise Http404
    return application


def _history(request: HttpRequest, application: Application, *, source: str, end_user: str) -> HttpResponse:
    wanted = request.GET.get("conversation", "")
    try:
        conversation = (
            conversations_of(application, source=source, end_user=end_user).first()
            if wanted == LATEST and end_user
            else open_conversation(wanted, application=application, source=source, end_user=end_user)
        )
        if conversation is None:
            raise NotFound("There is no conversation yet.")
    except NotFound as exc:
        return JsonResponse(exc.as_dict(), status=404)
    messages = dialogue(conversation.id)
    person = str(request.user.pk) if source == Run.Source.CONSOLE else end_user
    given = verdicts([message.id for message in messages], source=source, end_user=person)
    return JsonResponse(
        {
            "conversation_id": str(conversation.id),
            "inputs": conversation.inputs,
            "asked_at": messages[-1].created_at.isoformat() if messages else None,
            "turns": [
                _turn(message, verdict=given.get(message.id), public=source == Run.Source.PUBLIC)
                for message in messages
            ],
        }
    )


def _turn(message: Message, *, verdict: str | None, public: bool) -> dict[str, Any]:
    error = message.error or {"code": "", "message": ""}
    return {
        "message_id": str(message.id),
        "run_id": str(message.run_id),
        "query": message.query,
        "answer": message.answer,
        "status": message.status,
        "error": for_visitors(error["code"], error["message"]) if public and message.error else error["message"],
        "error_code": error["code"],
        "metadata": for_reader(message.metadata, public=public),
        "feedback": verdict,
    }


def _chat_config(
    application: Application,
    version: Version | None,
    *,
    version_name: str,
    history_url: str,
    upload_url: str,
    public: bool,
    reviews: bool = False,
) -> dict[str, Any]:
    """What the page's script needs to know; rendered as a JSON script element."""
    document = version.document if version else {}
    features = version.features if version else {}
    searches = any(node["type"] == "knowledge-retrieval" for node in document.get("nodes", []))
    return {
        "socket": f"/ws/apps/{application.slug}/" + ("?public=1" if public else ""),
        "kind": version.kind if version is not None else application.kind,
        "version": version_name,
        "name": application.name,
        "icon": application.icon,
        "opening": features.get("opening", ""),
        "suggested": features.get("suggested", []),
        "inputs": document.get("inputs", []),
        "history": history_url,
        "upload": upload_url,
        "cites": searches and features.get("citations", True),
        "detailed": not public,
        "passages": "" if public else _url("datasets:passage", ANY_ID),
        "feedback": _url("annotations:give-feedback", ANY_ID),
        "review": "" if not reviews else _url("admin:annotations_message_review", ANY_ID),
        "trace": "" if public else _url("workflows:run", application.slug, ANY_ID),
    }


def _url(name: str, *args: str) -> str:
    """An address whose id the script fills in; empty when nobody serves it."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""
