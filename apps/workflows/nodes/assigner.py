"""assigner: set variables of the conversation or of the loop, all of them or none."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from apps.workflows.engine.errors import NodeFailure, WrongType
from apps.workflows.engine.node import Config, NodeContext, NodeResult, NodeType, Use
from apps.workflows.engine.variables import Reference, Source, Values, parse_source, resolve
from apps.workflows.nodes.comparison import as_number
from apps.workflows.nodes.shapes import SOURCE, closed, uses

_LONGEST: Final = 2**63
#: A list that a loop puts behind itself would double with every round.
_MOST_ITEMS: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One change: `given` is where the value comes from, or the value itself in a tuple of one."""

    variable: Reference
    operation: str
    given: Source | tuple[Any] | None

    def value(self, values: Values) -> Any:
        """What the operation works with."""
        if isinstance(self.given, tuple):
            return self.given[0]
        return None if self.given is None else resolve(self.given, values)

    @property
    def may_set_null(self) -> bool:
        """A null that is written down is meant; one that turned up because nothing ran is not."""
        return self.operation == "set" and isinstance(self.given, tuple)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigner:
    """Later items see what earlier ones wrote; the run sees it once the node has succeeded."""

    items: tuple[Item, ...]

    async def run(self, context: NodeContext) -> NodeResult:
        view = _View(context.values, {item.variable.root for item in self.items})
        writes: dict[str, Any] = {}
        rows: list[dict[str, Any]] = []
        for place, item in enumerate(self.items):
            changed = self._changed(item, place, view)
            if changed is not _UNCHANGED:
                view.assign(item.variable, changed)
                writes[item.variable.path] = changed
            rows.append(
                {"variable": item.variable.path, "operation": item.operation, "value": writes.get(item.variable.path)}
            )
        context.process = {"items": rows}
        return NodeResult(outputs={}, writes=writes)

    def _changed(self, item: Item, place: int, view: _View) -> Any:
        now = view.values.get(item.variable)
        if item.operation in _ALONE:
            return _ALONE[item.operation](now, f"items.{place}.variable")
        value = item.value(view.values)
        if value is None and not item.may_set_null:
            return _UNCHANGED
        return _WITH[item.operation](now, value, f"items.{place}")


class _View:
    """The run's values with changes that nobody else sees."""

    def __init__(self, values: Values, roots: set[str]) -> None:
        copied = {root: values.get(Reference.parse(root)) for root in roots}
        self.values = values.inside({root: dict(held) for root, held in copied.items() if isinstance(held, Mapping)})

    def assign(self, variable: Reference, value: Any) -> None:
        try:
            self.values.assign(variable, value)
        except KeyError:
            message = f"There is no variable {variable.path} here."
            raise NodeFailure("missing_value", message, details={"path": variable.path}) from None


class _Unchanged:
    """Nothing is to be written."""


_UNCHANGED: Final = _Unchanged()


def _set(_now: Any, value: Any, _place: str) -> Any:
    return value


def _clear(now: Any, _field: str) -> Any:
    """Empty, of the same kind as before."""
    for kind, empty in ((bool, False), ((int, float), 0), (str, ""), ((list, tuple), []), (Mapping, {})):
        if isinstance(now, kind):
            return empty
    return None


def _list(now: Any, field: str) -> list[Any]:
    if now is None:
        return []
    if isinstance(now, (list, tuple)):
        return [*now]
    raise WrongType(field=field, expected="a list", got=_name(now))


def _append(now: Any, value: Any, place: str) -> list[Any]:
    return [*_list(now, f"{place}.variable"), value]


def _extend(now: Any, value: Any, place: str) -> list[Any]:
    held, more = _list(now, f"{place}.variable"), _list(value, f"{place}.value")
    if len(held) + len(more) > _MOST_ITEMS:
        message = f"{place}: the list would have more than {_MOST_ITEMS:,} items."
        raise NodeFailure("list_too_long", message, details={"limit": _MOST_ITEMS})
    return held + more


def _remove_first(now: Any, field: str) -> list[Any]:
    return _list(now, field)[1:]


def _remove_last(now: Any, field: str) -> list[Any]:
    return _list(now, field)[:-1]


def _calculated(operation: Callable[[float, float], float]) -> Callable[[Any, Any, str], Any]:
    def calculate(now: Any, value: Any, place: str) -> Any:
        left = as_number(f"{place}.variable", 0 if now is None else now)
        right = as_number(f"{place}.value", value)
        try:
            result = operation(left, right)
        except ZeroDivisionError:
            raise NodeFailure("division_by_zero", f"{place}: cannot divide by zero.") from None
        except OverflowError:
            result = math.inf
        if not math.isfinite(result) or abs(result) >= _LONGEST:
            raise NodeFailure("number_too_big", f"{place}: the result is too big a number.")
        whole = isinstance(left, int) and isinstance(right, int) and result == int(result)
        return int(result) if whole else result

    return calculate


def _divide(left: float, right: float) -> float:
    """Whole numbers stay exact where the result is one."""
    if isinstance(left, int) and isinstance(right, int) and left % right == 0:
        return left // right
    return left / right


def _name(value: Any) -> str:
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "a text", dict: "an object"}
    return kinds.get(type(value), type(value).__name__)


_WITH: Final[Mapping[str, Callable[[Any, Any, str], Any]]] = MappingProxyType(
    {
        "set": _set,
        "append": _append,
        "extend": _extend,
        "add": _calculated(lambda left, right: left + right),
        "subtract": _calculated(lambda left, right: left - right),
        "multiply": _calculated(lambda left, right: left * right),
        "divide": _calculated(_divide),
    }
)
_ALONE: Final[Mapping[str, Callable[[Any, str], Any]]] = MappingProxyType(
    {"clear": _clear, "remove_first": _remove_first, "remove_last": _remove_last}
)


def _compile(config: Config) -> Assigner:
    return Assigner(items=tuple(map(_item, config["items"])))


def _item(item: Mapping[str, Any]) -> Item:
    given: Source | tuple[Any] | None = None
    if "from" in item:
        given = parse_source(item["from"])
    elif "value" in item:
        given = (item["value"],)
    return Item(variable=Reference.parse(item["variable"]), operation=item["operation"], given=given)


def _outputs(_config: Config) -> frozenset[str]:
    return frozenset()


def _uses(config: Config) -> Iterator[Use]:
    for place, item in enumerate(config["items"]):
        yield Use(pointer=f"/items/{place}/variable", reference=Reference.parse(item["variable"]), optional=True)
        if "from" in item:
            yield from uses(f"/items/{place}/from", item["from"], optional=True)


ASSIGNER = NodeType(
    name="assigner",
    schema=closed(
        {
            "items": {
                "type": "array",
                "minItems": 1,
                "maxItems": 100,
                "items": closed(
                    {
                        "variable": {
                            "type": "string",
                            "pattern": r"^(conversation|loop)\.[A-Za-z_][A-Za-z0-9_]*$",
                            "maxLength": 400,
                            "format": "reference",
                        },
                        "operation": {"enum": [*_WITH, *_ALONE]},
                        "from": SOURCE,
                        "value": {},
                    },
                    required=["variable", "operation"],
                    more={
                        "if": {"properties": {"operation": {"enum": list(_WITH)}}, "required": ["operation"]},
                        "then": {"oneOf": [{"required": ["from"]}, {"required": ["value"]}]},
                    },
                ),
            }
        },
        required=["items"],
    ),
    compile=_compile,
    outputs=_outputs,
    uses=_uses,
)
