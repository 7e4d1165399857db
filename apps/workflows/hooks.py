"""How watchers get in without being imported: observers, answer sources, example sources and what people think.

They register in their `AppConfig.ready()`. An observer sees every event of a run and cannot steer or break it.
A publish gate may say why a version should not be published.
An answer source may answer before the workflow runs; an example source lends approved answers to LLM nodes; a feedback
source counts verdicts for those who watch runs; an opinion source tells those who read a conversation what was thought
of its answers.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from apps.workflows.engine.events import Event
from apps.workflows.engine.ports import Example
from apps.workflows.engine.run_info import RunInfo

__all__ = [
    "AnswerSource",
    "Candidate",
    "Dislike",
    "ExampleSource",
    "FeedbackCount",
    "FeedbackScope",
    "FeedbackSource",
    "Observer",
    "ObserverFactory",
    "Opinion",
    "OpinionSource",
    "PreparedAnswer",
    "PublishGate",
    "Refusal",
    "RunInfo",
    "VerdictSource",
    "disliked_in",
    "dislikes",
    "feedback_counts",
    "note_override",
    "notify",
    "observers_for",
    "opinions_on",
    "prepared_answer",
    "refusals_to_publish",
    "register_answer_source",
    "register_example_source",
    "register_feedback_source",
    "register_observer",
    "register_opinion_source",
    "register_publish_gate",
    "register_verdict_source",
    "similar_examples",
    "verdicts",
]
logger = logging.getLogger(__name__)


class Observer(Protocol):
    """Follows one run. Called on the event loop for every event, in order: it must return at once."""

    def on_event(self, seq: int, event: Event) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedAnswer:
    """An answer that a person approved earlier; `details` is shown with it (`id`, `question`, `score` ...)."""

    text: str
    reason: str
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackScope:
    """Whose answers, and the time in which people judged them. No teams (None) means all of them."""

    team_ids: tuple[UUID, ...] | None
    since: dt.datetime
    until: dt.datetime
    application_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackCount:
    """Verdicts that stand, on one app's answers, given in one step of time that begins at `at`."""

    at: dt.datetime
    application_id: UUID
    likes: int
    dislikes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dislike:
    """Somebody does not find an answer helpful."""

    message_id: UUID
    application_id: UUID
    at: dt.datetime
    reason: str
    text: str


class FeedbackSource(Protocol):
    """Knows what people think of answers; verdicts that were taken back or replaced do not count."""

    def counts(self, scope: FeedbackScope, *, step: str) -> Sequence[FeedbackCount]:
        """By app and `hour` or `day` (of UTC)."""

    def dislikes(self, scope: FeedbackScope, *, limit: int) -> Sequence[Dislike]:
        """The newest ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What one person thinks of an answer now: `like` or `dislike`, why, and where it was said."""

    message_id: UUID
    rating: str
    rating_label: str
    reason: str
    text: str
    who: str
    source: str
    at: dt.datetime


