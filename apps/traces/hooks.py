"""How other apps take part in traces without being imported: pages that take traces on, copies to delete with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils.functional import Promise

#: Deletes what an app copied of a person: of the team, by the name the person has there, with the ids of the traces
#: that are about to go; how many copies it deleted.
Eraser = Callable[[UUID, str, Sequence[UUID]], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class TracesAction:
    """A page that takes traces or messages on, named by `ids`, or all traces that fit the filters in `query`."""

    label: str | Promise
    icon: str
    url_name: str
    #: What the person's role must include in one of the teams.
    right: str


_actions: list[TracesAction] = []
_erasers: list[Eraser] = []


def register_action(action: TracesAction) -> None:
    """Offer a page wherever traces are listed or shown. Once per page."""
    if action not in _actions:
        _actions.append(action)


def actions() -> Sequence[TracesAction]:
    """The pages that take traces."""
    return tuple(_actions)


def register_eraser(eraser: Eraser) -> None:
    """Have copies deleted with a person's traces. Repeating is harmless."""
    if eraser not in _erasers:
        _erasers.append(eraser)


def erase_copies(team_id: UUID, end_user: str, trace_ids: Sequence[UUID]) -> int:
    """Ask every app to delete what it copied; an app that fails ends the deletion, which can be repeated."""
    return sum(eraser(team_id, end_user, trace_ids) for eraser in _erasers)
