"""The workflows that a run may call: chosen when it is accepted, and the same ones wherever it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from apps.workflows.adapters.tools.tool import checked
from apps.workflows.dsl.workflow_calls import why_not
from apps.workflows.engine.callee import PREFIX, Callee
from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.tool_port import ToolInfo
from apps.workflows.models import Application, Run, Version
from apps.workflows.services.environment import environment_for
from apps.workflows.services.inputs import checked_inputs
from apps.workflows.services.plans import plan_of
from apps.workflows.services.published import called_by, pinned_workflows, published_workflows
from support.errors import ConsoleError, InvalidInput

_TYPES: Mapping[str, Mapping[str, Any]] = {
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "file": {"type": "object"},
    "files": {"type": "array", "items": {"type": "object"}},
    "json": {"type": ["object", "array"]},
}


class CallsInACircle(ConsoleError):
    """A workflow would come to call itself."""

    code = "workflow_cycle"
    http_status = 400


class CallsTooDeep(ConsoleError):
    """Too many workflows would be at work inside each other."""

    code = "workflow_too_deep"
    http_status = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """The workflows of one run, by the names that tools have, and texts of theirs that nobody may read."""

    callees: Mapping[str, Callee] = field(default_factory=dict)
    secrets: tuple[str, ...] = field(default=(), repr=False)


def pins_for(application: Application, version: Version) -> dict[str, str]:
    """Slug -> version of all workflows that a run of this version may come to call.

    Raises CallsInACircle, CallsTooDeep.
    """
    first = called_by(version)
    if not first:
        return {}
    versions = published_workflows(first, team_id=application.team_id)
    calls = {slug: called_by(each) for slug, each in versions.items()} | {application.slug: first}
    refused = why_not(application.slug, calls)
    if refused is not None:
        code, message = refused
        raise (CallsInACircle if code == CallsInACircle.code else CallsTooDeep)(message)
    return {slug: str(each.id) for slug, each in versions.items()}


def called_in(run: Run, system: Mapping[str, Any]) -> Called:
    """What a run may call, as it was when the run was accepted. Raises CannotRun, EnvironmentIncomplete."""
    if not run.called:
        return Called()
    callees: dict[str, Callee] = {}
    secrets: list[str] = []
    for slug, version in pinned_workflows(run.called, team_id=run.team_id).items():
        environment = environment_for(version.application, version.document)
        secrets.extend(environment.secrets)
        own = {"app_id": str(version.application_id), "workflow_id": str(version.id)}
        alone = {"query": "", "conversation_id": "", "dialogue_count": 0, "files": [], "trigger": None}
        info = tool_info(version)
        callees[f"{PREFIX}{slug}"] = Callee(
            info=info,
            plan=plan_of(version),
            check=partial(_inputs, version, info),
            version=str(version.id),
            sys={**system, **own, **alone},
            env=environment.values,
        )
    return Called(callees=callees, secrets=tuple(secrets))


def tool_info(version: Version) -> ToolInfo:
    """A workflow as models and nodes know it."""
    application = version.application
    declared = version.document.get("inputs") or ()
    required = [each["name"] for each in declared if each.get("required", "default" not in each)]
    return ToolInfo(
        name=f"{PREFIX}{application.slug}",
        label=application.name,
        description=application.description or application.name,
        parameters={
            "type": "object",
            "properties": {each["name"]: _schema(each) for each in declared},
            "required": required,
            "additionalProperties": False,
        },
    )


def _schema(declared: Mapping[str, Any]) -> dict[str, Any]:
    kind = {"enum": declared["options"]} if declared["type"] == "select" else _TYPES.get(declared["type"])
    label = declared.get("label") or declared["name"]
    return {**(kind or {"type": "string"}), "description": declared.get("description") or label}


def _inputs(version: Version, info: ToolInfo, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """A call's inputs, with texts read as what is wanted and defaults filled in. Raises NodeFailure."""
    try:
        return checked_inputs(version, checked(info, given))
    except InvalidInput as exc:
        raise NodeFailure("tool_parameters", f"{info.name}: {exc.message}", details=exc.details) from exc
