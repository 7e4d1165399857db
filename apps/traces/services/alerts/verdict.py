"""Decides what becomes of an alert when its figure is read. Pure: no clock, no database."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from apps.traces.models.alert import Alert, AlertNotice

State = Alert.State
Kind = AlertNotice.Kind
#: States that are told about, reminded of and recovered from.
TROUBLED = frozenset({State.FIRING, State.NO_DATA})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When an alert fires and what it tells."""

    direction: str
    threshold: float
    no_data: str = Alert.NoData.KEEP
    remind_after: dt.timedelta | None = None
    tells_recovery: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an alert stands: its state and when somebody was last told about it."""

    state: str = State.UNKNOWN
    notified_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The state from now on, and what has to be told (None: nothing)."""

    state: str
    tell: str | None = None


def is_out_of_bounds(rule: Rule, value: float) -> bool:
    """Whether a figure crosses the threshold; the threshold itself is still within bounds."""
    return value > rule.threshold if rule.direction == Alert.Direction.ABOVE else value < rule.threshold


def judge(rule: Rule, standing: Standing, value: float | None, *, at: dt.datetime) -> Verdict:
    """What a figure (None: no data) makes of an alert.

    A state that is new is told once; one that lasts is told again after `remind_after`; the end of trouble is told to
    those who want it. Without data the alert stays as it is, counts as fine or is in trouble, as the rule says.
    """
    state = _state(rule, standing, value)
    if state == standing.state:
        return Verdict(state=state, tell=Kind.REMINDER if _is_forgotten(rule, standing, at=at) else None)
    if state == State.FIRING:
        return Verdict(state=state, tell=Kind.FIRED)
    if state == State.NO_DATA:
        return Verdict(state=state, tell=Kind.NO_DATA)
    recovers = standing.state in TROUBLED and rule.tells_recovery
    return Verdict(state=state, tell=Kind.RECOVERED if recovers else None)


def worse(rule: Rule, one: float | None, other: float | None) -> float | None:
    """The figure that lies further out."""
    known = [value for value in (one, other) if value is not None]
    return (max if rule.direction == Alert.Direction.ABOVE else min)(known, default=None)


def _state(rule: Rule, standing: Standing, value: float | None) -> str:
    if value is not None:
        return State.FIRING if is_out_of_bounds(rule, value) else State.OK
    if rule.no_data == Alert.NoData.TELL:
        return State.NO_DATA
    if rule.no_data == Alert.NoData.OK:
        return State.OK
    # What was without data while it had to be told does not stay so under another rule.
    return State.UNKNOWN if standing.state == State.NO_DATA else standing.state


def _is_forgotten(rule: Rule, standing: Standing, *, at: dt.datetime) -> bool:
    if standing.state not in TROUBLED or rule.remind_after is None:
        return False
    return standing.notified_at is None or at - standing.notified_at >= rule.remind_after
