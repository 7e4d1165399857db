"""Which llm nodes of a document show examples to their model, and the document with that changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class AskingNode:
    """A node that asks a model, with the examples it wants (`k` is 0: none)."""

    id: str
    title: str
    #: Where it is in the document, as a JSON pointer.
    path: str
    k: int = 0
    token_budget: int | None = None
    min_score: float = 0.0


def asking_nodes(document: Mapping[str, Any]) -> list[AskingNode]:
    """The llm nodes in document order, those in containers too. Drafts may hold anything."""
    return [_asking(path, node) for path, node in _nodes(document) if node.get("type") == "llm"]


def with_examples(
    document: Mapping[str, Any], node_id: str, *, k: int, token_budget: int | None, min_score: float
) -> dict[str, Any]:
    """The document in which this node wants so many examples; with a `k` of 0 it wants none.

    What else is set (`query`, `place`) stays. A document without the node is given back as it is.
    """
    changed = deepcopy(dict(document))
    for _path, node in _nodes(changed):
        if node.get("type") != "llm" or node.get("id") != node_id:
            continue
        config = node["config"] = _object(node.get("config"))
        kept = {name: value for name, value in _object(config.get("few_shot")).items() if name in ("query", "place")}
        config.pop("few_shot", None)
        if k:
            wanted: dict[str, Any] = {"k": k}
            if token_budget is not None:
                wanted["token_budget"] = token_budget
            if min_score:
                wanted["min_score"] = min_score
            config["few_shot"] = wanted | kept
    return changed


def _nodes(document: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    nodes = document.get("nodes")
    for place, node in enumerate(nodes if isinstance(nodes, list) else ()):
        if not isinstance(node, dict):
            continue
        at = f"{path}/nodes/{place}"
        yield at, node
        body = _object(node.get("config")).get("body")
        if isinstance(body, dict) and "nodes" in body:
            yield from _nodes(body, f"{at}/config/body")


def _asking(path: str, node: Mapping[str, Any]) -> AskingNode:
    given = _object(_object(node.get("config")).get("few_shot"))
    k, budget, least = given.get("k"), given.get("token_budget"), given.get("min_score")
    return AskingNode(
        id=str(node.get("id", "")),
        title=str(node.get("title") or node.get("id", "")),
        path=path,
        k=k if isinstance(k, int) else 0,
        token_budget=budget if isinstance(budget, int) else None,
        min_score=float(least) if isinstance(least, int | float) else 0.0,
    )


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
