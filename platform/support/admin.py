"""Admin base classes: team scoping, and lists of things that are history."""

from __future__ import annotations

import functools
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.contrib.auth import get_permission_codename
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from support.once import TEAMS, once


class OwnRelatedFilter(admin.RelatedFieldListFilter):
    """A filter by relation that offers what belongs to the person's teams; Django's own names every team's rows."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        ordering = self.field_admin_ordering(field, request, model_admin)
        within = model_admin.own_rows_of(field.related_model, request)
        choices: list[tuple[str, Any]] = field.get_choices(
            include_blank=False, ordering=ordering, limit_choices_to=within
        )
        return choices


class ConsoleModelAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A ModelAdmin that shows a person the rows of those teams only in which their role lets them look.

    A role counts in its own team: who manages one team and only looks into another changes nothing there.
    `team_lookup` is the path from the row to its team's id. Superusers see everything.
    """

    team_lookup: ClassVar[str] = "team_id"
    list_per_page = 50
    show_full_result_count = False
    list_max_show_all = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return self._rows_for("view", request, super().get_queryset(request))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) and self._holds("view", request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self._holds("change", request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and self._holds("delete", request, obj)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Rows can only be given to teams in which one may add them."""
        user: Any = request.user
        if db_field.name == "team" and not user.is_superuser:
            kwargs["queryset"] = user.teams.filter(id__in=self._teams_for("add", request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Columns that nobody is shown cannot be guessed letter by letter in the address either."""
        field = lookup.partition("__")[0]
        filters: Any = self.list_filter
        shown = [each if isinstance(each, str) else each[0] for each in filters if isinstance(each, (str, tuple))]
        own_names = {getattr(each, "parameter_name", None) for each in filters if isinstance(each, type)}
        known = {"id", "pk", self.date_hierarchy, *(each.partition("__")[0] for each in shown), *own_names}
        return field in known and super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Filters by relation name only what one may see."""
        return [
            (each, OwnRelatedFilter) if isinstance(each, str) and self._is_relation(each) else each
            for each in super().get_list_filter(request) or ()
        ]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Actions reach only the rows of teams in which one may do what the action takes."""
        actions: dict[str, Any] = super().get_actions(request)
        return {
            name: (self._within_rights(action), key, description)
            for name, (action, key, description) in actions.items()
        }

    def own_rows_of(self, model: type[Model], request: HttpRequest) -> dict[str, Any]:
        """The condition that keeps rows of a related model to the teams whose rows are listed here."""
        user: Any = request.user
        if user.is_superuser:
            return {}
        related = self.admin_site._registry.get(model)
        if not isinstance(related, ConsoleModelAdmin):
            return {"pk__in": []}
        return {f"{related.team_lookup}__in": self._teams_for("view", request)}

    def _within_rights(self, action: Any) -> Any:
        takes = [name for name in getattr(action, "allowed_permissions", ()) if name in ("change", "delete")]

        @functools.wraps(action)
        def run(model_admin: Any, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
            for name in takes:
                queryset = self._rows_for(name, request, queryset)
            return action(model_admin, request, queryset)

        return run

    def _is_relation(self, name: str) -> bool:
        try:
            return bool(self.opts.get_field(name).is_relation)
        except FieldDoesNotExist:
            return False

    def _rows_for(self, right: str, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        user: Any = request.user
        if user.is_superuser:
            return rows
        return rows.filter(**{f"{self.team_lookup}__in": self._teams_for(right, request)})

    def _holds(self, right: str, request: HttpRequest, obj: Any) -> bool:
        """Whether the person has the right in the team of the row, where there is one."""
        user: Any = request.user
        if obj is None or user.is_superuser:
            return True
        team_id = functools.reduce(getattr, self.team_lookup.split("__"), obj)
        return team_id in self._teams_for(right, request)

    def _teams_for(self, right: str, request: HttpRequest) -> list[UUID]:
        """The teams in which the person's role allows this with rows of this kind."""
        user: Any = request.user
        permission = f"{self.opts.app_label}.{get_permission_codename(right, self.opts)}"
        teams = once(request, TEAMS, lambda: list(user.teams.all()))
        return [team.id for team in teams if user.has_perm(permission, team)]


class ReadOnlyModelAdmin(ConsoleModelAdmin):
    """A list and a form that only show: what happened is not edited."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
