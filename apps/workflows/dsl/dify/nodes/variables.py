"""variable-aggregator and assigner: joining branches, and setting variables, in all their versions."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext as _

from apps.workflows.dsl.dify.ids import is_identifier
from apps.workflows.dsl.dify.incoming import Here
from apps.workflows.dsl.dify.nodes.mapping import Config, Data, Mapped, NoCounterpart
from apps.workflows.dsl.dify.outgoing import Writing
from apps.workflows.dsl.dify.reading import flag_at, list_at, object_at, text_at

#: Notes an assigner of the first version, for the way back.
FIRST: Final = "x-first-version"
_OPERATIONS: Final = {
    "over-write": "set",
    "set": "set",
    "clear": "clear",
    "append": "append",
    "extend": "extend",
    "+=": "add",
    "-=": "subtract",
    "*=": "multiply",
    "/=": "divide",
    "remove-first": "remove_first",
    "remove-last": "remove_last",
}
_THEIRS: Final = {
    **{ours: theirs for theirs, ours in _OPERATIONS.items()},
    "set": "over-write",
}
_ALONE: Final = ("clear", "remove_first", "remove_last")


def _read_aggregator(data: Data, here: Here) -> dict[str, Any]:
    settings = object_at(data, "advanced_settings")
    if flag_at(settings, "group_enabled"):
        groups: dict[str, list[str]] = {}
        for place, group in enumerate(list_at(settings, "groups")):
            name, at = text_at(group, "group_name"), ("advanced_settings", "groups", place)
            if not is_identifier(name) or name in groups:
                raise NoCounterpart(_("%s cannot be the name of a group.") % repr(name[:60]))
            groups[name] = _references(list_at(group, "variables"), here, *at, "variables")
        if groups:
            return {"groups": groups}
    return {"variables": _references(list_at(data, "variables"), here, "variables")}


def _references(selectors: list[Any], here: Here, *at: str | int) -> list[str]:
    found = [here.reference(selector, *at, place) for place, selector in enumerate(selectors)]
    return found or [here.reference([], *at)]


def _write_aggregator(config: Config, writing: Writing) -> dict[str, Any]:
    groups = config.get("groups")
    if not isinstance(groups, dict):
        return {"output_type": "any", "variables": _selectors(config.get("variables"), writing)}
    written = [
        {"group_name": name, "output_type": "any", "variables": _selectors(paths, writing)}
        for name, paths in groups.items()
    ]
    first = written[0]["variables"] if written else []
    settings = {"group_enabled": True, "groups": written}
    return {"output_type": "any", "variables": first, "advanced_settings": settings}


def _selectors(paths: Any, writing: Writing) -> list[list[str]]:
    paths = paths if isinstance(paths, list) else []
    return [writing.selector(path) for path in paths if path != writing.missing or len(paths) > 1]


def _read_assigner(data: Data, here: Here) -> dict[str, Any]:
    if "items" not in data:
        return _read_first(data, here)
    items = []
    for place, item in enumerate(list_at(data, "items")):
        if not isinstance(item, dict):
            continue
        written = text_at(item, "operation") or "over-write"
        operation = _OPERATIONS.get(written)
        if operation is None:
            raise NoCounterpart(_("There is no operation %s.") % repr(written[:60]))
        one: dict[str, Any] = {"variable": _target(item.get("variable_selector"), here), "operation": operation}
        if operation not in _ALONE:
            one |= _read_value(item, here, "items", place)
        items.append(one)
    if not items:
        raise NoCounterpart(_("There is no variable to set."))
    return {"items": items}


def _read_value(item: dict[str, Any], here: Here, *at: str | int) -> dict[str, Any]:
    value = item.get("value")
    if item.get("input_type") == "variable" or (
        item.get("input_type") is None and item.get("operation") == "over-write"
    ):
        return {"from": here.reference(value, *at, "value")}
    if isinstance(value, str) and "{{#" in value:
        return {"from": here.text(value, *at, "value")}
    return {"value": value}


def _target(selector: Any, here: Here) -> str:
    found = here.find(selector)
    if found is None or found.split(".")[0] not in ("conversation", "loop") or found.count(".") != 1:
        raise NoCounterpart(_("What it should set is no variable of the conversation or of a loop around it."))
    return found


def _read_first(data: Data, here: Here) -> dict[str, Any]:
    written = text_at(data, "write_mode") or "over-write"
    operation = {"over-write": "set", "append": "append", "clear": "clear"}.get(written)
    if operation is None:
        raise NoCounterpart(_("There is no operation %s.") % repr(written[:60]))
    item = {"variable": _target(data.get("assigned_variable_selector"), here), "operation": operation}
    if operation != "clear":
        item["from"] = here.reference(data.get("input_variable_selector"), "input_variable_selector")
    return {"items": [item], FIRST: True}


def _write_assigner(config: Config, writing: Writing) -> dict[str, Any]:
    items = [item for item in list_at(config, "items") if isinstance(item, dict)]
    if config.get(FIRST) is True and len(items) == 1 and _fits_first(items[0]):
        item = items[0]
        data = {
            "assigned_variable_selector": writing.selector(item.get("variable")),
            "write_mode": _THEIRS[item["operation"]],
        }
        return data | ({"input_variable_selector": writing.selector(item["from"])} if "from" in item else {})
    return {"version": "2", "items": [_write_item(item, writing) for item in items]}


def _fits_first(item: dict[str, Any]) -> bool:
    source = item.get("from", "")
    return item.get("operation") in ("set", "append", "clear") and "value" not in item and "{{" not in str(source)


def _write_item(item: dict[str, Any], writing: Writing) -> dict[str, Any]:
    operation = text_at(item, "operation")
    written: dict[str, Any] = {
        "variable_selector": writing.selector(item.get("variable")),
        "operation": _THEIRS.get(operation, operation),
    }
    if "from" in item and "{{" not in str(item["from"]):
        return {**written, "input_type": "variable", "value": writing.selector(item["from"])}
    if operation == "set":
        written["operation"] = "set"
    if "from" in item:
        return {**written, "input_type": "constant", "value": writing.text(item["from"])}
    return {**written, "input_type": "constant", "value": item.get("value")}


VARIABLE_AGGREGATOR = Mapped(read=_read_aggregator, write=_write_aggregator)
ASSIGNER = Mapped(read=_read_assigner, write=_write_assigner)
