"""list-operator and document-extractor: filter, order and cut lists; text out of files."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from apps.workflows.dsl.dify.incoming import Here
from apps.workflows.dsl.dify.nodes.mapping import Config, Data, Mapped, NoCounterpart
from apps.workflows.dsl.dify.outgoing import Writing
from apps.workflows.dsl.dify.reading import as_number, filled, flag_at, list_at, number_at, object_at, text_at
from apps.workflows.dsl.dify.words import OPERATORS, operator_of, reversed_of


def _read_list(data: Data, here: Here) -> dict[str, Any]:
    config: dict[str, Any] = {"list": here.reference(data.get("variable"), "variable")}
    if flag_at(data, "filter_by", "enabled"):
        conditions = [
            _read_condition(one, here, "filter_by", "conditions", place)
            for place, one in enumerate(list_at(data, "filter_by", "conditions"))
            if isinstance(one, dict)
        ]
        if conditions:
            config["filter"] = {"logical": "and", "conditions": conditions}
    if flag_at(data, "extract_by", "enabled"):
        config["extract"] = {"position": _position(data, here)}
    if flag_at(data, "order_by", "enabled"):
        direction = "desc" if text_at(data, "order_by", "value").lower() == "desc" else "asc"
        config["order"] = filled(key=text_at(data, "order_by", "key") or None, direction=direction)
    size = number_at(data, "limit", "size")
    if flag_at(data, "limit", "enabled") and size is not None and size >= 1:
        config["limit"] = int(size)
    return config


def _position(data: Data, here: Here) -> str | int:
    serial = data["extract_by"].get("serial")
    number = as_number(serial)
    if number is not None:
        return max(1, int(number))
    text = here.text(serial, "extract_by", "serial")
    return text if "{{ " in text else 1


def _read_condition(one: dict[str, Any], here: Here, *at: str | int) -> dict[str, Any]:
    written = text_at(one, "comparison_operator")
    op, exact = operator_of(written)
    if op is None:
        raise NoCounterpart(_("There is no operator %s.") % repr(written[:60]))
    if not exact:
        message = _("%(written)s is no operator of Dify's; it is read as %(op)s.") % {
            "written": repr(written[:60]),
            "op": op,
        }
        here.warn("illegal_operator", message, *at, "comparison_operator")
    value = one.get("value")
    right = here.text(value, *at, "value") if isinstance(value, str) else value
    return filled(key=text_at(one, "key") or None, op=op, right="" if right is None else right)


def _write_list(config: Config, writing: Writing) -> dict[str, Any]:
    conditions = [_write_condition(one, writing) for one in list_at(config, "filter", "conditions")]
    position = config.get("extract", {}).get("position") if isinstance(config.get("extract"), dict) else None
    order = object_at(config, "order")
    return {
        "variable": writing.selector(config.get("list")),
        "filter_by": {"enabled": "filter" in config, "conditions": conditions},
        "extract_by": {
            "enabled": "extract" in config,
            "serial": writing.text(position) if isinstance(position, str) else str(position or 1),
        },
        "order_by": {
            "enabled": "order" in config,
            "key": text_at(order, "key"),
            "value": text_at(order, "direction") or "asc",
        },
        "limit": {"enabled": "limit" in config, "size": config.get("limit", 10)},
    }


def _write_condition(one: Any, writing: Writing) -> dict[str, Any]:
    right = one.get("right", "") if isinstance(one, dict) else ""
    op = text_at(one, "op")
    return {
        "key": text_at(one, "key"),
        "comparison_operator": reversed_of(OPERATORS).get(op, op),
        "value": writing.text(right) if isinstance(right, str) else right,
    }


def _read_extractor(data: Data, here: Here) -> dict[str, Any]:
    return {"files": here.reference(data.get("variable_selector"), "variable_selector")}


def _write_extractor(config: Config, writing: Writing) -> dict[str, Any]:
    return {"variable_selector": writing.selector(config.get("files"))}


LIST_OPERATOR = Mapped(read=_read_list, write=_write_list)
DOCUMENT_EXTRACTOR = Mapped(read=_read_extractor, write=_write_extractor)
