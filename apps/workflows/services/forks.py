"""New runs that take over what an earlier one has done, and do the rest anew.

The new run's log begins with the reused part, so it goes on, is taken over and replayed like any other, also when the
earlier one is gone. It has its own idempotency keys: what is done anew is done again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.workflows.adapters.log_store import Portion, store
from apps.workflows.engine.events import RunStarted
from apps.workflows.engine.forking import Choice, Reused, all_but, reuse, up_to
from apps.workflows.engine.journal import Numbered, encode
from apps.workflows.engine.past import Past
from apps.workflows.models import Conversation, Message, Run, Version
from apps.workflows.selectors.events import stored_events
from apps.workflows.services.callees import pins_for
from apps.workflows.services.edited_values import apply_edits
from apps.workflows.services.execute_run import launch
from apps.workflows.services.go_on import claim_safely
from apps.workflows.services.plans import plan_of
from apps.workflows.services.prefix import changed_nodes
from apps.workflows.services.start_run import LEASE, Accepted, accepted_again
from support.database import in_thread
from support.errors import Conflict, InvalidInput

#: How many runs may be made of one, and how long a log may be of which one is made.
MOST_FORKS: Final = 200
MOST_EVENTS: Final = 200_000


class CannotFork(Conflict):
    """No run can be made of this one now, or not there."""

    code = "cannot_fork"


class PrefixChanged(Conflict):
    """The version differs in what was to be reused."""

    code = "fork_prefix_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Who wants a new run, of which version (None: the same), and with which values changed, by path."""

    source: str
    end_user: str
    version: Version | None = None
    values: Mapping[str, Any] | None = None


def fork_run(parent: Run, *, after: int, wish: Wish) -> Accepted:
    """A run that begins where the parent's log was after event `after`: what was finished by then is reused.

    It is nobody's until a worker is told of it (`hand_to_worker`) or this process takes it (`launch_fork`).
    Raises CannotFork, PrefixChanged, InvalidInput, TooLarge, CannotRun.
    """
    past = _past_of(parent)
    if not 1 <= after <= past[-1][0]:
        raise InvalidInput(_("The run has no event %d.") % after, path="/after")
    return _forked(parent, past, up_to(after), wish, seq=after)


def rerun_from(parent: Run, *, node_id: str, frame: str = "", wish: Wish) -> Accepted:
    """A run in which a node runs anew with all that depends on it; everything else the parent finished is reused.

    `frame` is the round that the node is in, as events name it. Raises as `fork_run` does.
    """
    past = _past_of(parent)
    version = wish.version or parent.version
    if (frame, node_id) not in Past.of(event for _, event in past).attempts:
        raise InvalidInput(_("%s did not run there.") % node_id[:64], path="/node_id")
    try:
        choice = all_but(plan_of(version), last=past[-1][0], frame=frame, node_id=node_id)
    except KeyError:
        text = _("%s is in a workflow that was called, or this version has no such step. Begin at the step around it.")
        raise CannotFork(text % node_id[:64]) from None
    return _forked(parent, past, choice, wish, node_id=node_id, frame=frame)


def _past_of(parent: Run) -> list[Numbered]:
    if parent.status == Run.Status.RUNNING:
        raise CannotFork(_("This run is still going on. Stop it, or wait for its end."))
    past = stored_events(parent.id)
    if not past or not isinstance(past[0][1], RunStarted):
        raise CannotFork(_("Nothing is kept of how this run went."))
    if len(past) > MOST_EVENTS:
        raise CannotFork(_("This run is too long to make another one of it."))
    return past


def _forked(
    parent: Run, past: list[Numbered], choice: Choice, wish: Wish, *, seq: int | None = None, **where: str
) -> Accepted:
    version = wish.version or parent.version
    plan = plan_of(version)
    inputs = parent.inputs
    reused = reuse(past, choice, plan=plan, at=time.time(), inputs=inputs)
    if version.id != parent.version_id:
        _refuse_changes(parent.version, version, reused)
    if wish.values:
        before, frame = Past.of(event for _, event in past), where.get("frame", "")
        edited = apply_edits(parent, before, reused.places, version=version, frame=frame, values=wish.values)
        inputs = dict(edited.inputs)
        reused = reuse(past, choice, plan=plan, at=time.time(), inputs=inputs, edited=edited.outputs)
    return _written(parent, version, reused, wish, inputs=inputs, seq=seq, **where)


def _refuse_changes(old: Version, new: Version, reused: Reused) -> None:
    changed = changed_nodes(old.document, new.document, reused.places)
    if changed:
        text = _("Version %(new)d differs from version %(old)d in steps that were to be reused: %(nodes)s.")
        facts = {"new": new.number, "old": old.number, "nodes": ", ".join(changed)}
        raise PrefixChanged(text % facts, nodes=changed)


@transaction.atomic
def _written(
    parent: Run,
    version: Version,
    reused: Reused,
    wish: Wish,
    *,
    inputs: dict[str, Any],
    seq: int | None,
    node_id: str = "",
    frame: str = "",
) -> Accepted:
    """The new run's rows and the beginning of its log."""
    locked = Run.objects.select_for_update().get(id=parent.id)
    if locked.forks.count() >= MOST_FORKS:
        raise CannotFork(_("Of one run, at most %d others can be made.") % MOST_FORKS)
    now = timezone.now()
    run = Run(
        team_id=parent.team_id,
        application_id=parent.application_id,
        version=version,
        conversation=_branch(parent, wish),
        source=wish.source,
        end_user=wish.end_user,
        query=parent.query,
        inputs=inputs,
        variables=parent.variables,
        entry=parent.entry,
        called=parent.called if version.id == parent.version_id else pins_for(parent.application, version),
        started_at=now,
        lease_until=now + LEASE,
        epoch=0,
        forked_from=parent,
        forked_at=seq,
        forked_node=node_id,
        forked_frame=frame,
    )
    run.save(force_insert=True)
    if run.conversation is not None:
        Message.objects.create(
            team_id=run.team_id,
            application_id=run.application_id,
            conversation=run.conversation,
            run=run,
            query=run.query,
            inputs=run.inputs,
        )
    store([Portion(run_id=run.id, epoch=0, rows=encode(enumerate(reused.events, start=1)))])
    return accepted_again(run)


async def launch_fork(accepted: Accepted) -> bool:
    """Execute a new run on this loop; False where somebody else has it."""
    claim = await in_thread(claim_safely, accepted.run.id)
    if claim is not None:
        accepted.run.epoch = claim.run.epoch
        await launch(accepted, goes_on=claim.goes_on)
    return claim is not None


def _branch(parent: Run, wish: Wish) -> Conversation | None:
    """A conversation of its own, that stands where the parent's stood when the parent began."""
    if parent.conversation is None:
        return None
    branch = Conversation(
        team_id=parent.team_id,
        application_id=parent.application_id,
        name=parent.conversation.name,
        source=wish.source,
        end_user=wish.end_user,
        inputs=parent.conversation.inputs,
        variables=parent.variables,
        branched_from=Message.objects.filter(run_id=parent.id).first(),
    )
    branch.save(force_insert=True)
    return branch
