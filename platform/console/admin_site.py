"""The admin site: Django's own, in the console's frame, with the size of each table on its first page."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.db import connections, router
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from accounts.sign_in import AdminSignInForm

#: Kept by the server's statistics: no table is counted for this.
TABLE_SIZES = "SELECT relname, n_live_tup FROM pg_stat_user_tables WHERE relname = ANY(%s)"


class ConsoleAdminSite(AdminSite):
    """Django's admin inside the frame of the console; the rail replaces its own sidebar."""

    site_header = "Skep"
    site_title = "Skep"
    index_title = _("All records")
    enable_nav_sidebar = False
    empty_value_display = "–"
    login_form = AdminSignInForm

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Every model this person may see, by app, with its approximate number of rows."""
        app_list = self.get_app_list(request)
        models = [model["model"] for app in app_list for model in app["models"]]
        sizes = table_sizes(models)
        for app in app_list:
            for model in app["models"]:
                model["rows"] = sizes.get(model["model"]._meta.db_table)
        return super().index(request, {**(extra_context or {}), "app_list": app_list})


def table_sizes(models: list[Any]) -> dict[str, int]:
    """Approximate rows by table name, one question for each database that is read from."""
    by_alias: dict[str, list[str]] = {}
    for model in models:
        by_alias.setdefault(router.db_for_read(model), []).append(model._meta.db_table)
    sizes: dict[str, int] = {}
    for alias, tables in by_alias.items():
        with connections[alias].cursor() as cursor:
            cursor.execute(TABLE_SIZES, [tables])
            sizes.update(cursor.fetchall())
    return sizes
