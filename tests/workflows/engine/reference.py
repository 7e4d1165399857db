"""The reference: what a document means, interpreted slowly and obviously, one node after the other, parents first.

It shares no code with the engine. It knows no time: where a graph holds failures that nobody handles, it works out
everything that might still happen, and `strict` says whether all of it must.

Documents list their nodes parents first, refer only to what is decided by then, and hold the node types of
`random_graphs.py`.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Scope = list[dict[str, Any]]
NOWHERE = object()


@dataclass
class Fate:
    """What becomes of a node: ran to an end (`succeeded`, `failed`), `skipped`, or `dead`: never decided."""

    status: str
    outputs: Mapping[str, Any] = field(default_factory=dict)
    handle: str | None = None
    handled: bool = False
    partial: bool = False
    #: None where it depends on which of several nodes fails first.
    retries: int | None = 0
    again: bool | None = False
    code: str = ""

    @property
    def goes_on(self) -> bool:
        return self.status == "succeeded" or self.handled


@dataclass
class Pass:
    """One pass over a graph. `must` tells whether it has to take place, `strict` whether all of it has."""

    fates: dict[str, Fate]
    must: bool = True
    strict: bool = True
    output: Any = None

    @property
    def culprits(self) -> set[str]:
        return {name for name, fate in self.fates.items() if fate.status == "failed" and not fate.handled}

    @property
    def again(self) -> set[bool | None]:
        """Whether its failure may pass, for every node that may be the first to fail."""
        return {self.fates[name].again for name in self.culprits}


class Fails(Exception):
    """A node fails, with a code; None in `again` where nobody can know whether it is tried again."""

    def __init__(self, code: str, *, again: bool | None = False) -> None:
        super().__init__(code)
        self.code = code
        self.again = again


class Reference:
    """The meaning of one run: every pass by its path, the outermost one under the empty path."""

    def __init__(self, document: Mapping[str, Any], inputs: Mapping[str, Any], entry: str | None = None) -> None:
        self.passes: dict[str, Pass] = {}
        declared = {item["name"]: item.get("default") for item in document.get("inputs", ())}
        scope = [{"inputs": {**declared, **inputs}}]
        entries = [one["id"] for one in document["nodes"] if one["type"] == "start"]
        self._play(document, scope, path="", entries=entries if entry is None else [entry])
        self._lessen()

    @property
    def status(self) -> str:
        if self.passes[""].culprits:
            return "failed"
        everything = [fate for one in self.passes.values() if one.must for fate in one.fates.values()]
        return "partial-succeeded" if any(fate.handled or fate.partial for fate in everything) else "succeeded"

    @property
    def outputs(self) -> dict[str, Any]:
        fates = self.passes[""].fates
        return {
            name: value for id_, fate in fates.items() if id_.startswith("end") for name, value in fate.outputs.items()
        }

    def _lessen(self) -> None:
        """What lies in a pass that need not end need not end either, and need not begin."""
        for path, one in self.passes.items():
            if one.culprits:
                one.strict = False
            outer = path
            while outer:
                outer = outer.rpartition("/")[0]
                if not self.passes[outer].strict or self.passes[outer].culprits or not self.passes[outer].must:
                    one.must = one.strict = False

    def _play(self, graph: Mapping[str, Any], scope: Scope, *, path: str, entries: Sequence[str] | None) -> Pass:
        own: dict[str, Any] = {}
        fates: dict[str, Fate] = {}
        self.passes[path] = one = Pass(fates)
        for node in graph["nodes"]:
            ways = [_taken(edge, fates) for edge in graph.get("edges", ()) if edge["to"] == node["id"]]
            begins = not ways and (entries is None or node["id"] in entries)
            decision = "run" if begins else _decide(node.get("join", "resolved"), ways)
            fates[node["id"]] = fate = self._run(node, [*scope, own], path) if decision == "run" else Fate(decision)
            if fate.goes_on:
                own[node["id"]] = fate.outputs
        return one

    def _run(self, node: Mapping[str, Any], scope: Scope, path: str) -> Fate:
        policy = node.get("on_error", {})
        times = policy.get("retry", {}).get("times", 0)
        for tries in range(times + 1):
            try:
                fate = getattr(self, "_" + node["type"].replace("-", "_"))(node, scope, path, tries)
            except Fails as failure:
                if failure.again and tries < times:
                    continue
                then = policy.get("then", "fail")
                outputs = dict(policy.get("outputs", {})) if then != "fail" else {}
                handle = "error" if then == "branch" else None
                retries = None if failure.again is None and times else tries
                handled = then != "fail"
                return Fate("failed", outputs, handle, handled, retries=retries, again=failure.again, code=failure.code)
            fate.retries = tries
            return fate
        raise AssertionError("every try ends or is followed by another")

    def _start(self, _node: Any, scope: Scope, _path: str, _tries: int) -> Fate:
        return Fate("succeeded", scope[0]["inputs"])

    def _end(self, node: Mapping[str, Any], scope: Scope, _path: str, _tries: int) -> Fate:
        return Fate("succeeded", {name: _find(ref, scope) for name, ref in node["config"]["outputs"].items()})

    def _probe(self, node: Mapping[str, Any], scope: Scope, _path: str, tries: int) -> Fate:
        config = node["config"]
        value = checksum(config["name"], [_find(ref, scope) for ref in config["sees"]])
        case = config["cases"][value % len(config["cases"])]
        if tries < case.get("fails", 0):
            raise Fails(case["code"], again=case["code"] == "busy")
        for name in config.get("writes", ()):
            _holder(scope)[name] = value
        outputs = {"value": value, "list": list(range(value % 4)), "nested": [[value % 3], [value % 5, 1]]}
        return Fate("succeeded", outputs, case.get("handle"))

    def _if_else(self, node: Mapping[str, Any], scope: Scope, _path: str, _tries: int) -> Fate:
        chosen = "else"
        for case in node["config"]["cases"]:
            (condition,) = case["conditions"]
            value = _look(condition["left"], scope)
            if value is NOWHERE:
                raise Fails("missing_value")
            if value is not None and value > condition["right"]:
                chosen = case["id"]
                break
        return Fate("succeeded", {}, chosen)

    def _iteration(self, node: Mapping[str, Any], scope: Scope, path: str, _tries: int) -> Fate:
        config = node["config"]
        items = _find(config["over"], scope)
        if items is None:
            items = []
        if not isinstance(items, list):
            raise Fails("wrong_type")
        mode, parallel = config.get("on_item_error", "fail"), config.get("parallel", 1)
        results, failed = [], 0
        again: set[bool | None] = set()
        rounds: list[Pass] = []
        for index, item in enumerate(items):
            inner = {"item": item, "index": index}
            one = self._play(config["body"], [*scope, inner], path=inside(path, node["id"], index), entries=None)
            rounds.append(one)
            if one.culprits:
                failed += 1
                again |= one.again
                if mode == "fail" and parallel == 1:
                    raise Fails("told_to", again=_agreed(again))
                results += [None] if mode == "continue" else []
                continue
            collect = config.get("collect")
            one.output = None if collect is None else _find(collect, [*scope, inner, _outputs(one)])
            results.append(one.output)
        if failed and mode == "fail":
            for one in rounds:  # any of them may be broken off, or never begin
                one.must = one.strict = False
            raise Fails("told_to", again=_agreed(again))
        lists = [result for result in results if result is not None]
        if config.get("flatten") and results and all(isinstance(result, list) for result in lists):
            results = [inner for result in lists for inner in result]
        return Fate("succeeded", {"output": results}, partial=failed > 0)

    def _loop(self, node: Mapping[str, Any], scope: Scope, path: str, _tries: int) -> Fate:
        config = node["config"]
        own = {
            name: _find(start["from"], scope) if "from" in start else start["value"]
            for name, start in config["variables"].items()
        }
        count = 0
        if not _over(config, own):
            for count in range(1, config["rounds"] + 1):
                state = {**own, "round": count, "leave": False}
                where = inside(path, node["id"], count - 1)
                one = self._play(config["body"], [*scope, {"loop": state}], path=where, entries=None)
                if one.culprits:
                    raise Fails("told_to", again=_agreed(one.again))
                own = {name: state[name] for name in own}
                one.output = _over(config, own)
                if state["leave"] or one.output:
                    break
        return Fate("succeeded", {**own, "loop_round": count})

    def _loop_end(self, _node: Any, scope: Scope, _path: str, _tries: int) -> Fate:
        _holder(scope)["leave"] = True
        return Fate("succeeded")


def checksum(name: str, values: Sequence[Any]) -> int:
    """A number that depends on everything that a node sees."""
    return zlib.crc32(repr((name, values)).encode()) % 997


def inside(path: str, name: str, index: int) -> str:
    """The path of a round."""
    return f"{path}/{name}:{index}" if path else f"{name}:{index}"


def _taken(edge: Mapping[str, Any], fates: Mapping[str, Fate]) -> bool | None:
    """Whether a way is taken; None if that is never decided."""
    fate = fates[edge["from"]]
    if fate.status == "dead" or (fate.status == "failed" and not fate.handled):
        return None
    return fate.goes_on and fate.handle == edge.get("when")


def _decide(join: str, ways: list[bool | None]) -> str:
    if join == "first" and True in ways:
        return "run"
    if join == "all" and False in ways:
        return "skipped"
    if None in ways:
        return "dead"
    return "run" if ways and (all(ways) if join == "all" else any(ways)) else "skipped"


def _find(reference: str, scope: Scope) -> Any:
    value = _look(reference, scope)
    return None if value is NOWHERE else value


def _look(reference: str, scope: Scope) -> Any:
    root, *parts = reference.split(".")
    for names in reversed(scope):
        if root in names:
            value = names[root]
            for part in parts:
                value = value.get(part, NOWHERE) if isinstance(value, dict) else NOWHERE
            return value
    return NOWHERE


def _holder(scope: Scope) -> dict[str, Any]:
    """The variables of the innermost loop."""
    return next(names["loop"] for names in reversed(scope) if "loop" in names)


def _agreed(again: set[bool | None]) -> bool | None:
    return again.pop() if len(again) == 1 else None


def _outputs(one: Pass) -> dict[str, Any]:
    return {name: fate.outputs for name, fate in one.fates.items() if fate.goes_on}


def _over(config: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
    """Whether the condition of a loop holds; one over nothing does not."""
    for condition in config.get("until", ()):
        value = own[condition["left"].removeprefix("loop.")]
        return value is not None and value > condition["right"]
    return False
