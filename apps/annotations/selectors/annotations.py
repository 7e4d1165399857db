"""Reading an app's annotations."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from apps.annotations.models import Annotation
from support.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of annotations, newest first, and how many there are in all."""

    items: list[Annotation]
    total: int
    has_more: bool


def list_annotations(application_id: UUID, *, keyword: str = "", page: int = 1, limit: int = 20) -> Page:
    """The app's annotations whose question or answer contains the keyword."""
    found = Annotation.objects.filter(application_id=application_id).defer("embedding")
    if keyword:
        found = found.filter(Q(question__icontains=keyword) | Q(answer__icontains=keyword))
    total, start = found.count(), (page - 1) * limit
    return Page(items=list(found.order_by("-id")[start : start + limit]), total=total, has_more=start + limit < total)


def open_annotation(annotation_id: UUID, *, application_id: UUID) -> Annotation:
    """An API caller's door: an annotation of its app. Raises NotFound."""
    found = Annotation.objects.filter(id=annotation_id, application_id=application_id).defer("embedding").first()
    if found is None:
        raise NotFound("Annotation does not exist.")
    return found
