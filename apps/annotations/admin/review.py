"""The review screens' place in the admin: a list of answers and a page for each."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.urls import URLPattern, path

from apps.annotations.admin.access import AnnotatorModelAdmin
from apps.annotations.admin.pages import message_review, review_list
from apps.annotations.models import Review


@admin.register(Review)
class ReviewAdmin(AnnotatorModelAdmin):
    """Has no forms of its own: every address leads to a page under `pages/`."""

    def get_urls(self) -> list[URLPattern]:
        """`/admin/annotations/review/` and what is below it."""
        site = self.admin_site
        pages: dict[str, tuple[str, Any]] = {
            "": ("annotations_review_changelist", review_list.review_list),
            "<uuid:message_id>/": ("annotations_message_review", message_review.message_review),
            "<uuid:message_id>/feedback/": ("annotations_review_feedback", message_review.rate),
            "<uuid:message_id>/correct/": ("annotations_review_correct", message_review.correct),
            "<uuid:message_id>/diff/": ("annotations_review_diff", message_review.show_diff),
        }
        return [path(route, site.admin_view(view), name=name) for route, (name, view) in pages.items()]
