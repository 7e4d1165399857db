"""Remembers during one request what several parts of its page ask for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.http import HttpRequest

T = TypeVar("T")
#: What `once` calls the list of a person's teams, so that frame, lists and rights share it.
TEAMS = "teams"


def once(request: HttpRequest, what: str, find: Callable[[], T]) -> T:
    """What `find` returns; it is called once in a request for the person who asks."""
    key = (what, getattr(getattr(request, "user", None), "pk", None))
    known = request.__dict__.setdefault("_found_once", {})
    if key not in known:
        known[key] = find()
    found: T = known[key]
    return found
