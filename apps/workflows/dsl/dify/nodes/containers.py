"""iteration and loop: all but the graph inside, which is put together elsewhere."""

from __future__ import annotations

import json
from typing import Any, Final

from django.utils.translation import gettext as _

from apps.workflows.dsl.dify.ids import is_identifier
from apps.workflows.dsl.dify.incoming import Here
from apps.workflows.dsl.dify.nodes.branching import read_conditions, write_conditions
from apps.workflows.dsl.dify.nodes.mapping import Config, Data, Mapped, NoCounterpart
from apps.workflows.dsl.dify.outgoing import Writing
from apps.workflows.dsl.dify.reading import as_number, bounded, flag_at, list_at, number_at, object_at, text_at

_ON_ERROR: Final = {"terminated": "fail", "continue-on-error": "continue", "remove-abnormal-output": "drop"}
_THEIRS: Final = {ours: theirs for theirs, ours in _ON_ERROR.items()}
_RESERVED: Final = ("round", "leave")


def _read_iteration(data: Data, here: Here) -> dict[str, Any]:
    config: dict[str, Any] = {"over": here.reference(data.get("iterator_selector"), "iterator_selector")}
    if flag_at(data, "is_parallel"):
        config["parallel"] = bounded(number_at(data, "parallel_nums"), 1, 100, 10)
    on_error = _ON_ERROR.get(text_at(data, "error_handle_mode"), "fail")
    if on_error != "fail":
        config["on_item_error"] = on_error
    if data.get("flatten_output") is not False:
        config["flatten"] = True  # what Dify does where nothing is said
    return config


def _write_iteration(config: Config, writing: Writing) -> dict[str, Any]:
    parallel = number_at(config, "parallel") or 1
    data: dict[str, Any] = {
        "iterator_selector": writing.selector(config.get("over")),
        "is_parallel": parallel > 1,
        "parallel_nums": parallel if parallel > 1 else 10,
        "error_handle_mode": _THEIRS.get(text_at(config, "on_item_error"), "terminated"),
        "output_type": "array[any]",
    }
    return data | ({} if config.get("flatten") is True else {"flatten_output": False})


def _read_loop(data: Data, here: Here) -> dict[str, Any]:
    config: dict[str, Any] = {"rounds": bounded(number_at(data, "loop_count"), 1, 1000, 10)}
    variables: dict[str, Any] = {}
    for place, one in enumerate(list_at(data, "loop_variables")):
        name = text_at(one, "label")
        if not is_identifier(name) or name in _RESERVED or name in variables:
            raise NoCounterpart(_("%s cannot be the name of a variable.") % repr(name[:60]))
        kind = text_at(one, "var_type") or "string"
        if one.get("value_type") == "variable":
            start = here.reference(one.get("value"), "loop_variables", place, "value")
            variables[name] = {"type": kind, "from": start}
        else:
            variables[name] = {"type": kind, "value": _typed(one.get("value"), kind)}
    return {**config, "variables": variables} if variables else config


def read_until(data: Data, inside: Here) -> dict[str, Any]:
    """When a loop ends; its conditions are seen from inside."""
    conditions = read_conditions(list_at(data, "break_conditions"), inside, "break_conditions")
    if not conditions:
        return {}
    return {"until": conditions, "logical": "or" if text_at(data, "logical_operator").lower() == "or" else "and"}


def write_until(config: Config, inside: Writing) -> dict[str, Any]:
    """When a loop ends, as Dify has it."""
    return {
        "break_conditions": write_conditions(config.get("until"), inside),
        "logical_operator": text_at(config, "logical") or "and",
    }


def _typed(value: Any, kind: str) -> Any:
    """A constant of the type it should have: forms keep numbers and objects as texts."""
    if not isinstance(value, str) or kind == "string":
        return value
    if kind == "number":
        number = as_number(value)
        return value if number is None else number
    if kind in ("object", "boolean") or kind.startswith("array"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _write_loop(config: Config, writing: Writing) -> dict[str, Any]:
    variables = [
        {
            "label": name,
            "var_type": text_at(one, "type") or "string",
            "value_type": "variable" if "from" in one else "constant",
            "value": writing.selector(one["from"]) if "from" in one else one.get("value"),
        }
        for name, one in object_at(config, "variables").items()
        if isinstance(one, dict)
    ]
    return {"loop_count": config.get("rounds"), "loop_variables": variables}


def _nothing(_part: Any, _here: Any) -> dict[str, Any]:
    return {}


ITERATION = Mapped(read=_read_iteration, write=_write_iteration)
LOOP = Mapped(read=_read_loop, write=_write_loop)
LOOP_END = Mapped(read=_nothing, write=_nothing)
