"""What holds for the traces of a team and its apps: what is taken out of them, how many are kept, and for how long."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from django.conf import settings

from apps.traces.masking.masker import Masker
from apps.traces.masking.own import Own
from apps.traces.models import ForeignTrace, KeptTrace, PassedOver, TracePolicy
from support.patterns import BadPattern

logger = logging.getLogger(__name__)
#: A changed policy holds in every process after so many seconds at the latest.
KEPT_S = 10.0
_ALL = Decimal(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What holds for one app, or for all that say nothing themselves."""

    masker: Masker
    sample_percent: Decimal = _ALL
    #: None: for ever.
    retention_days: int | None = None

    def samples(self, trace: str) -> bool:
        """Whether a trace is in the sample: the same answer for the same id, wherever and whenever it is asked."""
        if self.sample_percent >= _ALL:
            return True
        share = int.from_bytes(hashlib.sha256(trace.encode()).digest()[:4], "big") / 2**32
        return share * 100 < float(self.sample_percent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """All that one team says."""

    general: Policy
    by_app: Mapping[UUID, Policy] = field(default_factory=dict)

    def of(self, application_id: UUID | None) -> Policy:
        """What holds for an app; for traces from elsewhere, what holds in general."""
        return self.by_app.get(application_id, self.general) if application_id else self.general


_known: dict[UUID, tuple[float, Policies]] = {}


def policies_of(team_id: UUID) -> Policies:
    """The policies of a team. One query, and none while the answer of an earlier call is fresh."""
    kept = _known.get(team_id)
    if kept is not None and kept[0] > time.monotonic():
        return kept[1]
    found = _read(TracePolicy.objects.filter(team_id=team_id))
    _known[team_id] = time.monotonic() + KEPT_S, found
    return found


def forget_policies() -> None:
    """Ask anew: a policy was changed."""
    _known.clear()


def reviewed_among(trace_ids: Iterable[UUID]) -> set[UUID]:
    """Those that somebody reviewed, so that they are kept."""
    return set(KeptTrace.objects.filter(trace_id__in=list(trace_ids)).values_list("trace_id", flat=True))


def passed_over_among(trace_ids: Iterable[UUID]) -> set[UUID]:
    """Those that were counted and not kept."""
    return set(PassedOver.objects.filter(trace_id__in=list(trace_ids)).values_list("trace_id", flat=True))


def begun_elsewhere(team_id: UUID, external_ids: Iterable[str]) -> set[str]:
    """Those traces from elsewhere, by their ids there, of which something is kept."""
    known = ForeignTrace.objects.filter(team_id=team_id, external_id__in=list(external_ids))
    return set(known.values_list("external_id", flat=True))


def _read(rows: Iterable[TracePolicy]) -> Policies:
    by_app = {row.application_id: row for row in rows}
    team = by_app.pop(None, None) or TracePolicy()
    return Policies(
        general=_policy(team, team),
        by_app={app: _policy(row, team) for app, row in by_app.items() if app is not None},
    )


def _policy(row: TracePolicy, team: TracePolicy) -> Policy:
    sample = row.sample_percent if row.sample_percent is not None else team.sample_percent
    days = row.retention_days or team.retention_days or settings.TRACES_RETENTION_DAYS
    rules = team.own_rules if row is team else [*team.own_rules, *row.own_rules]
    return Policy(
        masker=Masker(personal={*team.personal, *row.personal}, own=_rules(rules)),
        sample_percent=_ALL if sample is None else sample,
        retention_days=days or None,
    )


def _rules(written: Iterable[Mapping[str, str]]) -> list[Own]:
    rules = []
    for each in written:
        try:
            rules.append(Own.read(each["name"], each["pattern"]))
        except (BadPattern, KeyError):  # forms refuse such; a row written otherwise must not stop all traces
            logger.exception("a masking rule cannot be used and is left out")
    return rules
