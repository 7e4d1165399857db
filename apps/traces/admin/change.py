"""Changes of many traces at once: who asked for which, and how far they are."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from apps.traces.admin.asked_in_words import filters_in_words, range_of
from apps.traces.models import TraceChange
from apps.traces.services.changes import stop_change
from support.admin import ReadOnlyModelAdmin


@admin.register(TraceChange)
class TraceChangeAdmin(ReadOnlyModelAdmin):
    """Everybody who sees the team's traces sees what was changed in them."""

    purpose = gettext_lazy("Tags given or taken, and traces deleted, in many traces at once.")
    empty_text = gettext_lazy("Pick traces in their list, or all that fit its filters, and tag or delete them there.")
    list_display = ("__str__", "status", "rows_done", "user_name", "created_at")
    list_filter = ("status", "action")
    ordering = ("-created_at", "-id")

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """One change and its progress, which the page asks for again."""
        job = self._job(request, object_id)
        context = {
            "page_title": str(job),
            "page_purpose": _("The change is made in the background; this page may be closed."),
            "crumbs": [(_("Traces"), reverse("admin:traces_trace_changelist"))],
            "job": job,
            "filters": filters_in_words(job.question),
            "during": range_of(job.question),
            "is_own": self._is_own(request, job),
        }
        part = "progress" if request.headers.get("HX-Request") else "page"
        return TemplateResponse(request, f"admin/traces/change/{part}.html", context)

    def get_urls(self) -> list[URLPattern]:
        stop = self.admin_site.admin_view(require_POST(self.stop))
        return [path("<uuid:job_id>/stop/", stop, name="traces_tracechange_stop"), *super().get_urls()]

    def stop(self, request: HttpRequest, job_id: UUID) -> HttpResponse:
        """End it where it is."""
        job = self._job(request, str(job_id))
        if not self._is_own(request, job):
            raise PermissionDenied
        stop_change(job)
        return redirect("admin:traces_tracechange_change", job_id)

    def _job(self, request: HttpRequest, job_id: str) -> TraceChange:
        if not self.has_view_permission(request):
            raise PermissionDenied
        job: TraceChange | None = self.get_object(request, job_id)
        if job is None:
            raise Http404
        return job

    def _is_own(self, request: HttpRequest, job: TraceChange) -> bool:
        user: Any = request.user
        return bool(user.is_superuser or job.user_id == user.id or self._holds("change", request, job))
