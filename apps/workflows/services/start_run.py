"""Accepting a run: its rows exist and are committed before anybody is told that it started."""

from __future__ import annotations

import datetime as dt
import logging
import os
import socket
import uuid
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from django.utils import timezone

from apps.workflows.engine.callee import Callees
from apps.workflows.engine.graph import Plan
from apps.workflows.engine.journal import storable
from apps.workflows.engine.run_info import RunInfo
from apps.workflows.engine.runner import RunValues
from apps.workflows.models import Application, Conversation, Message, Run, Version
from apps.workflows.selectors.messages import open_conversation
from apps.workflows.selectors.runs import info_of
from apps.workflows.services.callees import called_in, pins_for
from apps.workflows.services.environment import Environment, EnvironmentIncomplete, environment_for
from apps.workflows.services.files import file_inputs, named_files
from apps.workflows.services.inputs import MAX_INPUT_BYTES, checked_inputs, checked_query
from apps.workflows.services.plans import CannotRun, plan_of
from support.database import execute_together, insertion
from support.errors import ConsoleError, InvalidInput, TooLarge
from support.trace_context import NO_CONTEXT, TraceContext

logger = logging.getLogger(__name__)

LEASE = dt.timedelta(seconds=30)
#: This process, as the owner of the runs it executes.
OWNER = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
#: Where a run keeps the files that were sent beside its inputs; no input can have this name.
SENT_FILES = "sys.files"
#: Where it keeps what set it off.
TRIGGERED = "sys.trigger"
_TOUCH = "UPDATE workflows_conversation SET updated_at = clock_timestamp() WHERE id = %s"


class WrongKind(ConsoleError):
    """A chat was asked of a workflow app."""

    code = "not_chat_app"
    http_status = 400


class NotAWorkflow(ConsoleError):
    """A workflow run was asked of a chat app."""

    code = "not_workflow_app"
    http_status = 400


class NoStart(ConsoleError):
    """A workflow that only its triggers can begin was asked to begin."""

    code = "no_start_node"
    http_status = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A run that is committed and waits to be launched."""

    run: Run
    info: RunInfo
    plan: Plan
    values: RunValues
    #: The node where the run begins, where there are several.
    entry: str | None = None
    message: Message | None = None
    is_new_conversation: bool = True
    #: Texts that nobody may read in what is kept of the run.
    secrets: tuple[str, ...] = field(default=(), repr=False)
    #: The workflows that it may call, by the names that tools have.
    callees: Callees = field(default_factory=dict)


def accept_chat(
    *,
    application: Application,
    version: Version,
    query: object,
    inputs: object,
    source: str,
    end_user: str,
    conversation_id: str | UUID | None = None,
    files: object = (),
    for_worker: bool = False,
    caller: TraceContext = NO_CONTEXT,
) -> Accepted:
    """A chat turn, in a new conversation or an end user's own earlier one; see `accept_workflow` for `for_worker`.

    Raises WrongKind, InvalidInput, TooLarge, NotFound, EnvironmentIncomplete.
    """
    if version.kind != Application.Kind.CHAT:
        raise WrongKind(f"{application.name} is a workflow, not a chat. Use /v1/workflows/run.")
    text = checked_query(query)
    conversation = (
        open_conversation(conversation_id, application=application, source=source, end_user=end_user)
        if conversation_id
        else None
    )
    # A conversation's form is filled in once; later turns may leave it out.
    if not isinstance(inputs, dict):
        raise InvalidInput("inputs must be an object.", path="/inputs")
    values = checked_inputs(version, {**(conversation.inputs if conversation else {}), **inputs})
    values = file_inputs(version.document, values, application=application, source=source, end_user=end_user)
    plan, environment = plan_of(version), environment_for(application, version.document)
    given = _with_files(values, files, application=application, source=source, end_user=end_user)
    is_new = conversation is None
    if conversation is None:
        conversation = Conversation(
            team_id=application.team_id,
            application=application,
            name=" ".join(text.split())[:80],
            source=source,
            end_user=end_user,
            inputs=values,
            variables=_initial_variables(version.document),
        )
    run = _new_run(
        application, version, source, end_user, text, given, conversation, for_worker=for_worker, caller=caller
    )
    message = Message(
        team_id=application.team_id,
        application=application,
        conversation=conversation,
        run=run,
        query=text,
        inputs=given,
    )
    touched = insertion(conversation) if is_new else (_TOUCH, (conversation.id,))
    execute_together(touched, insertion(run), insertion(message))
    return _accepted(run, application, version, plan, conversation, message, is_new, environment)


def accept_workflow(
    *,
    application: Application,
    version: Version,
    inputs: object,
    source: str,
    end_user: str,
    files: object = (),
    for_worker: bool = False,
    caller: TraceContext = NO_CONTEXT,
) -> Accepted:
    """One call of a workflow app. A run `for_worker` is nobody's until a worker takes it (see `hand_to_worker`).

    Raises NotAWorkflow, NoStart, InvalidInput, TooLarge, EnvironmentIncomplete.
    """
    if version.kind != Application.Kind.WORKFLOW:
        raise NotAWorkflow(f"{application.name} is a chat app. Use /v1/chat-messages.")
    if start_of(plan_of(version)) is None:
        raise NoStart(f"{application.name} has no start node: its triggers begin its runs.")
    values = checked_inputs(version, inputs)
    values = file_inputs(version.document, values, application=application, source=source, end_user=end_user)
    values = _with_files(values, files, application=application, source=source, end_user=end_user)
    plan, environment = plan_of(version), environment_for(application, version.document)
    run = _new_run(application, version, source, end_user, "", values, None, for_worker=for_worker, caller=caller)
    execute_together(insertion(run))
    return _accepted(run, application, version, plan, None, None, True, environment)


def accept_trigger(
    *,
    application: Application,
    version: Version,
    entry: str,
    given: dict[str, Any],
    end_user: str,
    for_worker: bool,
) -> Accepted:
    """A run that begins at a trigger's node with what set it off. Raises TooLarge, CannotRun, EnvironmentIncomplete."""
    inputs: dict[str, Any] = storable({TRIGGERED: given})
    if len(orjson.dumps(inputs)) > MAX_INPUT_BYTES:
        raise TooLarge(f"What a trigger gives to a run may have {MAX_INPUT_BYTES:,} bytes.")
    plan, environment = plan_of(version), environment_for(application, version.document)
    source = Run.Source.TRIGGER
    run = _new_run(application, version, source, end_user, "", inputs, None, for_worker=for_worker, entry=entry)
    execute_together(insertion(run))
    return _accepted(run, application, version, plan, None, None, True, environment)


