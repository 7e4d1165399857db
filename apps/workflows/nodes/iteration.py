"""iteration: run the body once for every item of a list, several at a time if wanted, results in the list's order."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from apps.workflows.engine.errors import NodeFailure, WrongType
from apps.workflows.engine.node import Config, NodeContext, NodeResult, NodeType, Round, Use
from apps.workflows.engine.variables import Reference, Values
from apps.workflows.nodes.shapes import BODY, REFERENCE, closed, uses

OnItemError = Literal["fail", "continue", "drop"]
MAX_PARALLEL: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Iteration:
    """`collect` is what an item gives; without it the rounds are run for what they do."""

    over: Reference
    collect: Reference | None
    parallel: int
    on_item_error: OnItemError
    flatten: bool

    async def run(self, context: NodeContext) -> NodeResult:
        items = self._items(context.values)
        context.inputs = {self.over.path: items}
        context.world.room_for(len(items))
        rounds = _Rounds(self, context, items)
        await rounds.all()
        context.process = {"items": len(items), "failed": len(rounds.failed)}
        return NodeResult(outputs={"output": rounds.output()}, partial=bool(rounds.failed))

    def _items(self, values: Values) -> Sequence[Any]:
        items = values.get(self.over)
        if items is None:
            return ()
        if not isinstance(items, (list, tuple)):
            raise WrongType(field="over", expected="a list", got=type(items).__name__)
        return items


class _Rounds:
    """The rounds of one run of the node: a few takers share one iterator, so no more is prepared than is run."""

    def __init__(self, node: Iteration, context: NodeContext, items: Sequence[Any]) -> None:
        self._node = node
        self._context = context
        self._left = enumerate(items)
        self._results: list[Any] = [None] * len(items)
        self._takers = min(node.parallel, len(items))
        self.failed: set[int] = set()

    async def all(self) -> None:
        """Run them all, or until one fails that may not."""
        if self._takers <= 1:
            await self._take()
            return
        takers = [asyncio.ensure_future(self._take()) for _ in range(self._takers)]
        try:
            await asyncio.gather(*takers)
        finally:
            for taker in takers:
                taker.cancel()
            await asyncio.gather(*takers, return_exceptions=True)

    def _collect(self, values: Values) -> Any:
        return None if self._node.collect is None else values.get(self._node.collect)

    async def _take(self) -> None:
        for index, item in self._left:
            round_ = Round(index=index, values={"item": item, "index": index}, collect=self._collect)
            try:
                self._results[index] = await self._context.world.round(round_)
            except NodeFailure as failure:
                if self._node.on_item_error == "fail":
                    raise NodeFailure(
                        failure.code,
                        f"Item {index}: {failure.message}",
                        retryable=failure.retryable,
                        details={**failure.details, "item": index},
                    ) from failure
                self.failed.add(index)

    def output(self) -> list[Any]:
        """What the items gave, in their order."""
        kept = [
            result
            for index, result in enumerate(self._results)
            if not (self._node.on_item_error == "drop" and index in self.failed)
        ]
        if (
            self._node.flatten
            and kept
            and all(isinstance(result, (list, tuple)) for result in kept if result is not None)
        ):
            return [inner for result in kept if result is not None for inner in result]
        return kept


def _compile(config: Config) -> Iteration:
    collect = config.get("collect")
    return Iteration(
        over=Reference.parse(config["over"]),
        collect=None if collect is None else Reference.parse(collect),
        parallel=config.get("parallel", 1),
        on_item_error=config.get("on_item_error", "fail"),
        flatten=config.get("flatten", False),
    )


def _outputs(_config: Config) -> frozenset[str]:
    return frozenset({"output"})


def _uses(config: Config) -> Iterator[Use]:
    yield from uses("/over", config["over"])


def _round_names(_config: Config) -> Mapping[str, frozenset[str] | None]:
    return {"item": None, "index": None}


def _inner_uses(config: Config) -> Iterator[Use]:
    if config.get("collect") is not None:
        yield Use(pointer="/collect", reference=Reference.parse(config["collect"]), optional=True)


ITERATION = NodeType(
    name="iteration",
    schema=closed(
        {
            "over": REFERENCE,
            "body": BODY,
            "collect": REFERENCE,
            "parallel": {"type": "integer", "minimum": 1, "maximum": MAX_PARALLEL, "default": 1},
            "on_item_error": {"enum": ["fail", "continue", "drop"], "default": "fail"},
            "flatten": {"type": "boolean", "default": False},
        },
        required=["over", "body"],
    ),
    compile=_compile,
    outputs=_outputs,
    uses=_uses,
    container=True,
    round_names=_round_names,
    inner_uses=_inner_uses,
)
