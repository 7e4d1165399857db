"""Dify's document as ours: read the frame, sort the graph, translate every node, repair, and keep what is left over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.utils.translation import gettext as _

from apps.workflows.dsl.dify import frame
from apps.workflows.dsl.dify.edges import put_edge_aside, read_edges
from apps.workflows.dsl.dify.frame import KEPT
from apps.workflows.dsl.dify.incoming import MISSING, Here, Known, Reading
from apps.workflows.dsl.dify.keeping import keep
from apps.workflows.dsl.dify.node_data import read_common
from apps.workflows.dsl.dify.nodes.containers import read_until
from apps.workflows.dsl.dify.nodes.mapping import NoCounterpart
from apps.workflows.dsl.dify.nodes.table import CONTAINERS, MAPPED
from apps.workflows.dsl.dify.patches import digest
from apps.workflows.dsl.dify.reading import list_at, object_at, text_at
from apps.workflows.dsl.dify.repair import Repair
from apps.workflows.dsl.dify.sorting import Found, Sorted, sort_graph
from apps.workflows.dsl.dify.state import Importing
from apps.workflows.dsl.problems import Problem, errors_in

_GRAPH: Final = ("workflow", "graph")
_TRIGGERS: Final = ("trigger-webhook", "trigger-schedule")
_MAX_WARNINGS: Final = 500


def import_graph(
    raw: dict[str, Any], *, validate: Callable[[Any], list[Problem]]
) -> tuple[dict[str, Any], list[Problem], list[Problem]]:
    """Our document for one of mode workflow or advanced-chat, with warnings and the errors that are left."""
    graph = object_at(raw, *_GRAPH)
    made = _begin(raw, sort_graph(list_at(graph, "nodes"), list_at(graph, "edges"), _GRAPH))
    for way in made.sorted.ways:
        made.ways_in.setdefault((made.sorted.found[way.source].known.inside or ("",))[-1], []).append(way)
    made.document |= _read_graph("", made)
    _declare_missing(made)
    repair = Repair(
        document=made.document,
        missing=made.reading.missing,
        validate=validate,
        give_up=lambda node, reason: _give_up(node, reason, made),
        dropped=lambda edge: put_edge_aside(edge, made),
    )
    _declare_missing(made, needed=True)
    errors = repair.run()
    _declare_missing(made)
    warnings = made.reading.problems
    for path, code, message in repair.told:
        warnings.append(Problem(path=_their_path(path, made), code=code, message=message, severity="warning"))
    keep(made)
    errors = errors or errors_in(validate(made.document))
    shown = [Problem(path=_their_path(e.path, made), code=e.code, message=e.message) for e in errors]
    return made.document, _once(warnings), shown


def _once(warnings: list[Problem]) -> list[Problem]:
    found = list(dict.fromkeys(warnings))
    if len(found) > _MAX_WARNINGS:
        message = _("There are %d more warnings than are shown.") % (len(found) - _MAX_WARNINGS)
        found[_MAX_WARNINGS:] = [Problem(path="", code="too_many_problems", message=message, severity="warning")]
    return found


def _begin(raw: dict[str, Any], graph: Sorted) -> Importing:
    workflow = object_at(raw, "workflow")
    kind = "workflow" if text_at(raw, "app", "mode") == frame.WORKFLOW_MODE else "chat"
    _begin_somewhere(graph)
    start = next((one for one in graph.children("") if one.known.type == "start"), None)
    declared, path = (list_at(start.data, "variables"), (*start.path, "variables")) if start else ([], ())
    inputs, names, problems = frame.read_inputs(declared, path)
    conversation, conversation_names, more = frame.read_variables(
        list_at(workflow, "conversation_variables"), ("workflow", "conversation_variables"), secrets=False
    )
    environment, environment_names, still = frame.read_variables(
        list_at(workflow, "environment_variables"), ("workflow", "environment_variables"), secrets=True
    )
    features, unused = frame.read_features(object_at(workflow, "features"), ("workflow", "features"))
    taken = set(environment_names.values())
    missing = MISSING
    while missing in taken:
        missing += "_"
    reading = Reading(
        nodes={theirs: found.known for theirs, found in graph.found.items()},
        inputs=names,
        conversation=conversation_names,
        environment=environment_names,
        missing=f"env.{missing}",
        problems=[*graph.problems, *problems, *more, *still, *unused],
    )
    document: dict[str, Any] = {"skep": 1, "app": frame.read_app(raw, kind=kind)}
    if inputs:
        document["inputs"] = inputs
    variables = {"conversation": conversation, "environment": environment}
    if conversation or environment:
        document["variables"] = {key: value for key, value in variables.items() if value}
    if features:
        document["features"] = features
    return Importing(raw=frame.without_secrets(raw), sorted=graph, reading=reading, kind=kind, document=document)


def _begin_somewhere(graph: Sorted) -> None:
    """Where only an event of a plugin begins a run, somebody starts it by hand here."""
    outside = graph.children("")
    if any(one.known.type in ("start", *_TRIGGERS) for one in outside):
        return
    for one in outside:
        if one.known.type == "trigger-plugin":
            known = Known(theirs=one.known.theirs, id=one.known.id, type="start")
            start = Found(known=known, raw=one.raw, data=one.data, path=one.path)
            graph.change({name: start if name == known.theirs else each for name, each in graph.found.items()})
            message = _("Events of plugins start no runs here: somebody starts them by hand.")
            graph.warn(one.path, "no_counterpart", message)
            return


def _read_graph(container: str, made: Importing) -> dict[str, Any]:
    """The nodes and edges of one graph, and those inside its containers."""
    found = made.sorted.children(container)
    nodes = [_read_node(one, made) for one in found]
    edges = read_edges(container, {one.known.theirs for one in found} & made.sorted.found.keys(), made)
    return {"nodes": nodes, "edges": edges} if edges else {"nodes": nodes}


def _read_node(found: Found, made: Importing) -> dict[str, Any]:
    known = found.known
    made.origin[known.id] = found
    node: dict[str, Any] = {"id": known.id, "type": known.type}
    node |= read_common(found.data, node_id=known.id, kind=known.type)
    if known.theirs != known.id:
        node[KEPT] = {"id": known.theirs}
    here = Here(reading=made.reading, node=known, path=found.path)
    try:
        config = _read_config(found, here, made)
    except NoCounterpart as why:
        made.reading.warn(found.path, "no_counterpart", why.reason)
        _give_up(node, why.reason, made)
        return node
    if config:
        node["config"] = config
    if known.type == "start" and text_at(found.data, "type") != "start":
        node.setdefault(KEPT, {}).update(whole=found.data, of=digest([node["type"], node.get("config")]))
    return node


def _read_config(found: Found, here: Here, made: Importing) -> dict[str, Any]:
    known, data = found.known, found.data
    mapping = MAPPED.get(known.type)
    if mapping is None:
        raise NoCounterpart(_("There are no nodes of type %s here.") % repr(known.type[:60]))
    config = mapping.read(data, here)
    if known.type not in CONTAINERS:
        return config
    if not made.sorted.children(known.theirs):
        raise NoCounterpart(_("There is nothing in the container."))
    config["body"] = _read_graph(known.theirs, made)
    inner = Known(theirs="", id="", type="", inside=(*known.inside, known.theirs))
    inside = Here(reading=made.reading, node=inner, path=found.path)
    if known.type == "loop":
        return config | read_until(data, inside)
    if list_at(data, "output_selector"):
        config["collect"] = inside.reference(data["output_selector"], "output_selector")
    return config


def _give_up(node: dict[str, Any], reason: str, made: Importing) -> None:
    """Let a node stand that says why it cannot run; what was in it is put aside."""
    found = made.origin.get(text_at(node, "id"))
    data = found.data if found is not None else {}
    if node.get("type") in ("end", "answer", "start") and node.get("type") == text_at(data, "type"):
        node["type"], node["config"] = "variable-aggregator", {"variables": [made.reading.missing]}
    elif _is_last_entry(node, made):
        node["type"], node["config"] = "start", {}  # somebody begins by hand what no clock and no request can
    else:
        node["type"], node["config"] = "unavailable", {"reason": reason[:2_000] or "?"}
    node.setdefault(KEPT, {}).update(whole=data, of=digest([node["type"], node["config"]]))
    made.given_up.add(text_at(node, "id"))
    for edge, way in made.ways.values():
        if edge["from"] == node["id"] and edge.get("when", "error") != "error":
            del edge["when"]
            edge[KEPT] = {"handle": way.handle}
    if found is not None and found.known.type in CONTAINERS:
        _put_body_aside(found.known.theirs, made)


def _is_last_entry(node: dict[str, Any], made: Importing) -> bool:
    """Whether runs begin at this trigger and nowhere else."""
    others = (text_at(one, "type") for one in list_at(made.document, "nodes") if one is not node)
    return text_at(node, "type") in _TRIGGERS and not any(kind in ("start", *_TRIGGERS) for kind in others)


def _put_body_aside(container: str, made: Importing) -> None:
    """Take what was in a container out of the graph, to give it back at export."""
    inner = made.sorted.within(container)
    for name in inner:
        made.origin.pop(made.reading.nodes[name].id, None)
    made.sorted.put_aside(inner)
    entries = {entry for entry, around in made.sorted.entries.items() if around in (container, *inner)}
    graph = object_at(made.raw, *_GRAPH)
    made.sorted.aside_nodes += [raw for raw in list_at(graph, "nodes") if text_at(raw, "id") in entries]
    made.sorted.aside_edges += [raw for raw in list_at(graph, "edges") if text_at(raw, "source") in entries]


def _declare_missing(made: Importing, *, needed: bool = False) -> None:
    """Declare what stands for missing values, if anything uses it."""
    name = made.reading.missing.removeprefix("env.")
    variables = made.document.setdefault("variables", {})
    environment = [one for one in variables.get("environment", []) if one.get("name") != name]
    if needed or _mentions(made.document.get("nodes"), made.reading.missing):
        description = str(_("Stands for what the imported document refers to and does not have. It is empty."))
        environment.append({"name": name, "type": "string", "description": description, KEPT: {"added": True}})
    if environment:
        variables["environment"] = environment
    else:
        variables.pop("environment", None)
    if not variables:
        del made.document["variables"]


def _mentions(value: Any, words: str) -> bool:
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, str) and words in one:
            return True
        if isinstance(one, dict):
            stack.extend(one.values())
        elif isinstance(one, list):
            stack.extend(one)
    return False


def _their_path(path: str, made: Importing) -> str:
    """A place of ours as one of Dify's document: at least its node."""
    parts = path.split("/")[1:]
    at = max((place for place in range(len(parts) - 1) if parts[place] == "nodes"), default=-1)
    value: Any = made.document
    for part in parts[: at + 2] if at >= 0 else ():
        value = value.get(part) if isinstance(value, dict) else value[int(part)] if isinstance(value, list) else None
    found = made.origin.get(text_at(value, "id")) if isinstance(value, dict) else None
    if found is None:
        return path
    return "".join(f"/{part}" for part in found.path)
