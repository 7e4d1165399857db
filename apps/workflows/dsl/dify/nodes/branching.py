"""if-else, in both shapes; and the conditions that loops end by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext as _

from apps.workflows.dsl.dify.ids import is_identifier
from apps.workflows.dsl.dify.incoming import Here
from apps.workflows.dsl.dify.nodes.mapping import Config, Data, Mapped, NoCounterpart
from apps.workflows.dsl.dify.outgoing import Writing
from apps.workflows.dsl.dify.reading import filled, list_at, text_at
from apps.workflows.dsl.dify.words import OPERATORS, operator_of, reversed_of

#: Notes the shape of one case without a list of cases, for the way back.
LEGACY: Final = "x-legacy"
_UNARY: Final = frozenset({"empty", "not_empty", "null", "not_null", "exists", "not_exists"})
_TAKEN: Final = frozenset({"else", "error", "timeout"})
#: What holds always, and never: no conditions joined by `and`, and by `or`.
_ALWAYS: Final = {"left": "sys.run_id", "op": "exists"}
_NEVER: Final = {"left": "sys.run_id", "op": "not_exists"}


def _cases(data: Data) -> list[Any]:
    cases = list_at(data, "cases")
    if not cases and "conditions" in data:
        return [{"case_id": "true", "conditions": data["conditions"], "logical_operator": data.get("logical_operator")}]
    return cases


def case_ids(data: Data) -> list[tuple[str, str]]:
    """Dify's id and ours of every case, in order."""
    pairs: list[tuple[str, str]] = []
    for place, case in enumerate(_cases(data)):
        theirs = text_at(case, "case_id") or text_at(case, "id")
        taken = _TAKEN | {ours for _theirs, ours in pairs}
        pairs.append((theirs, theirs if is_identifier(theirs) and theirs not in taken else f"case_{place + 1}"))
    return pairs


def _read(data: Data, here: Here) -> dict[str, Any]:
    cases = []
    legacy = not list_at(data, "cases")
    for place, (case, (_theirs, ours)) in enumerate(zip(_cases(data), case_ids(data), strict=True)):
        at = ("conditions",) if legacy else ("cases", place, "conditions")
        logical = "or" if text_at(case, "logical_operator").lower() == "or" else "and"
        conditions = read_conditions(list_at(case, "conditions"), here, *at)
        if not conditions:
            conditions = [dict(_ALWAYS if logical == "and" else _NEVER)]
        cases.append({"id": ours, "logical": logical, "conditions": conditions})
    if not cases:
        raise NoCounterpart(_("There is nothing to decide by."))
    return {"cases": cases, **({LEGACY: True} if legacy else {})}


def read_conditions(conditions: list[Any], here: Here, *at: str | int) -> list[dict[str, Any]]:
    """Conditions over values. Raises NoCounterpart for an operator that nobody knows."""
    return [_read_condition(one, here, *at, place) for place, one in enumerate(conditions) if isinstance(one, dict)]


def _operator(one: Mapping[str, Any], here: Here, *at: str | int) -> str:
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
    return op


def _read_condition(one: dict[str, Any], here: Here, *at: str | int) -> dict[str, Any]:
    op = _operator(one, here, *at)
    condition: dict[str, Any] = {
        "left": here.reference(one.get("variable_selector"), *at, "variable_selector"),
        "op": op,
    }
    inner = one.get("sub_variable_condition")
    if isinstance(inner, dict) and list_at(inner, "conditions"):
        condition["where"] = {
            "logical": "or" if text_at(inner, "logical_operator").lower() == "or" else "and",
            "conditions": [
                _read_inner(each, here, *at, "sub_variable_condition", "conditions", place)
                for place, each in enumerate(list_at(inner, "conditions"))
                if isinstance(each, dict)
            ],
        }
    if op not in _UNARY and "where" not in condition:
        condition["right"] = _right(one, here, *at)
    return condition


def _read_inner(one: dict[str, Any], here: Here, *at: str | int) -> dict[str, Any]:
    op = _operator(one, here, *at)
    condition: dict[str, Any] = {"key": text_at(one, "key") or "name", "op": op}
    return condition if op in _UNARY else {**condition, "right": _right(one, here, *at)}


def _right(one: dict[str, Any], here: Here, *at: str | int) -> Any:
    value = one.get("value")
    return here.text(value, *at, "value") if isinstance(value, str) else ("" if value is None else value)


def write_condition(one: Any, writing: Writing) -> dict[str, Any]:
    """A condition as Dify has it."""
    one = one if isinstance(one, dict) else {}
    op, right = text_at(one, "op"), one.get("right", "")
    written = {
        "comparison_operator": reversed_of(OPERATORS).get(op, op),
        "value": writing.text(right) if isinstance(right, str) else right,
    }
    if "key" in one:
        return {"key": one["key"], **written}
    written["variable_selector"] = writing.selector(one.get("left"))
    where = one.get("where")
    if isinstance(where, dict):
        written["sub_variable_condition"] = {
            "logical_operator": text_at(where, "logical") or "and",
            "conditions": [write_condition(each, writing) for each in list_at(where, "conditions")],
        }
    return written


def write_conditions(conditions: Any, writing: Writing) -> list[dict[str, Any]]:
    """Conditions as Dify has them; those that stand for none are left out."""
    written = conditions if isinstance(conditions, list) else []
    return [] if written in ([_ALWAYS], [_NEVER]) else [write_condition(one, writing) for one in written]


def _write(config: Config, writing: Writing) -> dict[str, Any]:
    cases = [
        filled(
            case_id=text_at(case, "id"),
            logical_operator=text_at(case, "logical") or "and",
            conditions=write_conditions(case.get("conditions"), writing),
        )
        for case in list_at(config, "cases")
        if isinstance(case, dict)
    ]
    if config.get(LEGACY) is True and len(cases) == 1:
        return {"conditions": cases[0]["conditions"], "logical_operator": cases[0]["logical_operator"]}
    return {"cases": [{"id": case["case_id"], **case} for case in cases]}


IF_ELSE = Mapped(read=_read, write=_write)
