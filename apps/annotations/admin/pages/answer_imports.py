"""Imports of answers in the admin: a file is brought, looked at, taken in, and taken out again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.selectors import current_team, may, teams_of
from apps.annotations.admin.access import belongs_somewhere
from apps.annotations.importing.verdicts import Verdict
from apps.annotations.models import AnswerImport
from apps.annotations.selectors.answer_imports import imports_of, kept_answers, open_import, waiting_of
from apps.annotations.selectors.reply import going_job
from apps.annotations.services.approving_import import approve_import
from apps.annotations.services.importing_answers import (
    MAX_BYTES,
    bring_answers,
    require_annotator,
    stop_import,
    take_in,
    undo_import,
)
from apps.workflows.selectors.applications import applications_of, open_application
from support.errors import ConsoleError, NotFound


@require_http_methods(["GET", "HEAD", "POST"])
def imports(request: HttpRequest) -> HttpResponse:
    """What was brought, newest first, and the form to bring more."""
    if not belongs_somewhere(request.user):
        raise PermissionDenied
    team = current_team(request)
    may_bring = may(request.user, "annotate", team_id=team.id)
    error = ""
    if request.method == "POST":
        if not may_bring:
            raise PermissionDenied
        try:
            return redirect("admin:annotations_answer_import", _brought(request).id)
        except ConsoleError as exc:
            error = str(exc)
    context = {
        **admin.site.each_context(request),
        "title": _("Import answers"),
        "imports": imports_of([team.id]),
        "may_bring": may_bring,
        # Those whose answers are given in a chat come first.
        "apps": sorted(applications_of(team.id), key=lambda app: app.kind != app.Kind.CHAT),
        "targets": AnswerImport.Target.choices,
        "chosen": {name: request.POST.get(name) or request.GET.get(name, "") for name in ("app", "target")},
        "error": error,
        "most_mb": MAX_BYTES // 1_000_000,
    }
    return TemplateResponse(request, "admin/annotations/imports/list.html", context, status=400 if error else 200)


@require_safe
def one(request: HttpRequest, import_id: UUID) -> HttpResponse:
    """What is in the file and what became of it; asked for again while it moves, the moving part only."""
    found = _opened(request, import_id, right="view")
    counts = found.found if found.stage == AnswerImport.Stage.CHECK else found.done
    job = going_job(found.application_id) if found.stage == AnswerImport.Stage.TAKE_IN and found.is_over else None
    context: dict[str, Any] = {
        "answer_import": found,
        "title": found.file_name,
        "counts": _in_words(counts, stage=found.stage),
        "changes": sum(counts.get(str(each), 0) for each in Verdict if each.changes),
        "clashes": found.found.get(str(Verdict.REPLACED), 0),
        "job": job,
        "may_bring": may(request.user, "annotate", team_id=found.team_id),
        "waiting": waiting_of(found).count() if found.may_undo else 0,
        "may_approve": request.user.pk != found.written_by_id,
    }
    if request.headers.get("HX-Request"):
        part = TemplateResponse(request, "admin/annotations/imports/progress.html", context)
        if found.is_over and job is None:
            part["HX-Refresh"] = "true"  # what can be done now stands elsewhere on the page
        return part
    context |= {
        **admin.site.each_context(request),
        "policies": AnswerImport.Duplicates.choices,
        "sample": [{**each, "word": _WORDS[each["verdict"]]()} for each in found.sample],
        "kept": [
            (reverse(f"admin:annotations_{_MODELS[found.target]}_change", args=[each.id]), each, _WHY[each.why]())
            for each in kept_answers(found)
        ],
        "more_faults": max(0, found.found.get(str(Verdict.FAULTY), 0) - len(found.faults)),
    }
    return TemplateResponse(request, "admin/annotations/imports/one.html", context)


@require_POST
def accept(request: HttpRequest, import_id: UUID) -> HttpResponse:
    """Take in what the check found."""
    found = _opened(request, import_id, right="annotate")
    return _after(request, found, lambda: take_in(found, duplicates=request.POST.get("duplicates", "")))


@require_POST
def approve(request: HttpRequest, import_id: UUID) -> HttpResponse:
    """Put to use what came in and waits for a second person."""
    user: Any = request.user
    found = _opened(request, import_id, right="annotate")
    return _after(request, found, lambda: approve_import(found, by=user))


@require_POST
def undo(request: HttpRequest, import_id: UUID) -> HttpResponse:
    """Take out what came in."""
    found = _opened(request, import_id, right="annotate")
    return _after(request, found, lambda: undo_import(found))


@require_POST
def stop(request: HttpRequest, import_id: UUID) -> HttpResponse:
    """End the stage that is going on."""
    found = _opened(request, import_id, right="annotate")
    return _after(request, found, lambda: stop_import(found))


def _brought(request: HttpRequest) -> AnswerImport:
    user: Any = request.user
    team_ids = teams_of(user).values_list("id", flat=True)
    application = open_application(request.POST.get("app", ""), team_ids=team_ids)
    require_annotator(user, application.team_id)
    upload = request.FILES.get("file")
    return bring_answers(
        upload.chunks() if upload else (),
        application=application,
        file_name=(upload.name or "") if upload else "",
        target=request.POST.get("target", ""),
        by=user,
    )


def _after(request: HttpRequest, found: AnswerImport, change: Any) -> HttpResponse:
    try:
        change()
    except ConsoleError as exc:
        messages.error(request, str(exc))
    return redirect("admin:annotations_answer_import", found.id)


def _opened(request: HttpRequest, import_id: UUID, *, right: str) -> AnswerImport:
    if not belongs_somewhere(request.user):
        raise PermissionDenied
    try:
        found = open_import(import_id, team_ids=teams_of(request.user).values_list("id", flat=True))
    except NotFound as exc:
        raise Http404(str(exc)) from exc
    if not may(request.user, right, team_id=found.team_id):
        raise PermissionDenied
    return found


_MODELS = {"annotations": "annotation", "examples": "fewshotexample"}
#: Why an answer stays when a file is taken out again.
_WHY = {
    "edited": lambda: _("Somebody changed its text: it stays as it is now."),
    "switched": lambda: _("Somebody switched it off or on: that stays; a text that the file had replaced is back."),
}
#: What is said of a row before it is taken in.
_WORDS = {
    "new": lambda: _("New"),
    "replaced": lambda: _("Has another answer now"),
    "added": lambda: _("Added beside another answer"),
    "kept": lambda: _("The answer that was there stayed"),
    "same": lambda: _("Is there already"),
    "corrected": lambda: _("Answered by an approved correction"),
    "repeated": lambda: _("Further up in the file already"),
    "faulty": lambda: _("Cannot be taken in"),
}


def _in_words(counts: dict[str, int], *, stage: str) -> list[tuple[str, int, str]]:
    """The figures of the page, those that change something first: words, how many, tone."""
    tones = {"new": "success", "added": "success", "replaced": "warning", "faulty": "error"}
    words = {**_WORDS}
    if stage != AnswerImport.Stage.CHECK:
        words["replaced"] = lambda: _("Put in the place of another answer")
    shown = {name: count for name, count in counts.items() if name in words}
    shown.setdefault("new", 0)
    return [(words[name](), shown[name], tones.get(name, "neutral")) for name in words if name in shown]
