"""No part of a document is ignored in silence, and no document, however broken, makes the import fall over."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.workflows.dsl import validate
from apps.workflows.dsl.dify import import_dify
from apps.workflows.dsl.problems import errors_in
from tests.workflows.dify.unseen import ALL
from tests.workflows.dsl.dify.documents import exported, imported

Place = tuple[str | int, ...]

#: Keys that Dify does not execute either, or that are the names of things rather than things.
UNREAD = {
    *("desc", "selected", "title", "height", "width", "position", "positionAbsolute", "sourcePosition"),
    *("targetPosition", "zIndex", "extent", "varType", "var_type", "numberVarType", "item_var_type", "output_type"),
    *("paramSchemas", "params", "startNodeType", "isInIteration", "isInLoop", "iteration_id", "loop_id", "variables"),
    *(
        "start_node_id",
        "write_mode",
        "value_mode",
        "groupId",
        "topics",
        "id",
        "case_id",
        "label",
        "value_type",
        "description",
        "selector",
        "viewport",
        "edges",
    ),
}
STRANGE = [None, [], {}, "?", {"strange": [1]}, 7.5, True, -1, "0", [[]], "\x00", "{{#1.nothing#}}", 10**30]
CANVAS = [name for name in ALL if name != "simple_chat"]


def places(value: Any, at: Place = ()) -> Iterator[Place]:
    """Every place in a document, but for what is not read."""
    yield at
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if key not in UNREAD:
            yield from places(inner, (*at, key))


def at(document: Any, place: Place) -> Any:
    for key in place:
        document = document[key]
    return document


def with_value(document: Any, place: Place, value: Any) -> Any:
    changed = copy.deepcopy(document)
    at(changed, place[:-1])[place[-1]] = value
    return changed


def meaning(value: Any) -> Any:
    """A document of ours without what it keeps for the way back."""
    if isinstance(value, dict):
        return {key: meaning(inner) for key, inner in value.items() if not key.startswith("x-")}
    return [meaning(inner) for inner in value] if isinstance(value, list) else value


def told(result: Any) -> set[tuple[str, str, str]]:
    return {(one.path, one.code, one.message) for one in (*result.warnings, *result.errors)}


def nodes_of(raw: dict[str, Any]) -> list[Any]:
    nodes: list[Any] = raw["workflow"]["graph"]["nodes"]
    return nodes


@pytest.mark.parametrize("name", CANVAS)
def test_nothing_that_is_read_is_ignored_in_silence(name: str) -> None:
    """A setting that is replaced by something of another kind changes what is imported, or is told of."""
    raw = ALL[name]()
    whole = imported(raw)
    before, said = meaning(whole.document), told(whole)
    ignored = []
    for number, node in enumerate(nodes_of(raw)):
        if node["type"] == "custom-note" or _is_put_aside(node, said):
            continue
        data: Place = ("workflow", "graph", "nodes", number, "data")
        for place in places(node["data"]):
            was = at(node["data"], place)
            strange: Any = [{"strange": 1}] if was is None or isinstance(was, dict) else {"strange": [1]}
            result = imported(with_value(raw, (*data, *place), strange))
            if place and meaning(result.document) == before and told(result) == said:
                ignored.append(f"{node['data']['type']}: {'/'.join(map(str, place))}")
    assert ignored == []


def _is_put_aside(node: Any, said: set[tuple[str, str, str]]) -> bool:
    """Whether it was told that the whole node cannot run."""
    return node["data"]["type"] == "tool" and any(code == "no_counterpart" for _, code, _ in said)


BROKEN = st.lists(
    st.tuples(st.integers(0, 10**6), st.sampled_from(STRANGE), st.sampled_from(["set", "remove", "more", "double"])),
    min_size=1,
    max_size=6,
)


@settings(
    max_examples=250, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(
    name=st.sampled_from(list(ALL)), changes=BROKEN, version=st.sampled_from([0.1, "0.1.0", 1, "0.6.0", "9.9", None])
)
def test_no_broken_document_breaks_the_import(name: str, changes: list[Any], version: Any) -> None:
    raw = {**ALL[name](), "version": version}
    for number, value, how in changes:
        everywhere = list(places(raw))[1:]
        place = everywhere[number % len(everywhere)]
        holder, key = at(raw, place[:-1]), place[-1]
        if how == "set":
            holder[key] = copy.deepcopy(value)
        elif how == "remove":
            del holder[key]
        elif how == "double" and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        elif isinstance(holder, dict):
            holder["未知的键"] = copy.deepcopy(value)
    if not isinstance(raw.get("app"), dict):
        return
    before = copy.deepcopy(raw)
    result = import_dify(raw, validate=validate)
    assert raw == before
    if result.errors:
        assert all(problem.message for problem in result.errors)
        return
    assert errors_in(validate(result.document)) == []
    back = json.loads(json.dumps(exported(result.document)))
    assert imported(back).document == result.document


@pytest.mark.parametrize("name", CANVAS)
def test_null_everywhere_is_the_same_as_nothing(name: str) -> None:
    raw = ALL[name]()
    for place in [place for place in places(raw["workflow"]["graph"]["nodes"]) if place]:
        result = imported(with_value(raw, ("workflow", "graph", "nodes", *place), None))
        assert result.errors or errors_in(validate(result.document)) == []