def start_of(plan: Plan) -> str | None:
    """The node where runs begin that no trigger sets off."""
    return next((plan.nodes[index].id for index in plan.entries if plan.nodes[index].type == "start"), None)


def _with_files(
    values: dict[str, Any], files: object, *, application: Application, source: str, end_user: str
) -> dict[str, Any]:
    """A run's inputs, with the files that were sent beside them (`sys.files`)."""
    if not files:
        return values
    sent = named_files(files, path="/files", application=application, source=source, end_user=end_user)
    return {**values, SENT_FILES: sent}


def _new_run(
    application: Application,
    version: Version,
    source: str,
    end_user: str,
    query: str,
    inputs: dict[str, Any],
    conversation: Conversation | None,
    *,
    for_worker: bool = False,
    entry: str = "",
    caller: TraceContext = NO_CONTEXT,
) -> Run:
    now = timezone.now()
    return Run(
        team_id=application.team_id,
        application=application,
        version=version,
        conversation=conversation,
        source=source,
        end_user=end_user,
        query=query,
        inputs=inputs,
        variables=_variables(conversation, version.document),
        entry=entry,
        started_at=now,
        lease_owner="" if for_worker else OWNER,
        lease_until=now + LEASE,
        epoch=0 if for_worker else 1,
        called=pins_for(application, version),
        traceparent=caller.traceparent,
        tracestate=caller.state,
    )


def _accepted(
    run: Run,
    application: Application,
    version: Version,
    plan: Plan,
    conversation: Conversation | None,
    message: Message | None,
    is_new: bool,
    environment: Environment,
) -> Accepted:
    system = {
        "query": run.query,
        "run_id": str(run.id),
        "app_id": str(application.id),
        "workflow_id": str(version.id),
        "user": run.end_user,
        "conversation_id": str(conversation.id) if conversation else "",
        "dialogue_count": _turn(message, is_new=is_new),
        "files": run.inputs.get(SENT_FILES, []),
        "trigger": run.inputs.get(TRIGGERED),
        "timestamp": int(run.started_at.timestamp()),
    }
    called = called_in(run, system)
    return Accepted(
        run=run,
        info=info_of(run, application=application, version=version, message_id=message.id if message else None),
        plan=plan,
        values=RunValues(
            inputs=run.inputs,
            sys=system,
            conversation=_variables(conversation, version.document),
            env=environment.values,
        ),
        entry=run.entry or start_of(plan),
        message=message,
        is_new_conversation=is_new,
        secrets=(*environment.secrets, *called.secrets),
        callees=called.callees,
    )


def accepted_again(run: Run) -> Accepted:
    """A run that was accepted earlier, maybe by another process. Raises CannotRun."""
    run = Run.objects.select_related("application", "version", "conversation").get(id=run.id)
    message = Message.objects.filter(run_id=run.id).first()
    plan = plan_of(run.version)
    try:
        environment = environment_for(run.application, run.version.document)
    except EnvironmentIncomplete as exc:
        raise CannotRun(exc.message, **exc.details) from exc
    return _accepted(run, run.application, run.version, plan, run.conversation, message, False, environment)


def _turn(message: Message | None, *, is_new: bool) -> int:
    """The number of this turn in its conversation, from 1; 0 outside of one."""
    if message is None:
        return 0
    if is_new:
        return 1
    return Message.objects.filter(conversation_id=message.conversation_id, id__lt=message.id).count() + 1


def _initial_variables(document: dict[str, Any]) -> dict[str, Any]:
    declared = document.get("variables", {}).get("conversation", [])
    return {variable["name"]: variable.get("default") for variable in declared}


def _variables(conversation: Conversation | None, document: dict[str, Any]) -> dict[str, Any]:
    """A conversation's variables, with those that the version has and the conversation began without."""
    return {**_initial_variables(document), **conversation.variables} if conversation else {}
