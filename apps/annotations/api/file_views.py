"""Files of annotations over the service API: brought along, looked through, taken in, taken out, and fetched."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from django.http import StreamingHttpResponse
from django.utils.dateparse import parse_datetime
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.annotations.api.views import person_behind
from apps.annotations.models import Annotation, AnswerImport, FewShotExample
from apps.annotations.selectors.answer_imports import import_of_application
from apps.annotations.services.exporting_answers import ExportFilter, answers_file
from apps.annotations.services.importing_answers import bring_answers, stop_import, take_in, undo_import
from apps.workflows.api.views import ServiceView, body_of, number_of
from support.errors import InvalidInput


class AnnotationImports(ServiceView):
    """POST /v1/apps/annotations/imports: a file as the form field `file`. It is looked through and not taken in."""

    scope = "annotations"
    parser_classes = [MultiPartParser]

    def post(self, request: Request) -> Response:
        uploads = request.FILES.getlist("file")
        if len(uploads) != 1:
            raise InvalidInput("Send one file as the form field `file`.", path="/file")
        made = bring_answers(
            uploads[0].chunks(),
            application=self.application(),
            file_name=uploads[0].name or "",
            target=request.POST.get("target", AnswerImport.Target.ANNOTATIONS),
            duplicates=request.POST.get("duplicates", AnswerImport.Duplicates.SKIP),
            written_by=person_behind(request),
        )
        return Response(import_body(made), status=201)


class AnnotationImport(ServiceView):
    """GET /v1/apps/annotations/imports/<id>: how far it is, and what was found."""

    scope = "annotations"

    def get(self, request: Request, import_id: UUID) -> Response:
        return Response(import_body(import_of_application(import_id, application_id=self.application().id)))


class AnnotationImportStep(ServiceView):
    """POST /v1/apps/annotations/imports/<id>/<step>: `take-in`, `undo` or `stop`."""

    scope = "annotations"

    def post(self, request: Request, import_id: UUID, step: str) -> Response:
        found = import_of_application(import_id, application_id=self.application().id)
        if step == "take-in":
            duplicates = body_of(request).get("duplicates", "")
            if not isinstance(duplicates, str):
                raise InvalidInput("duplicates must be a string.", path="/duplicates")
            found = take_in(found, duplicates=duplicates)
        elif step == "undo":
            found = undo_import(found)
        else:
            stop_import(found)
            found.refresh_from_db()
        return Response(import_body(found))


class AnnotationExport(ServiceView):
    """GET /v1/apps/annotations/export: all that fit the filters, as CSV or JSONL."""

    scope = "annotations"

    def get(self, request: Request) -> StreamingHttpResponse:
        asked = request.query_params
        target = asked.get("target", AnswerImport.Target.ANNOTATIONS)
        if target not in AnswerImport.Target.values:
            raise InvalidInput("target must be one of: annotations, examples.", path="/target")
        kind: Any = FewShotExample if target == AnswerImport.Target.EXAMPLES else Annotation
        chosen = ExportFilter(
            keyword=asked.get("keyword", "").replace("\x00", ""),
            enabled=_flag(asked.get("enabled")),
            since=_time(asked.get("since"), "since"),
            until=_time(asked.get("until"), "until"),
            least_hits=number_of(asked["least_hits"], name="least_hits", most=10**9) if "least_hits" in asked else 0,
        )
        rows = chosen.of(kind.objects.filter(application_id=self.application().id))
        return answers_file(rows, format=asked.get("as", "csv"), name=target)


def import_body(found: AnswerImport) -> dict[str, Any]:
    """An import on the wire."""
    return {
        "id": str(found.id),
        "file_name": found.file_name,
        "target": found.target,
        "duplicates": found.duplicates,
        "stage": found.stage,
        "status": found.status,
        "position": found.position,
        "rows": found.rows,
        "found": found.found,
        "done": found.done,
        "left": found.left,
        "kept": found.kept,
        "errors": found.faults,
        "error": found.error,
        "created_at": int(found.created_at.timestamp()),
    }


def _flag(value: str | None) -> bool | None:
    if value is None:
        return None
    if value not in ("true", "false"):
        raise InvalidInput("enabled must be true or false.", path="/enabled")
    return value == "true"


def _time(value: str | None, name: str) -> dt.datetime | None:
    if value is None:
        return None
    try:
        found = parse_datetime(value)
    except ValueError:
        found = None
    if found is None:
        raise InvalidInput(f"{name} must be a time like 2026-05-01T00:00:00Z.", path=f"/{name}")
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)
