"""Takes one export: opens the body, maps its spans, stores them. Runs on a thread of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import psycopg
import psycopg_pool
from django.db import DataError, IntegrityError, InterfaceError, OperationalError, connections

from apps.traces.dialects.json_form import read_json
from apps.traces.dialects.protobuf import read_protobuf
from apps.traces.dialects.reading import foreign_span
from apps.traces.dialects.wire import Unreadable, WireSpan
from apps.traces.otlp import answers
from apps.traces.otlp.bodies import opened
from apps.traces.otlp.senders import Sender
from apps.traces.recorder.foreign import ForeignSpan
from apps.traces.services.store_foreign import store_foreign
from support.errors import InvalidInput, Unavailable

logger = logging.getLogger(__name__)

#: Spans that are written in one transaction.
AT_ONCE = 1_000
_PASSING = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg_pool.PoolTimeout)
_REFUSED = (DataError, IntegrityError, psycopg.DataError, psycopg.IntegrityError, ValueError, TypeError)
_ALIASES = ("default", "traces")


class Store(Protocol):
    """Whatever keeps spans."""

    def __call__(self, team_id: UUID, spans: Sequence[ForeignSpan]) -> object: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One request as it came."""

    body: bytes
    encoding: str
    content_type: str
    #: Traces; metrics and logs are heard out and dropped.
    is_traces: bool
    who: Callable[[], Sender]


def admitted(who: Callable[[], Sender]) -> Sender:
    """Who sends, before anything of it is read. Raises ConsoleError."""
    try:
        return who()
    except _PASSING as exc:
        raise _away(exc) from exc
    finally:
        _hang_up()


def take(export: Export, *, store: Store = store_foreign) -> answers.Answer:
    """The answer. Raises ConsoleError."""
    try:
        sender = export.who()
        if not export.is_traces:
            return answers.taken(export.content_type)
        body = opened(export.body, encoding=export.encoding)
        try:
            batch = read_json(body) if export.content_type == answers.JSON else read_protobuf(body)
        except Unreadable as exc:
            raise InvalidInput(str(exc)) from exc
        refused = list(batch.refused)
        for start in range(0, len(batch.spans), AT_ONCE):
            mapped = _mapped(batch.spans[start : start + AT_ONCE], sender, refused)
            _stored(mapped, sender=sender, store=store, refused=refused)
        return answers.taken(export.content_type, refused=refused)
    except _PASSING as exc:
        raise _away(exc) from exc
    finally:
        _hang_up()


def _away(exc: Exception) -> Unavailable:
    logger.warning("the database takes no traces: %s", type(exc).__name__)
    return Unavailable("The database does not take traces just now. Send them again later.")


def _hang_up() -> None:
    for alias in _ALIASES:
        connections[alias].close()


def _mapped(spans: Sequence[WireSpan], sender: Sender, refused: list[str]) -> list[ForeignSpan]:
    mapped = []
    for span in spans:
        try:
            mapped.append(foreign_span(span, application_id=sender.application_id))
        except Exception:  # border: what nobody foresaw in one span costs its neighbours nothing
            logger.exception("a span from elsewhere could not be read")
            refused.append(f"The span {span.span_id} could not be understood.")
    return mapped


def _stored(spans: Sequence[ForeignSpan], *, sender: Sender, store: Store, refused: list[str]) -> None:
    """Store the spans; where the database refuses some, find out which by halves and store the others."""
    if not spans:
        return
    try:
        store(sender.team_id, spans)
    except _PASSING:
        raise
    except _REFUSED as exc:
        if len(spans) > 1:
            middle = len(spans) // 2
            _stored(spans[:middle], sender=sender, store=store, refused=refused)
            _stored(spans[middle:], sender=sender, store=store, refused=refused)
            return
        logger.warning("a span from elsewhere was refused: %s", type(exc).__name__)
        refused.append(f"The span {spans[0].key} could not be stored.")
