"""Exports: whose they are, how far they are, and the file."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.traces.admin.export_words import told
from apps.traces.models.export import TraceExport
from apps.traces.services.exports import ask_again, file_of, stop_export
from support.admin import ReadOnlyModelAdmin
from support.errors import Conflict

_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
MOST_SHOWN = 100


@admin.register(TraceExport)
class TraceExportAdmin(ReadOnlyModelAdmin):
    """A person sees their own exports; who may manage a team, those of the team."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        user: Any = request.user
        rows = super().get_queryset(request)
        if user.is_superuser:
            return rows
        return rows.filter(user_id=user.id) | rows.filter(team_id__in=self._teams_for("change", request))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The newest exports."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        jobs = list(self.get_queryset(request)[:MOST_SHOWN])
        context = {
            "page_title": _("Exports"),
            "page_purpose": _("Files of traces, spans and thoughts. Each is kept for seven days."),
            "crumbs": [(_("Traces"), reverse("admin:traces_trace_changelist"))],
            "jobs": [told(job) for job in jobs],
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/traces/export/list.html", context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """One export: its progress, which the page asks for again, and its file."""
        told_job = told(self._job(request, object_id))
        context = {
            "page_title": told_job.title,
            "page_purpose": _("The file is written in the background; this page may be closed."),
            "crumbs": [
                (_("Traces"), reverse("admin:traces_trace_changelist")),
                (_("Exports"), reverse("admin:traces_traceexport_changelist")),
            ],
            "told": told_job,
        }
        part = "progress" if request.headers.get("HX-Request") else "page"
        return TemplateResponse(request, f"admin/traces/export/{part}.html", context)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path("<uuid:job_id>/download/", wrap(self.download), name="traces_traceexport_download"),
            path("<uuid:job_id>/stop/", wrap(require_POST(self.stop)), name="traces_traceexport_stop"),
            path("<uuid:job_id>/again/", wrap(require_POST(self.again)), name="traces_traceexport_again"),
        ]
        return [*own, *super().get_urls()]

    def download(self, request: HttpRequest, job_id: UUID) -> HttpResponseBase:
        """The file, to those who may still see all the teams it is of."""
        job = self._job(request, job_id)
        user: Any = request.user
        seen = {str(each) for each in self._teams_for("view", request)}
        if not user.is_superuser and (job.team_ids is None or not seen.issuperset(job.team_ids)):
            raise PermissionDenied
        if job.status != TraceExport.Status.DONE or not job.path or not file_of(job).exists():
            raise Http404
        return FileResponse(
            file_of(job).open("rb"), as_attachment=True, filename=job.file_name, content_type=_TYPES[job.format]
        )

    def stop(self, request: HttpRequest, job_id: UUID) -> HttpResponse:
        """End it and drop what was written."""
        stop_export(self._own(request, job_id))
        return redirect("admin:traces_traceexport_change", job_id)

    def again(self, request: HttpRequest, job_id: UUID) -> HttpResponse:
        """Ask for the same rows once more."""
        try:
            job = ask_again(self._own(request, job_id))
        except Conflict as exc:
            self.message_user(request, exc.message, "error")
            return redirect("admin:traces_traceexport_change", job_id)
        return redirect("admin:traces_traceexport_change", job.id)

    def _job(self, request: HttpRequest, job_id: UUID | str) -> TraceExport:
        if not self.has_view_permission(request):
            raise PermissionDenied
        job: TraceExport | None = self.get_object(request, str(job_id))
        if job is None:
            raise Http404
        return job

    def _own(self, request: HttpRequest, job_id: UUID) -> TraceExport:
        """An export that the person asked for, or of a team that they manage."""
        job = self._job(request, job_id)
        user: Any = request.user
        if not user.is_superuser and job.user_id != user.id and not self._holds("change", request, job):
            raise PermissionDenied
        return job
