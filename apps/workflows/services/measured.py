"""Runs by which somebody measures a version: begun like any other, and read when they are over."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from apps.workflows.engine.events import Usage
from apps.workflows.models import Application, Message, Run, Version
from apps.workflows.selectors.events import usages_of
from apps.workflows.services.execute_run import launch
from apps.workflows.services.go_on import go_on_here
from apps.workflows.services.start_run import Accepted, accept_chat, accept_workflow
from apps.workflows.services.stop_run import stop_run
from support.database import in_thread

#: How often a run is looked at that another process executes.
LOOK_S = 0.5
_STOPPABLE = (Run.Status.RUNNING, Run.Status.PAUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended, or that it has not."""

    status: str
    answer: str = ""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    error_code: str = ""
    error_message: str = ""
    elapsed: float | None = None
    #: Of each call of a model.
    usages: Sequence[Usage] = ()

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status not in _STOPPABLE

    @property
    def is_paused(self) -> bool:
        """Whether it waits for a person."""
        return self.status == Run.Status.PAUSED

    @property
    def is_good(self) -> bool:
        """Whether there is an answer to judge."""
        return self.status in (Run.Status.SUCCEEDED, Run.Status.PARTIAL)


def accept_measured(
    version_id: UUID, *, team_id: UUID, query: str, inputs: Mapping[str, Any], end_user: str
) -> Accepted:
    """A run of a version, published or not, in a conversation of its own. Raises what accepting any run raises."""
    version = Version.objects.select_related("application").get(id=version_id, application__team_id=team_id)
    application, source = version.application, Run.Source.EXPERIMENT
    if version.kind == Application.Kind.CHAT:
        return accept_chat(
            application=application,
            version=version,
            query=query,
            inputs=dict(inputs),
            source=source,
            end_user=end_user,
        )
    return accept_workflow(
        application=application, version=version, inputs=dict(inputs), source=source, end_user=end_user
    )


async def see_to_end(run_id: UUID, *, accepted: Accepted | None = None) -> Outcome | None:
    """Wait for the end of a run, or until it waits for a person; one that nobody executes is executed here.

    Who is cancelled while waiting leaves the run to whoever takes it next. None: there is no such run.
    """
    if accepted is not None:
        await asyncio.shield(await launch(accepted))
    while True:
        outcome = await in_thread(outcome_of, run_id)
        if outcome is None or outcome.is_over or outcome.is_paused:
            return outcome
        if not await go_on_here(run_id):
            await asyncio.sleep(LOOK_S)


def outcome_of(run_id: UUID) -> Outcome | None:
    """How a run stands now; None: there is none (any more)."""
    run = Run.objects.filter(id=run_id).first()
    if run is None:
        return None
    if not run.is_finished:
        return Outcome(status=run.status)
    message = Message.objects.filter(run_id=run_id).only("answer").first()
    error = run.error or {}
    return Outcome(
        status=run.status,
        answer=message.answer if message is not None else _only_text(run.outputs),
        outputs=run.outputs,
        error_code=str(error.get("code", "")),
        error_message=str(error.get("message", "")),
        elapsed=run.elapsed,
        usages=usages_of(run_id),
    )


def stop_measured(run_ids: Sequence[UUID]) -> None:
    """Stop these runs wherever they are executed."""
    for run in Run.objects.filter(id__in=run_ids, status__in=_STOPPABLE):
        stop_run(run)


def _only_text(outputs: Mapping[str, Any]) -> str:
    """What a workflow answers, where one of its outputs is a text and it is the only one."""
    texts = [value for value in outputs.values() if isinstance(value, str)]
    return texts[0] if len(texts) == 1 else ""
