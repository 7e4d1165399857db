"""Apps and their versions. They are edited on their pages; here they are found and looked at."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from apps.workflows.admin.columns import link
from apps.workflows.dsl import dump
from apps.workflows.models import Application, Version
from support.admin import ReadOnlyModelAdmin


@admin.register(Application)
class ApplicationAdmin(ReadOnlyModelAdmin):
    list_display = ("name", "team", "kind", "published", "is_public", "updated_at", "open_page")
    list_filter = ("kind", "is_public", "team")
    list_select_related = ("team", "live")
    search_fields = ("name", "slug")

    @admin.display(description=_("published version"))
    def published(self, application: Application) -> int | str:
        return application.live.number if application.live else "—"

    @admin.display(description=_("page"))
    def open_page(self, application: Application) -> SafeString | str:
        return link(_("Open"), "workflows:app", application.slug)


@admin.register(Version)
class VersionAdmin(ReadOnlyModelAdmin):
    team_lookup = "application__team_id"
    list_display = ("__str__", "note", "created_by", "created_at", "published_at")
    list_select_related = ("application", "created_by")
    fields = ("application", "number", "note", "created_by", "created_at", "published_at", "shown_document")
    readonly_fields = ("shown_document",)

    def get_model_perms(self, request: HttpRequest) -> dict[str, bool]:
        # Reached from its app; no entry of its own in the index.
        return {}

    @admin.display(description=_("document"))
    def shown_document(self, version: Version) -> SafeString:
        return format_html('<pre class="code">{}</pre>', dump(version.document))
