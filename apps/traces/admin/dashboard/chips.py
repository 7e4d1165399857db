"""The filters of the dashboard as menus, and what it says of the runs that it leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from apps.traces.admin.dashboard.scope import EXPERIMENTS, ONLY, WITH, Asked
from apps.traces.selectors import rollups


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Something in a menu, or a segment of a range."""

    label: str
    url: str
    current: bool


def chips_of(asked: Asked, team_ids: tuple[UUID, ...] | None) -> list[dict[str, Any]]:
    """A menu for each filter, of what was at work in this time; the users, who are many, come when it is opened."""
    offered = {
        "app": (_("App"), _offered("app", asked, team_ids)),
        "model": (_("Model"), _offered("model", asked, team_ids)),
    }
    chips = [chip(asked, name, label, choices) for name, (label, choices) in offered.items()]
    chips.append({**chip(asked, "user", _("User"), ()), "late_url": users_url(asked, part="menu")})
    return [*chips, _experiments(asked)]


def _offered(what: Literal["app", "model"], asked: Asked, team_ids: tuple[UUID, ...] | None) -> list[tuple[str, str]]:
    return rollups.choices(what, team_ids=team_ids, since=asked.since, until=asked.until)


def users_url(asked: Asked, *, part: str) -> str:
    """Where the part about users comes from: a table, or a menu."""
    return reverse("traces:dashboard-users", args=[part]) + asked.here()


def _experiments(asked: Asked) -> dict[str, Any]:
    """The menu about runs of experiments, which are left out of what traffic does."""
    labels = {"": _("Left out"), WITH: _("Counted too"), ONLY: _("Only these")}
    options = [
        Choice(label=label, url=asked.here(**{EXPERIMENTS: value or None}), current=value == asked.experiments)
        for value, label in labels.items()
    ]
    return {
        "label": _("Experiments"),
        "words": labels[asked.experiments] if asked.experiments else "",
        "options": options,
    }


def left_out(asked: Asked, team_ids: tuple[UUID, ...] | None) -> dict[str, Any] | None:
    """How many runs of experiments these figures leave out, and the way to them; None where there are none."""
    if asked.experiments or asked.filters.get("model") or asked.filters.get("user"):
        return None
    runs = rollups.runs_in(replace(asked, experiments=ONLY).where(team_ids))
    return {"runs": runs, "url": asked.here(**{EXPERIMENTS: WITH})} if runs else None


def chip(asked: Asked, name: str, label: str, choices: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The menu of one filter."""
    chosen = asked.filters.get(name, "")
    known = dict(choices)
    if chosen and chosen not in known:
        choices = [(chosen, chosen), *choices]
    options = [Choice(label=_("Any"), url=asked.here(**{name: None}), current=not chosen)]
    options += [
        Choice(label=text or value, url=asked.here(**{name: value}), current=value == chosen) for value, text in choices
    ]
    return {"label": label, "words": (known.get(chosen) or chosen) if chosen else "", "options": options}
