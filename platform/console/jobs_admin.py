"""Background jobs in the admin: what ran and how it ended. History, so nothing is edited."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django_celery_results.models import GroupResult, TaskResult


class JobAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Celery's results. They carry no team, so only superusers see them."""

    list_display = ("task_name", "status", "worker", "date_created", "date_done")
    list_filter = ("status",)
    search_fields = ("=task_id", "task_name")
    list_per_page = 50
    show_full_result_count = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def register(site: admin.AdminSite) -> None:
    """Take the place of the package's own, editable registration."""
    site.unregister([TaskResult, GroupResult])
    site.register(TaskResult, JobAdmin)
