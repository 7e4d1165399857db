"""list-operator: filter a list, take one item out of it, put it in order, and cut it short, in this order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.workflows.engine.errors import NodeFailure, WrongType
from apps.workflows.engine.node import Config, NodeContext, NodeResult, NodeType, Use
from apps.workflows.engine.variables import MISSING, Reference, Source, as_text, parse_source, resolve
from apps.workflows.nodes.comparison import as_number
from apps.workflows.nodes.keyed import KeyedConditions, compile_keyed, keyed_conditions, keyed_uses, part_of
from apps.workflows.nodes.shapes import REFERENCE, SOURCE, closed, uses


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """By the items themselves, or by an attribute of each."""

    key: str | None
    descending: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOperator:
    """`extract` is a position from 1 on."""

    source: Reference
    filter: KeyedConditions | None
    extract: Source | int | None
    order: Order | None
    limit: int | None

    async def run(self, context: NodeContext) -> NodeResult:
        items = self._items(context)
        context.inputs = {self.source.path: items}
        if self.filter is not None:
            items = self.filter.chosen(items, context.values)
        if self.extract is not None:
            items = [_at(items, self._position(context))]
        if self.order is not None:
            items = _ordered(items, self.order)
        if self.limit is not None:
            items = items[: self.limit]
        outputs = {"result": items, "first": items[0] if items else None, "last": items[-1] if items else None}
        return NodeResult(outputs=outputs)

    def _items(self, context: NodeContext) -> list[Any]:
        items = context.values.get(self.source)
        if items is None:
            return []
        if not isinstance(items, (list, tuple)):
            raise WrongType(field="list", expected="a list", got=type(items).__name__)
        return [*items]

    def _position(self, context: NodeContext) -> int:
        position = self.extract if isinstance(self.extract, int) else None
        if position is None:
            assert self.extract is not None
            given = resolve(self.extract, context.values)  # type: ignore[arg-type]
            number = as_number("extract.position", given)
            if number != int(number):
                raise WrongType(field="extract.position", expected="a whole number", got=as_text(given))
            position = int(number)
        return position


def _at(items: Sequence[Any], position: int) -> Any:
    if not 1 <= position <= len(items):
        message = f"There is no item {position} in a list of {len(items)}."
        raise NodeFailure("no_such_item", message, details={"position": position, "items": len(items)})
    return items[position - 1]


def _ordered(items: list[Any], order: Order) -> list[Any]:
    """Numbers by their size and before texts; what has no such attribute comes last, either way."""
    there = [(part_of(item, order.key), item) for item in items]
    known = [pair for pair in there if pair[0] is not None and pair[0] is not MISSING]
    unknown = [item for value, item in there if value is None or value is MISSING]
    known.sort(key=lambda pair: _rank(pair[0]), reverse=order.descending)
    return [*(item for _, item in known), *unknown]


def _rank(value: Any) -> tuple[int, float, str]:
    if isinstance(value, (int, float)):
        return 0, value, ""
    return 1, 0, as_text(value)


def _compile(config: Config) -> ListOperator:
    extract, order = config.get("extract"), config.get("order")
    position = None if extract is None else extract["position"]
    return ListOperator(
        source=Reference.parse(config["list"]),
        filter=compile_keyed(config["filter"]) if "filter" in config else None,
        extract=parse_source(position) if isinstance(position, str) else position,
        order=None if order is None else Order(key=order.get("key"), descending=order.get("direction") == "desc"),
        limit=config.get("limit"),
    )


def _outputs(_config: Config) -> frozenset[str]:
    return frozenset({"result", "first", "last"})


def _uses(config: Config) -> Iterator[Use]:
    yield from uses("/list", config["list"])
    if "filter" in config:
        yield from keyed_uses("/filter", config["filter"])
    extract: Mapping[str, Any] = config.get("extract") or {}
    if isinstance(extract.get("position"), str):
        yield from uses("/extract/position", extract["position"])


LIST_OPERATOR = NodeType(
    name="list-operator",
    schema=closed(
        {
            "list": REFERENCE,
            "filter": keyed_conditions(key_required=False),
            "extract": closed(
                {"position": {"if": {"type": "string"}, "then": SOURCE, "else": {"type": "integer", "minimum": 1}}},
                required=["position"],
            ),
            "order": closed(
                {
                    "key": {"type": "string", "minLength": 1, "maxLength": 200},
                    "direction": {"enum": ["asc", "desc"], "default": "asc"},
                }
            ),
            "limit": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
        },
        required=["list"],
    ),
    compile=_compile,
    outputs=_outputs,
    uses=_uses,
)
