"""Sends traces on to where their team wants them: in batches, again after failures, never for ever."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

import orjson
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from apps.traces.adapters.otlp_client import NotSent, post
from apps.traces.dialects import outgoing
from apps.traces.models.destination import OutgoingTrace, TraceDestination
from apps.traces.selectors.outgoing import rows_of
from providers.crypto import UnreadableSecret

logger = logging.getLogger(__name__)

VERSION = "0.1.0"
#: Traces in one request.
AT_ONCE = 50
#: Requests to one destination in one go.
ROUNDS = 40
FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 900.0
#: What waited this long is given up, and so is what comes when this many wait.
GIVEN_UP_AFTER = dt.timedelta(days=1)
MOST_WAITING = 50_000
#: How long one process keeps a destination for itself without saying so again.
CLAIM = dt.timedelta(minutes=2)
#: This process, as the one that sends.
OWNER = uuid4().hex


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was sent to all destinations together."""

    sent: int = 0
    failed: int = 0


def send_on() -> Outcome:
    """Send what waits, to every destination that is not pausing."""
    now = timezone.now()
    ready = TraceDestination.objects.filter(Q(paused_until__isnull=True) | Q(paused_until__lte=now), is_on=True)
    sent = failed = 0
    for destination in ready:
        try:
            sent += _send_to(destination)
        except NotSent as exc:
            failed += 1
            logger.info("traces of team %s could not be sent on: %s", destination.team_id, exc.message)
        except Exception as exc:  # border: what is wrong with one team's traces must not keep those of others
            failed += 1
            logger.exception("traces of team %s could not be sent on", destination.team_id)
            _pause(destination, NotSent(f"They could not be sent: {type(exc).__name__}.", again=True))
        finally:
            _released(destination)
    return Outcome(sent, failed)


def check_destination(destination: TraceDestination) -> None:
    """Send an empty export, which every receiver takes. Raises NotSent."""
    _post(destination, b"")


def headers_of(destination: TraceDestination) -> dict[str, str]:
    """The headers that the team gave, in the clear, for the moment of a call. Raises NotSent."""
    try:
        secret = destination.read_secret()
    except UnreadableSecret as exc:
        raise NotSent("Its headers cannot be decrypted with the present ENCRYPTION_KEYS.", again=True) from exc
    return {str(name): str(value) for name, value in orjson.loads(secret or "{}").items()}


def _send_to(destination: TraceDestination) -> int:
    """Everything that waits for one destination, unless another process is at it. Raises NotSent."""
    sent = 0
    _give_up_old(destination)
    for _ in range(ROUNDS):
        if not _claimed(destination):
            return sent
        waiting = OutgoingTrace.objects.filter(team_id=destination.team_id).order_by("trace_id")
        ids = list(waiting.values_list("trace_id", flat=True)[:AT_ONCE])
        if not ids:
            return sent
        sent += _send_batch(destination, ids)
    return sent


def _send_batch(destination: TraceDestination, ids: Sequence[UUID]) -> int:
    """One request. A batch that is refused for good is given up. Raises NotSent for what may work later."""
    rows = rows_of(ids, with_payloads=destination.with_content)
    told = [outgoing.OutgoingTrace(trace=trace, spans=spans, payloads=payloads) for trace, spans, payloads in rows]
    body = outgoing.encoded(told, version=VERSION, with_content=destination.with_content)
    try:
        warning = _post(destination, body)
    except NotSent as exc:
        if exc.again:
            _pause(destination, exc)
            raise
        _done(destination, ids, sent=0, error=exc.message)
        return 0
    _done(destination, ids, sent=len(rows), error=warning)
    return len(rows)


def _done(destination: TraceDestination, ids: Sequence[UUID], *, sent: int, error: str) -> None:
    now = timezone.now()
    with transaction.atomic(using="traces"):
        OutgoingTrace.objects.filter(trace_id__in=ids).delete()
        TraceDestination.objects.filter(id=destination.id).update(
            sent=F("sent") + sent,
            dropped=F("dropped") + (0 if sent else len(ids)),
            last_sent_at=now if sent else F("last_sent_at"),
            last_error=error[:300],
            last_error_at=now if error else F("last_error_at"),
            failures=0,
            paused_until=None,
        )


def _pause(destination: TraceDestination, exc: NotSent) -> None:
    """Leave the destination alone for a while, longer each time, or as long as it asks."""
    failures = destination.failures + 1
    wait = exc.wait_s if exc.wait_s is not None else FIRST_PAUSE_S * 2 ** min(failures - 1, 10)
    now = timezone.now()
    TraceDestination.objects.filter(id=destination.id).update(
        failures=failures,
        paused_until=now + dt.timedelta(seconds=min(wait, LONGEST_PAUSE_S)),
        last_error=exc.message[:300],
        last_error_at=now,
    )


def _give_up_old(destination: TraceDestination) -> None:
    waiting = OutgoingTrace.objects.filter(team_id=destination.team_id)
    given_up = waiting.filter(queued_at__lt=timezone.now() - GIVEN_UP_AFTER).delete()[0]
    beyond = waiting.order_by("-trace_id").values_list("trace_id", flat=True)[MOST_WAITING : MOST_WAITING + 1].first()
    if beyond is not None:
        given_up += waiting.filter(trace_id__lte=beyond).delete()[0]
    if given_up:
        TraceDestination.objects.filter(id=destination.id).update(dropped=F("dropped") + given_up)


def _claimed(destination: TraceDestination) -> bool:
    """Whether this process is the one that sends to the destination: it says so again before each batch."""
    now = timezone.now()
    free = Q(busy_until__isnull=True) | Q(busy_until__lte=now) | Q(busy_by=OWNER)
    claim = TraceDestination.objects.filter(free, id=destination.id)
    return bool(claim.update(busy_by=OWNER, busy_until=now + CLAIM))


def _released(destination: TraceDestination) -> None:
    TraceDestination.objects.filter(id=destination.id, busy_by=OWNER).update(busy_until=None)


def _post(destination: TraceDestination, body: bytes) -> str:
    """Send one export; what the receiver warns of, if anything. Raises NotSent."""
    return post(destination.endpoint, body, {**headers_of(destination), "User-Agent": f"Skep/{VERSION}"})
