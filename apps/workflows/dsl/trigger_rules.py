"""Rules about triggers: schedules that come due, webhooks whose values and answers make sense."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from apps.workflows.dsl.outline import Outline, OutlineNode
from apps.workflows.dsl.problems import Problem, pointer
from apps.workflows.engine.variables import SYSTEM_NAMES, Reference, Template
from apps.workflows.nodes.recurrence import BadSchedule, next_due
from apps.workflows.nodes.trigger_webhook import BINARY, MULTIPART, PLAIN, declared, output_name

#: A day that no calendar of ours has left out: the year does not matter, for a schedule is looked for over fifty.
_ANY_DAY = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
TRIGGERS = frozenset({"trigger-webhook", "trigger-schedule"})


def check_triggers(graph: Outline) -> Iterator[Problem]:
    """All rules, over the triggers of a graph whose configuration has the right shape."""
    for node in graph.written:
        if node.type_name not in TRIGGERS:
            continue
        path = graph.pointer("nodes", node.place)
        if graph.kind == "chat":
            message = _("A chat begins with somebody's message: triggers begin workflows.")
            yield Problem(path=f"{path}/type", code="wrong_for_kind", message=message)
        if node.type is None:
            continue
        if node.type_name == "trigger-schedule":
            yield from _check_schedule(node, f"{path}/config")
        else:
            yield from _check_names(node, f"{path}/config")
            yield from _check_body(node, f"{path}/config")
            yield from _check_answer(graph, node, f"{path}/config/respond/body")


def _check_schedule(node: OutlineNode, path: str) -> Iterator[Problem]:
    try:
        due = next_due(node.config, _ANY_DAY)
    except BadSchedule as exc:
        yield Problem(path=path + pointer(exc.key), code="bad_schedule", message=str(exc))
        return
    if due is None:
        yield Problem(path=path, code="bad_schedule", message=_("This schedule is never due."))


def _check_names(node: OutlineNode, path: str) -> Iterator[Problem]:
    """Headers, parameters and the body give their values side by side."""
    places: dict[str, int] = {}
    seen: set[str] = set()
    for place, one in declared(node.config):
        number = places[place] = places.get(place, -1) + 1
        name = output_name(one["name"])
        if name in seen:
            message = _("This name is taken: %s.") % name
            yield Problem(path=path + pointer(place, number, "name"), code="duplicate_name", message=message)
        seen.add(name)


def _check_body(node: OutlineNode, path: str) -> Iterator[Problem]:
    """What a kind of content can hold."""
    kind, body = node.config.get("content_type", "application/json"), node.config.get("body") or []
    single = {PLAIN: "string", BINARY: "file"}.get(kind)
    if single is not None and len(body) > 1:
        message = _("A body of this content type is one value.")
        yield Problem(path=path + pointer("body", 1), code="wrong_body", message=message)
    for number, one in enumerate(body):
        given: Any = one.get("type", "string")
        at = path + pointer("body", number, "type")
        if single is not None and given != single:
            message = _("A body of this content type is of the type %s.") % single
            yield Problem(path=at, code="wrong_body", message=message)
        elif single is None and "file" in given and kind != MULTIPART:
            message = _("Files come with the content type %s only.") % MULTIPART
            yield Problem(path=at, code="wrong_body", message=message)


def _check_answer(graph: Outline, node: OutlineNode, path: str) -> Iterator[Problem]:
    """An answer inserts what any node gave; one that is given at once, only what the request held."""
    text = (node.config.get("respond") or {}).get("body", "")
    at_once = node.config.get("async", False)
    for reference in Template.parse(text).references():
        problem = _problem_of(graph, node, reference, at_once=at_once)
        if problem is not None:
            yield Problem(path=path, code=problem[0], message=problem[1] % {"path": reference.path[:200]})


def _problem_of(graph: Outline, node: OutlineNode, reference: Reference, *, at_once: bool) -> tuple[str, Any] | None:
    root, rest = reference.root, reference.parts[1:]
    if root == "sys" and rest[:1] and rest[0] in SYSTEM_NAMES:
        return None
    if root not in graph.index_of or not rest:
        return "unknown_reference", _("%(path)s does not exist.")
    source = graph.nodes[graph.index_of[root]]
    if at_once and source is not node:
        return "not_upstream", _("%(path)s is not known yet: an `async` webhook answers before the run.")
    outputs = source.type.outputs(source.config) if source.type is not None else None
    if outputs is not None and rest[0] not in outputs and source.type_name != "start":
        return "unknown_output", _("%(path)s does not exist.")
    return None
