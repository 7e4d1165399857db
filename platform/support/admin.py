"""Admin base classes: team scoping, and lists of things that are history."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest


class ConsoleModelAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A ModelAdmin that shows a person the rows of their own teams only.

    `team_lookup` is the path from the row to its team's id. Superusers see everything.
    """

    team_lookup: ClassVar[str] = "team_id"
    list_per_page = 50
    show_full_result_count = False
    list_max_show_all = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        queryset = super().get_queryset(request)
        user: Any = request.user
        if user.is_superuser:
            return queryset
        return queryset.filter(**{f"{self.team_lookup}__in": list(user.teams.values_list("id", flat=True))})

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Rows can only be given to teams one belongs to."""
        user: Any = request.user
        if db_field.name == "team" and not user.is_superuser:
            kwargs["queryset"] = user.teams.all()
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class ReadOnlyModelAdmin(ConsoleModelAdmin):
    """A list and a form that only show: what happened is not edited."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