class OpinionSource(Protocol):
    """Knows what people think of single answers."""

    def opinions_on(self, message_ids: Sequence[UUID]) -> Sequence[Opinion]:
        """What stands, in the order in which it was said."""

    def disliked_in(self, conversation_id: UUID, *, limit: int) -> Sequence[UUID]:
        """Messages of a conversation that somebody does not find helpful, in the order of the conversation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a version should not be published, and what to do about it.

    `details` holds figure, threshold and ids for programs; `url` leads to where the person can do it.
    """

    code: str
    message: str
    advice: str
    details: Mapping[str, Any] = field(default_factory=dict)
    url: str = ""

    def as_dict(self) -> dict[str, Any]:
        """In the wire's shape."""
        return {"code": self.code, "message": self.message, "advice": self.advice, "url": self.url, **self.details}


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A version that somebody wants to publish."""

    team_id: UUID
    application_id: UUID
    application_slug: str
    application_name: str
    version_id: UUID
    version_number: int
    live_version_id: UUID | None


class PublishGate(Protocol):
    """Is asked before a version is published. Fails as it likes: what cannot be asked does not let anything pass."""

    def refusals(self, candidate: Candidate, /) -> Sequence[Refusal]:
        """What speaks against it, in words; nothing: it may be published."""

    def note_override(self, candidate: Candidate, refused: Sequence[Refusal], /, *, by_id: UUID, reason: str) -> None:
        """A manager publishes it nevertheless: keep who, why and what was said. In the same transaction."""


ObserverFactory = Callable[[RunInfo], Observer | None]
AnswerSource = Callable[[RunInfo], Awaitable[PreparedAnswer | None]]
ExampleSource = Callable[[RunInfo, str, int], Awaitable[Sequence[Example]]]

#: (message ids, source, end user) -> message id -> `like` or `dislike`.
VerdictSource = Callable[[Sequence[UUID], str, str], Mapping[UUID, str]]

_observers: list[ObserverFactory] = []
_answer_sources: list[AnswerSource] = []
_example_sources: list[ExampleSource] = []
_verdict_sources: list[VerdictSource] = []
_feedback_sources: list[FeedbackSource] = []
_opinion_sources: list[OpinionSource] = []
_publish_gates: list[PublishGate] = []


def register_observer(factory: ObserverFactory) -> None:
    """Have `factory(run_info)` make an observer for each run (None: not interested)."""
    if factory not in _observers:
        _observers.append(factory)


def register_answer_source(source: AnswerSource) -> None:
    """Ask `await source(run_info)` for a ready answer before a chat run starts."""
    if source not in _answer_sources:
        _answer_sources.append(source)


def register_example_source(source: ExampleSource) -> None:
    """Ask `await source(run_info, query, k)` for examples when an LLM node wants some."""
    if source not in _example_sources:
        _example_sources.append(source)


def register_verdict_source(source: VerdictSource) -> None:
    """Ask `source(message_ids, source, end_user)` what an end user thinks of messages, when they are listed."""
    if source not in _verdict_sources:
        _verdict_sources.append(source)


def register_feedback_source(source: FeedbackSource) -> None:
    """Ask `source` how many people found answers helpful or not, when runs are watched."""
    if source not in _feedback_sources:
        _feedback_sources.append(source)


def register_opinion_source(source: OpinionSource) -> None:
    """Ask `source` what people think of the answers of a conversation that is being read."""
    if source not in _opinion_sources:
        _opinion_sources.append(source)


def register_publish_gate(gate: PublishGate) -> None:
    """Ask `gate` before a version is published."""
    if gate not in _publish_gates:
        _publish_gates.append(gate)


def refusals_to_publish(candidate: Candidate) -> list[Refusal]:
    """What speaks against publishing a version, over all gates."""
    return [each for gate in _publish_gates for each in gate.refusals(candidate)]


def note_override(candidate: Candidate, refused: Sequence[Refusal], *, by_id: UUID, reason: str) -> None:
    """Tell all gates that a manager publishes a version nevertheless."""
    for gate in _publish_gates:
        gate.note_override(candidate, refused, by_id=by_id, reason=reason)


def opinions_on(message_ids: Sequence[UUID]) -> list[Opinion]:
    """What people think of these answers, over all sources."""
    return [each for source in _opinion_sources for each in source.opinions_on(message_ids)]


def disliked_in(conversation_id: UUID, *, limit: int) -> list[UUID]:
    """Answers of a conversation that somebody does not find helpful, in its order."""
    found = {each for source in _opinion_sources for each in source.disliked_in(conversation_id, limit=limit)}
    return sorted(found)[:limit]


def feedback_counts(scope: FeedbackScope, *, step: str = "hour") -> list[FeedbackCount]:
    """Verdicts by app and step of time (`hour` or `day`), over all sources."""
    return [count for source in _feedback_sources for count in source.counts(scope, step=step)]


def dislikes(scope: FeedbackScope, *, limit: int) -> list[Dislike]:
    """The newest verdicts that say not helpful, over all sources."""
    found = [each for source in _feedback_sources for each in source.dislikes(scope, limit=limit)]
    return sorted(found, key=lambda each: each.at, reverse=True)[:limit]


def verdicts(message_ids: Sequence[UUID], *, source: str, end_user: str) -> dict[UUID, str]:
    """message id -> the end user's current verdict; messages without one are absent."""
    found: dict[UUID, str] = {}
    for ask in _verdict_sources:
        found.update(ask(message_ids, source, end_user))
    return found


def observers_for(run: RunInfo) -> list[Observer]:
    """One observer per registered factory; a factory that fails is logged and left out."""
    made = []
    for factory in _observers:
        try:
            observer = factory(run)
        except Exception:
            logger.exception("an observer could not be made for run %s", run.run_id)
            continue
        if observer is not None:
            made.append(observer)
    return made


def notify(observers: list[Observer], seq: int, event: Event) -> None:
    """Show one event to all observers; one that fails is dropped for the rest of the run, and the run goes on."""
    for observer in tuple(observers):
        try:
            observer.on_event(seq, event)
        except Exception:
            logger.exception("an observer failed at event %s and is dropped", seq)
            observers.remove(observer)


async def prepared_answer(run: RunInfo) -> PreparedAnswer | None:
    """The first ready answer, or None. A source that fails is logged: the workflow then answers."""
    for source in _answer_sources:
        try:
            answer = await source(run)
        except Exception:
            logger.exception("an answer source failed for run %s", run.run_id)
            continue
        if answer is not None:
            return answer
    return None


async def similar_examples(run: RunInfo, query: str, k: int) -> list[Example]:
    """The k best examples over all sources, best first. A source that fails is logged and gives none."""
    found: list[Example] = []
    for source in _example_sources:
        try:
            found.extend(await source(run, query, k))
        except Exception:
            logger.exception("an example source failed for run %s", run.run_id)
    return sorted(found, key=lambda example: -example.score)[:k]
