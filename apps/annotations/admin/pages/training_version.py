"""The page of a version: how far it is, what is in it, and its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.selectors import may, teams_of
from apps.annotations.admin.access import belongs_somewhere, trace_url
from apps.annotations.admin.pages.training_set import noted, opened
from apps.annotations.models import TrainingExample, TrainingExport, TrainingVersion
from apps.annotations.selectors.training import files_of, is_busy, open_file, open_version, withdrawn_in
from apps.annotations.services.training_files import ask_for_file, path_of, stop_file
from apps.annotations.services.training_versions import stop_version
from apps.annotations.training.example import Example, from_dict
from support.errors import ConsoleError, NotFound

#: Examples on one page.
SHOWN = 20
_TYPES = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An example as the page shows it."""

    row: TrainingExample
    example: Example
    source: str
    trace_url: str | None


@require_safe
def version(request: HttpRequest, set_id: UUID, number: int) -> HttpResponse:
    """Everything about a version; asked for again, while something is being made, its moving part only."""
    training_set = opened(request, set_id)
    found = _version(training_set, number)
    files = files_of(found)
    after = request.GET.get("after", "")
    place = int(after) if after.isdecimal() and len(after) < 9 else 0
    context = {
        "title": _("Version %(n)s") % {"n": found.number},
        "training_set": training_set,
        "version": found,
        "left_out": in_words(found.left_out),
        "files": [(each, in_words(each.left_out)) for each in files],
        "busy": is_busy(found, files),
        "may_edit": may(request.user, "edit", team_id=training_set.team_id),
    }
    if request.headers.get("HX-Request"):
        part = TemplateResponse(request, "admin/annotations/training/progress.html", context)
        if request.GET.get("making") and found.is_over:
            # The page was loaded while nothing was in the version: its examples and the form for files are new.
            part["HX-Refresh"] = "true"
        return part
    rows = list(found.examples.filter(position__gt=place).order_by("position")[: SHOWN + 1])
    context |= {
        **admin.site.each_context(request),
        "withdrawn": withdrawn_in(found),
        "examples": [_shown(row) for row in rows[:SHOWN]],
        "newer": "?" if place else "",
        "older": f"?after={rows[SHOWN - 1].position}" if len(rows) > SHOWN else "",
        "formats": TrainingExport.Format.choices,
        "splits": TrainingExport.Split.choices,
    }
    return TemplateResponse(request, "admin/annotations/training/version.html", context)


@require_POST
def stop(request: HttpRequest, set_id: UUID, number: int) -> HttpResponse:
    """End a version that is being made."""
    user: Any = request.user
    training_set = opened(request, set_id, right="edit")
    stop_version(_version(training_set, number), by=user)
    return redirect("admin:annotations_training_version", set_id, number)


@require_POST
def ask(request: HttpRequest, set_id: UUID, number: int) -> HttpResponse:
    """Have a file made."""
    user: Any = request.user
    training_set = opened(request, set_id, right="edit")
    format, split = request.POST.get("format", ""), request.POST.get("split", "")
    try:
        export = ask_for_file(_version(training_set, number), format=format, split=split, by=user)
    except ConsoleError as exc:
        messages.error(request, str(exc))
    else:
        noted(request, training_set, _("Asked for the file %(name)s.") % {"name": export.file_name})
    return redirect("admin:annotations_training_version", set_id, number)


@require_safe
def download(request: HttpRequest, export_id: UUID) -> HttpResponseBase:
    """The file, to those who may have it made."""
    export = _file(request, export_id)
    if not export.is_ready or not path_of(export).exists():
        raise Http404
    noted(request, export.version.training_set, _("Downloaded the file %(name)s.") % {"name": export.file_name})
    return FileResponse(
        path_of(export).open("rb"),
        as_attachment=True,
        filename=export.file_name,
        content_type=_TYPES.get(export.format, "application/x-ndjson"),
    )


@require_POST
def stop_making(request: HttpRequest, export_id: UUID) -> HttpResponse:
    """End a file that is being made."""
    user: Any = request.user
    export = _file(request, export_id)
    stop_file(export, by=user)
    return redirect("admin:annotations_training_version", export.version.training_set_id, export.version.number)


def in_words(left_out: Mapping[str, int]) -> list[tuple[str, int]]:
    """Why examples were left out, and how many."""
    labels = {
        "duplicate": _("duplicates"),
        "erased": _("of people whose data was deleted on request"),
        "too_long": _("too long"),
        "empty": _("without a question or an answer"),
        "no_rejected": _("without an answer to avoid"),
        "same_answers": _("both answers are the same"),
        "tools": _("with calls of tools, which this format cannot hold"),
        "invalid": _("failed the check of the format"),
    }
    return [(labels.get(name, name), count) for name, count in sorted(left_out.items())]


def _version(training_set: Any, number: int) -> TrainingVersion:
    try:
        return open_version(training_set, number)
    except NotFound as exc:
        raise Http404(str(exc)) from exc


def _file(request: HttpRequest, export_id: UUID) -> TrainingExport:
    if not belongs_somewhere(request.user):
        raise PermissionDenied
    try:
        export = open_file(export_id, team_ids=teams_of(request.user).values_list("id", flat=True))
    except NotFound as exc:
        raise Http404(str(exc)) from exc
    if not may(request.user, "edit", team_id=export.team_id):
        raise PermissionDenied
    return export


def _shown(row: TrainingExample) -> Shown:
    names = {"corrections": _("Correction"), "liked": _("Liked answer"), "annotations": _("Annotation")}
    return Shown(
        row=row,
        example=from_dict(row.content),
        source=names.get(row.source, row.source),
        trace_url=trace_url(row.trace_id) if row.trace_id else None,
    )
