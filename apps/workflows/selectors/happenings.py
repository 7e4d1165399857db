"""What happened to a run besides its steps, in words: takeovers, retries, pauses, and who answered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.workflows.engine.events import (
    NodeAnswered,
    NodeRetried,
    NodeStarted,
    NodeWaiting,
    RunPaused,
    RunResumed,
)
from apps.workflows.engine.journal import Numbered
from apps.workflows.selectors.concealing import concealed_log
from apps.workflows.selectors.events import stored_events


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One line of a run's story, with the icon that stands before it."""

    at: dt.datetime
    icon: str
    text: str
    detail: str = ""


#: The events that a story is made of.
_KINDS: Final = ("node_started", "node_retried", "node_waiting", "node_answered", "run_paused", "run_resumed")
#: Rows of the log that are looked at: more is no story.
MOST_ROWS: Final = 5_000


def story_of(run_id: UUID) -> list[Happening]:
    """The story of a run, without its secrets."""
    events = stored_events(run_id, kinds=_KINDS, limit=MOST_ROWS)
    return list(happenings(concealed_log(run_id, events)))


def happenings(events: Iterable[Numbered]) -> Iterator[Happening]:
    """The story that events of a run tell."""
    titles: dict[tuple[str, str], str] = {}
    actions: dict[tuple[str, str], dict[str, str]] = {}
    for _seq, event in events:
        at = dt.datetime.fromtimestamp(event.at, dt.UTC)
        place: Any = (getattr(event, "frame", ""), getattr(event, "node_id", ""))
        title = titles.get(place) or place[1]
        match event:
            case NodeStarted():
                titles[place] = event.title
                if event.attempt > 1 and not event.reused:
                    text = _("%(title)s begins again, as attempt %(attempt)s.")
                    yield Happening(
                        at=at, icon="rotate-ccw", text=text % {"title": event.title, "attempt": event.attempt}
                    )
            case NodeRetried():
                words = {"title": title, "seconds": f"{event.delay:.1f}", "attempt": event.attempt}
                text = _("%(title)s failed and is tried again in %(seconds)s s, as attempt %(attempt)s.") % words
                yield Happening(
                    at=at, icon="rotate-ccw", text=text, detail=f"{event.error.code}: {event.error.message}"
                )
            case NodeWaiting():
                actions[place] = {item["id"]: item.get("title", item["id"]) for item in event.asks.get("actions", ())}
                yield Happening(
                    at=at, icon="circle-question-mark", text=_("%s asks a person.") % title, detail=_until(event)
                )
            case NodeAnswered():
                yield Happening(at=at, icon="message-square", text=_answered(event, title, actions.get(place, {})))
            case RunPaused():
                count = len(event.waiting)
                text = ngettext("The run waits for an answer.", "The run waits for %(count)s answers.", count)
                yield Happening(at=at, icon="clock", text=text % {"count": count})
            case RunResumed():
                yield Happening(at=at, icon="circle-play", text=_resumed(event.reason))


def _until(event: NodeWaiting) -> str:
    if event.until is None:
        return ""
    return _("It waits until %s (UTC).") % dt.datetime.fromtimestamp(event.until, dt.UTC).strftime("%Y-%m-%d %H:%M")


def _answered(event: NodeAnswered, title: str, actions: dict[str, str]) -> str:
    action = str(event.reply.get("action", ""))
    if action == "timeout" and not event.by:
        return _("Nobody answered %s in time.") % title
    words = {"who": event.by or _("Somebody"), "title": title, "action": actions.get(action, action)}
    return _("%(who)s answered %(title)s: %(action)s.") % words


def _resumed(reason: str) -> str:
    match reason:
        case "takeover":
            return _("The process that ran it was gone: another one took the run over and goes on from its log.")
        case "answer":
            return _("The run goes on with the answer.")
        case "timeout":
            return _("The run goes on without an answer.")
        case "fork":
            return _("The run goes on from what another one had done.")
        case _:
            return _("The run goes on.")
