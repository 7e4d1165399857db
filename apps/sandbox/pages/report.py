"""The sandbox's health as the page shows it: what it says of itself, made readable and never trusted to be whole."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise

from apps.sandbox.pages.histogram import Histogram, histogram_of
from apps.sandbox.pages.words import LAYERS, LIMITS, MODES, OUTCOMES, PROFILE_STATES, PROFILES

Words = str | Promise
MOST_REFUSALS = 20
#: What is told of a refusal, besides when it was.
TOLD = ("run_id", "language", "profile", "status", "system_call", "message")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One wall, whether it stands, and what it is for."""

    key: str
    name: Words
    what: Words
    active: bool
    #: Taken away by hand, rather than not part of the mode.
    taken_away: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One kind of interpreter that runs are forked from."""

    name: str
    what: Words
    tone: str
    icon: str
    state: Words
    reason: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What a run gets when it asks for nothing, and the most that it may ask for."""

    name: Words
    unit: str
    usual: float | None
    most: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything on the page."""

    mode: str
    mode_words: Words
    floor: str
    layers: Sequence[Layer]
    languages: Sequence[tuple[str, str]]
    profiles: Sequence[Profile]
    runs: int
    outcomes: Sequence[tuple[Words, int]]
    counters: Mapping[str, Any]
    queue: Mapping[str, Any]
    histogram: Histogram | None
    refusals: Sequence[Mapping[str, Any]]
    limits: Sequence[Limit]
    versions: Sequence[tuple[str, str]]
    probe: Mapping[str, Any]
    probed_at: dt.datetime | None
    started_at: dt.datetime | None

    @property
    def missing(self) -> list[Layer]:
        """The walls that were taken away."""
        return [layer for layer in self.layers if layer.taken_away and not layer.active]


def report_of(facts: Mapping[str, Any]) -> Report:
    """Read what `/health` answered; parts that are missing or of another shape are left out."""
    counters, probe = _mapping(facts, "counters"), _mapping(facts, "probe")
    runs = {name: count for name, count in _mapping(counters, "runs").items() if isinstance(count, int)}
    mode = str(facts.get("mode", ""))
    return Report(
        mode=mode,
        mode_words=MODES.get(mode, ""),
        floor=str(facts.get("floor") or ""),
        layers=_layers(_mapping(facts, "layers"), facts.get("without")),
        languages=[(name, _version(about)) for name, about in _mapping(facts, "languages").items()],
        profiles=_profiles(_mapping(facts, "profiles")),
        runs=sum(runs.values()),
        outcomes=[(OUTCOMES.get(name, name), count) for name, count in runs.items() if count],
        counters=counters,
        queue=_mapping(facts, "queue"),
        histogram=histogram_of(_mapping(facts, "latency_ms")),
        refusals=_refusals(facts.get("refusals")),
        limits=_limits(_mapping(facts, "limits")),
        versions=[(name, str(version)) for name, version in _mapping(facts, "versions").items() if version],
        probe=probe,
        probed_at=_moment(probe.get("checked_at")),
        started_at=_moment(facts.get("started_at")),
    )


def _layers(said: Mapping[str, Any], without: Any) -> list[Layer]:
    names = [*(name for name in LAYERS if name in said), *(name for name in said if name not in LAYERS)]
    known = ((name, *LAYERS.get(name, (name, ""))) for name in names)
    gone = without if isinstance(without, list) else []
    return [
        Layer(key=key, name=name, what=what, active=said[key] is True, taken_away=key in gone)
        for key, name, what in known
    ]


def _profiles(said: Mapping[str, Any]) -> list[Profile]:
    found = []
    for name, facts in said.items():
        facts = facts if isinstance(facts, dict) else {}
        state = str(facts.get("state", ""))
        tone, icon, word = PROFILE_STATES.get(state, ("neutral", "circle-dot", state))
        reason = str(facts.get("reason") or "")
        what = PROFILES.get(name, "")
        found.append(Profile(name=name, what=what, tone=tone, icon=icon, state=word, reason=reason, facts=facts))
    return found


def _limits(said: Mapping[str, Any]) -> list[Limit]:
    usual, most = _mapping(said, "defaults"), _mapping(said, "maxima")
    return [
        Limit(name=name, unit=unit, usual=_number(usual.get(key)), most=_number(most.get(key)))
        for key, (name, unit) in LIMITS.items()
        if key in most
    ]


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _refusals(said: Any) -> list[dict[str, Any]]:
    """The newest first, whichever way they came."""
    rows = [row for row in said if isinstance(row, dict)] if isinstance(said, list) else []
    rows = [{"at": _moment(row.get("at"))} | {name: str(row.get(name) or "") for name in TOLD} for row in rows]
    oldest = dt.datetime.min.replace(tzinfo=dt.UTC)
    return sorted(rows, key=lambda row: row["at"] or oldest, reverse=True)[:MOST_REFUSALS]


def _version(about: Any) -> str:
    return str(about.get("version", "")) if isinstance(about, dict) else str(about)


def _mapping(facts: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = facts.get(name)
    return found if isinstance(found, dict) else {}


def _moment(said: Any) -> dt.datetime | None:
    """A time as ISO 8601 text or as seconds since 1970."""
    try:
        if isinstance(said, int | float) and not isinstance(said, bool):
            return dt.datetime.fromtimestamp(said, dt.UTC)
        found = dt.datetime.fromisoformat(str(said))
    except (ValueError, OverflowError, OSError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)
