"""Notices when an app's answers lie in another vector space than its questions, and has them moved."""

from __future__ import annotations

import threading
import time
from uuid import UUID

from django.db.models import Q

from apps.annotations.models import Annotation, FewShotExample
from apps.annotations.services.embedding import Place
from support.jobs import enqueue

#: An app is looked at this often at most, so that the hot path stays at one query.
INTERVAL = 60.0

_looked: dict[tuple[UUID, str], float] = {}
_lock = threading.Lock()


def move_if_elsewhere(application_id: UUID, place: Place) -> None:
    """Enqueue a re-embedding if the app has answers outside the space that its document asks for now."""
    if not _is_due((application_id, place.space)):
        return
    outside = ~Q(embedding_space=place.space) | Q(embedding=None)
    if any(
        kind._default_manager.filter(outside, application_id=application_id).exists()
        for kind in (Annotation, FewShotExample)
    ):
        enqueue("annotations.reembed", str(application_id), place.model)


def _is_due(key: tuple[UUID, str]) -> bool:
    now = time.monotonic()
    with _lock:
        if now - _looked.get(key, -INTERVAL) < INTERVAL:
            return False
        if len(_looked) > 10_000:
            _looked.clear()
        _looked[key] = now
        return True
