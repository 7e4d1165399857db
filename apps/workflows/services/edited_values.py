"""Values that somebody changes before a run goes on from a step: what the step refers to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from django.utils.translation import gettext as _

from apps.workflows.dsl import check_inputs
from apps.workflows.engine.forking import steps_of
from apps.workflows.engine.journal import storable
from apps.workflows.engine.node import own_keys
from apps.workflows.engine.past import Past, Place
from apps.workflows.engine.variables import Reference
from apps.workflows.models import Run, Version
from apps.workflows.nodes.registry import REGISTRY
from support.errors import InvalidInput, TooLarge

MOST_BYTES: Final = 1_000_000
MOST_VALUES: Final = 50
MOST_DIGITS: Final = 9
INPUTS: Final = "inputs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """The inputs of the new run, and outputs that take the place of what nodes gave."""

    inputs: Mapping[str, Any]
    outputs: Mapping[Place, Mapping[str, Any]] = field(default_factory=dict)


def is_of_document(document: Mapping[str, Any], frame: str, node_id: str) -> bool:
    """Whether a node that ran in a frame is in the document, and not in a workflow that it calls."""
    return _found(document, frame, node_id) is not None


def references_of_node(document: Mapping[str, Any], frame: str, node_id: str) -> list[str]:
    """The paths that a node's configuration refers to, each once; empty where there is no such node."""
    node = _found(document, frame, node_id)
    if node is None:
        return []
    if node["type"] == "start":
        return [f"{INPUTS}.{declared['name']}" for declared in document.get("inputs") or ()]
    config = own_keys(node.get("config") or {})
    return list(dict.fromkeys(use.reference.path for use in REGISTRY[node["type"]].uses(config)))


def _found(document: Mapping[str, Any], frame: str, node_id: str) -> Mapping[str, Any] | None:
    graph: Mapping[str, Any] = document
    found = None
    for name in [*(step.node_id for step in steps_of(frame)), node_id]:
        found = next((node for node in graph.get("nodes", ()) if node["id"] == name), None)
        if found is None:
            return None
        graph = (found.get("config") or {}).get("body") or {}
    return found


def value_at(run: Run, past: Past, frame: str, path: str) -> tuple[Place | None, Any]:
    """Which node's output a path means from inside a frame (None: an input of the run), and its value.

    Raises LookupError for what is neither, or was not there.
    """
    root, *rest = Reference.parse(path).parts
    if root == INPUTS:
        return None, _inside(run.inputs, rest)
    for outer in _outwards(frame):
        outcome = past.outcomes.get((outer, root))
        if outcome is not None:
            return (outer, root), _inside(outcome.outputs, rest)
    raise KeyError(path)


def apply_edits(
    run: Run, past: Past, kept: Iterable[Place], *, version: Version, frame: str, values: Mapping[str, Any]
) -> Edited:
    """The values as they are with these changes, by path. Raises InvalidInput, TooLarge."""
    if len(values) > MOST_VALUES or len(orjson.dumps(values, default=str)) > MOST_BYTES:
        raise TooLarge(_("The changed values are too many or too large."), path="/values")
    inputs: dict[str, Any] = dict(run.inputs)
    outputs: dict[Place, Mapping[str, Any]] = {}
    reused, changed = set(kept), set()
    for path, value in values.items():
        place = _editable(run, past, frame, path, reused)
        rest = path.split(".")[1:]
        if place is None:
            inputs = _with(inputs, rest, storable(value))
            changed.add(rest[0])
        else:
            outputs[place] = _with(outputs.get(place, past.outcomes[place].outputs), rest, storable(value))
    return Edited(inputs=_checked(version, inputs, changed), outputs=outputs)


def _editable(run: Run, past: Past, frame: str, path: str, kept: set[Place]) -> Place | None:
    try:
        place, _value = value_at(run, past, frame, path)
    except LookupError:
        place, known = None, False
    else:
        known = len(path.split(".")) > 1 and (place is None or place in kept)
    if not known:
        text = _("%s cannot be changed here: it is no input of the run and no output of a step that is kept.")
        raise InvalidInput(text % path[:200], path=f"/values/{path[:200]}")
    return place


def _checked(version: Version, inputs: dict[str, Any], changed: set[str]) -> dict[str, Any]:
    if not changed:
        return inputs
    checked, problems = check_inputs(version.document, inputs)
    wrong = [problem for problem in problems if problem.path.strip("/").removeprefix("inputs/") in changed]
    if wrong:
        errors = [{"path": p.path, "code": p.code, "message": p.message} for p in wrong]
        raise InvalidInput(" ".join(problem.message for problem in wrong), errors=errors)
    return {**inputs, **{name: checked[name] for name in changed if name in checked}}


def _outwards(frame: str) -> list[str]:
    return [frame, *(step.outer for step in reversed(steps_of(frame)))]


def _inside(value: Any, parts: list[str]) -> Any:
    for part in parts:
        value = value[_index(part)] if isinstance(value, list) else value[part] if isinstance(value, Mapping) else None
        if value is None:
            return None
    return value


def _index(part: str) -> int:
    """Which item of a list a part of a path means, counted as references count. Raises KeyError for what is none."""
    if not part.isdecimal() or len(part) > MOST_DIGITS:
        raise KeyError(part)
    return int(part)


def _with(value: Any, parts: list[str], new: Any) -> Any:
    """The value with something else at the end of a path; what is on the way is copied."""
    if not parts:
        return new
    first, *rest = parts
    if isinstance(value, list):
        at = _index(first)
        return [*value[:at], _with(value[at], rest, new), *value[at + 1 :]]
    if not isinstance(value, Mapping):
        raise InvalidInput(_("There is nothing inside a text or a number that could be changed."), path="/values")
    return {**value, first: _with(value.get(first), rest, new)}
