"""One app: overview, document, settings."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.workflows import services
from apps.workflows.dsl import Problem, UnreadableDocument, dump, in_words, read
from apps.workflows.models import Application
from apps.workflows.pages.access import member_page, rights
from apps.workflows.pages.drawing import draw
from apps.workflows.pages.sources import sources_of
from apps.workflows.selectors.applications import run_counts
from apps.workflows.selectors.environment import has_environment
from support.errors import ConsoleError

MAX_DOCUMENT_CHARS = 1_000_000
MAX_NAME_CHARS = 120


def app_context(request: HttpRequest, application: Application, tab: str) -> dict[str, Any]:
    """What the head and the tabs of every page of an app need."""
    draft, live = application.draft, application.live
    return {
        "application": application,
        "tab": tab,
        "has_changes": draft is not None and (live is None or draft.id != live.id),
        "has_environment": tab == "environment" or has_environment(application),
        "crumbs": [],
        **rights(request, application),
    }


def curl_example(request: HttpRequest, application: Application) -> str:
    """A call of the API that works when pasted into a shell that knows `KEY`; empty where only triggers begin runs."""
    is_chat = application.kind == Application.Kind.CHAT
    version = application.live or application.draft
    if version is not None and not any(node["type"] == "start" for node in version.document["nodes"]):
        return ""
    declared = version.document.get("inputs", []) if version else []
    body: dict[str, Any] = {"query": _("How do I start?")} if is_chat else {}
    body["inputs"] = {one["name"]: _example_value(one) for one in declared if not is_chat or one.get("required")}
    body |= {"response_mode": "streaming", "user": "ada"}
    address = request.build_absolute_uri("/v1/chat-messages" if is_chat else "/v1/workflows/run")
    quoted = json.dumps(body, ensure_ascii=False).replace("'", "'\\''")
    return (
        f"curl -N {address} \\\n"
        '  -H "Authorization: Bearer $KEY" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        f"  -d '{quoted}'"
    )


def _example_value(declared: dict[str, Any]) -> Any:
    if "default" in declared:
        return declared["default"]
    if declared["type"] == "select":
        return declared["options"][0]
    return {"number": 1, "boolean": True, "json": {}, "files": []}.get(declared["type"], "…")


@member_page()
def overview(request: HttpRequest, application: Application) -> HttpResponse:
    """What the app does, drawn, and how to reach it."""
    shown = application.live or application.draft
    base = request.build_absolute_uri("/").rstrip("/")
    return render(
        request,
        "workflows/app_overview.html",
        {
            **app_context(request, application, "overview"),
            "drawing": draw(shown.document) if shown else None,
            "sources": list(sources_of(shown.document).values()) if shown else [],
            "counts": run_counts(application),
            "chat_url": f"{base}/chat/{application.slug}/",
            "curl": curl_example(request, application),
        },
    )


@member_page()
def document(request: HttpRequest, application: Application) -> HttpResponse:
    """The draft as YAML: read, check, save."""
    text = dump(application.draft.document) if application.draft else ""
    problems: list[Problem] = []
    if request.method == "POST":
        text = request.POST.get("document", "").replace("\r\n", "\n")
        if not rights(request, application)["may_edit"]:
            return HttpResponse(status=403)
        try:
            if len(text) > MAX_DOCUMENT_CHARS:
                messages.error(request, _("The document is larger than 1,000,000 characters. Nothing was saved."))
            else:
                return _save(request, application, text)
        except (services.InvalidDocument, UnreadableDocument) as exc:
            problems = list(exc.problems)
    return render(
        request,
        "workflows/app_document.html",
        {
            **app_context(request, application, "document"),
            "text": text,
            "problems": problems,
            "note": request.POST.get("note", ""),
        },
        status=422 if problems else 200,
    )


def _save(request: HttpRequest, application: Application, text: str) -> HttpResponse:
    found = read(text)
    saved = services.save_version(
        application=application,
        document=found.document,
        by=request.user,  # type: ignore[arg-type]
        note=request.POST.get("note", "")[:500],
    )
    warnings = (*found.warnings, *saved.warnings)
    if saved.is_new or warnings:
        notes = [in_words(warning, document=saved.version.document, file=text) for warning in warnings]
        services.keep_notes(saved.version, notes)
    number = {"number": saved.version.number}
    if not saved.is_new:
        messages.info(request, _("Nothing changed since version %(number)d.") % number)
    else:
        messages.success(request, _("Saved as version %(number)d. Publish it when it is ready.") % number)
    return redirect("workflows:document", application.slug)


@require_POST
@member_page("edit")
def dismiss_notes(request: HttpRequest, application: Application) -> HttpResponse:
    """Somebody has read the notes of the draft."""
    if application.draft is not None:
        services.dismiss_notes(application.draft)
    return redirect("workflows:document", application.slug)


@member_page("edit")
def app_settings(request: HttpRequest, application: Application) -> HttpResponse:
    """The name, the public chat page, and the end of the app."""
    if request.method == "POST":
        if request.POST.get("action") == "delete":
            return _delete(request, application)
        if request.POST.get("action") == "rename":
            return _rename(request, application)
        services.set_public(application, is_public=request.POST.get("is_public") == "on")
        messages.success(request, _("Settings saved."))
        return redirect("workflows:settings", application.slug)
    return render(
        request,
        "workflows/app_settings.html",
        {
            **app_context(request, application, "settings"),
            "chat_url": request.build_absolute_uri(f"/chat/{application.slug}/"),
            "counts": run_counts(application),
        },
    )


def _rename(request: HttpRequest, application: Application) -> HttpResponse:
    name = " ".join(request.POST.get("name", "").replace("\x00", "").split())
    if not name or len(name) > MAX_NAME_CHARS:
        messages.error(request, _("A name has 1 to %(most)d characters.") % {"most": MAX_NAME_CHARS})
        return redirect("workflows:settings", application.slug)
    try:
        saved = services.rename_application(application, name=name, by=request.user)  # type: ignore[arg-type]
    except ConsoleError as exc:
        messages.error(request, exc.message)
    else:
        told = _("The app is called %(name)s now; version %(number)d says so, too.")
        messages.success(request, told % {"name": name, "number": saved.version.number})
    return redirect("workflows:settings", application.slug)


def _delete(request: HttpRequest, application: Application) -> HttpResponse:
    if not rights(request, application)["may_manage"]:
        return HttpResponse(status=403)
    if request.POST.get("confirm", "").strip() != application.slug:
        messages.error(request, _("Nothing was deleted: type the app's short name to confirm."))
        return redirect("workflows:settings", application.slug)
    services.delete_application(application)
    messages.success(request, _("%(name)s is deleted.") % {"name": application.name})
    return redirect("workflows:apps")
