"""Triggers: what begins runs by itself. They are switched on the pages of their apps; here they are looked at."""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from apps.workflows.admin.columns import link
from apps.workflows.models import Trigger
from support.admin import ReadOnlyModelAdmin


@admin.register(Trigger)
class TriggerAdmin(ReadOnlyModelAdmin):
    """All triggers of all apps, with when they fired last and will next."""

    list_display = (
        *("__str__", "kind", "application", "team", "is_enabled", "is_published"),
        *("next_at", "last_at", "fired", "refused", "missed", "open_page"),
    )
    list_filter = ("kind", "is_enabled", "is_published", "team")
    list_select_related = ("application", "team")
    search_fields = ("node_id", "title", "application__name")
    fields = (
        *("team", "application", "node_id", "title", "kind", "is_enabled", "is_published"),
        *(
            "next_at",
            "last_at",
            "last_error",
            "fired",
            "refused",
            "missed",
            "secret_set_at",
            "created_at",
            "updated_at",
        ),
    )
    readonly_fields = fields

    @admin.display(description=_("page"))
    def open_page(self, trigger: Trigger) -> SafeString | str:
        return link(_("Open"), "workflows:triggers", trigger.application.slug)
