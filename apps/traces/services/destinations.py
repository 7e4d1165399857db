"""Writes where a team's traces are sent on to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

import orjson
from django.db import transaction

from apps.traces.adapters.otlp_client import NotSent
from apps.traces.models import OutgoingTrace, TraceDestination
from apps.traces.services.send_on import headers_of


@transaction.atomic(using="traces")
def save_destination(
    *, team_id: UUID, endpoint: str, headers: Mapping[str, str] | None, with_content: bool, is_on: bool
) -> TraceDestination:
    """The team's destination as it is from now on; headers that are not given stay, unless the address is another."""
    found = TraceDestination.objects.select_for_update().filter(team_id=team_id).first()
    destination = found or TraceDestination(team_id=team_id)
    # A secret is for the receiver that it was given for: it never follows to another address.
    if headers is not None or destination.endpoint != endpoint:
        destination.set_secret(orjson.dumps(headers or {}).decode())
    destination.endpoint = endpoint
    destination.with_content = with_content
    destination.is_on = is_on
    destination.failures, destination.paused_until, destination.last_error = 0, None, ""
    destination.save()
    if not is_on:
        OutgoingTrace.objects.filter(team_id=team_id).delete()
    return destination


@transaction.atomic(using="traces")
def forget_destination(destination: TraceDestination) -> None:
    """Send nothing on any more, and forget the headers."""
    OutgoingTrace.objects.filter(team_id=destination.team_id).delete()
    destination.delete()


def header_names(destination: TraceDestination) -> Sequence[str]:
    """Which headers are sent; never what they say."""
    try:
        return sorted(headers_of(destination))
    except NotSent:
        return ()
