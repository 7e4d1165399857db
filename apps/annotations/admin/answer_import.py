"""The place of imports in the admin: a list with the form to bring a file, and a page for each."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.urls import URLPattern, path

from apps.annotations.admin.access import AnnotatorModelAdmin
from apps.annotations.admin.pages import answer_imports
from apps.annotations.models import AnswerImport


@admin.register(AnswerImport)
class AnswerImportAdmin(AnnotatorModelAdmin):
    """Has no forms of its own: every address leads to a page under `pages/`."""

    def get_urls(self) -> list[URLPattern]:
        """`/admin/annotations/answerimport/` and what is below it."""
        site = self.admin_site
        pages: dict[str, tuple[str, Any]] = {
            "": ("annotations_answerimport_changelist", answer_imports.imports),
            "<uuid:import_id>/": ("annotations_answer_import", answer_imports.one),
            "<uuid:import_id>/take-in/": ("annotations_answer_import_accept", answer_imports.accept),
            "<uuid:import_id>/approve/": ("annotations_answer_import_approve", answer_imports.approve),
            "<uuid:import_id>/undo/": ("annotations_answer_import_undo", answer_imports.undo),
            "<uuid:import_id>/stop/": ("annotations_answer_import_stop", answer_imports.stop),
        }
        return [path(route, site.admin_view(view), name=name) for route, (name, view) in pages.items()]
