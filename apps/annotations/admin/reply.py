"""Annotation reply's place in the admin: the apps, and a page for each."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.urls import URLPattern, path

from apps.annotations.admin.access import AnnotatorModelAdmin
from apps.annotations.admin.pages import reply
from apps.annotations.models import ReplySetting


@admin.register(ReplySetting)
class ReplySettingAdmin(AnnotatorModelAdmin):
    """Has no forms of its own: every address leads to a page under `pages/`."""

    def get_urls(self) -> list[URLPattern]:
        """`/admin/annotations/replysetting/` and what is below it."""
        site = self.admin_site
        pages: dict[str, tuple[str, Any]] = {
            "": ("annotations_replysetting_changelist", reply.overview),
            "<anyslug:slug>/": ("annotations_reply_app", reply.app),
            "<anyslug:slug>/try/": ("annotations_reply_try", reply.try_out),
            "<anyslug:slug>/stop/": ("annotations_reply_stop", reply.stop),
        }
        return [path(route, site.admin_view(view), name=name) for route, (name, view) in pages.items()]
