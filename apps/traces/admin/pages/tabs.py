"""The tabs of the detail pane: those that have something to show, and the one that is open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

_LABELS: Mapping[str, str | Promise] = {
    "input": _("Input"),
    "output": _("Output"),
    "messages": _("Messages"),
    "passages": _("Passages"),
    "examples": _("Examples"),
    "printed": _("Printed"),
    "thoughts": _("Thoughts"),
    "tokens": _("Tokens and cost"),
    "events": _("Events"),
    "parameters": _("Parameters"),
    "attributes": _("Attributes"),
    "links": _("Links"),
    "raw": _("Raw"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """A tab of the detail pane."""

    name: str
    label: str | Promise
    count: int | None = None


def tabs_of(counts: Mapping[str, int], present: Mapping[str, bool]) -> list[Tab]:
    """The tabs that have something to show, in their order; input, output and raw always."""
    return [
        Tab(name=name, label=label, count=counts.get(name))
        for name, label in _LABELS.items()
        if counts.get(name, present.get(name, True))
    ]


def active_of(names: Sequence[str], wanted: str, *, has_output: bool, has_traceback: bool) -> str:
    """The tab that was open before, else the one that says most about this kind of step."""
    if wanted in names:
        return wanted
    if has_traceback:
        return "printed"
    telling = next((name for name in ("messages", "passages") if name in names), "")
    return telling or ("output" if has_output else "input")
