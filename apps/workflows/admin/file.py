"""Files of runs: looked at, never changed."""

from __future__ import annotations

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.workflows.models import File
from apps.workflows.selectors.files import link_to
from support.admin import ReadOnlyModelAdmin


@admin.register(File)
class FileAdmin(ReadOnlyModelAdmin):
    """What was uploaded for runs and what runs have made."""

    list_display = ("name", "mime_type", "size", "origin", "application", "end_user", "created_at")
    list_filter = ("team", "origin")
    list_select_related = ("application",)
    search_fields = ("name", "end_user", "sha256")
    fields = (
        *("name", "open_link", "mime_type", "size", "sha256", "origin"),
        *("team", "application", "run", "source", "end_user", "created_at"),
    )
    readonly_fields = fields

    @admin.display(description=gettext_lazy("content"))
    def open_link(self, file: File) -> SafeString:
        return format_html('<a href="{}" rel="noopener">{}</a>', link_to(file.id), _("Open"))
