"""Imports from the web, and where datasets are asked that another program keeps."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from apps.datasets.admin.columns import status_pill
from apps.datasets.models import ExternalKnowledge, WebImport, WebPage
from support.admin import ReadOnlyModelAdmin


@admin.register(WebImport)
class WebImportAdmin(ReadOnlyModelAdmin):
    """What was imported, and what is going on now."""

    list_display = ("__str__", "dataset", "status", "round", "started_at", "finished_at")
    list_filter = ("state",)
    search_fields = ("sitemap", "dataset__name")
    list_select_related = ("dataset",)
    exclude = ("lease_owner",)

    @admin.display(description=_("state"), ordering="state")
    def status(self, web_import: WebImport) -> str:
        return status_pill(web_import.state)


@admin.register(WebPage)
class WebPageAdmin(ReadOnlyModelAdmin):
    """The pages of imports, each with its result."""

    list_display = ("url", "status", "web_import", "checked_at")
    list_filter = ("state",)
    search_fields = ("url",)
    list_select_related = ("web_import",)

    @admin.display(description=_("state"), ordering="state")
    def status(self, page: WebPage) -> str:
        return status_pill(page.state)


@admin.register(ExternalKnowledge)
class ExternalKnowledgeAdmin(ReadOnlyModelAdmin):
    """Where it is asked; the key is never shown, and changed on the dataset's page."""

    list_display = ("dataset", "endpoint", "knowledge_id", "secret_set_at")
    search_fields = ("endpoint", "dataset__name")
    list_select_related = ("dataset",)
    exclude = ("encrypted_secret",)
