"""Dify's apps without a canvas (chat, completion, agent-chat) as the small graphs that do the same."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

from django.utils.translation import gettext as _

from apps.workflows.dsl.dify import frame
from apps.workflows.dsl.dify.frame import KEPT, warning
from apps.workflows.dsl.dify.incoming import Here, Known, Reading
from apps.workflows.dsl.dify.nodes.agents import read_strategy, read_tools
from apps.workflows.dsl.dify.nodes.knowledge import read_retrieval
from apps.workflows.dsl.dify.nodes.models import WHOLE_MEMORY, read_model
from apps.workflows.dsl.dify.patches import digest
from apps.workflows.dsl.dify.reading import as_word, bounded, filled, flag_at, list_at, number_at, object_at, text_at
from apps.workflows.dsl.problems import Problem

MODES: Final = ("chat", "completion", "agent-chat")
_AT: Final = "model_config"
_VARIABLE: Final = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
#: Insertions that Dify itself puts in.
_ITS_OWN: Final = {"{{#context#}}": "{{ context }}", "{{#query#}}": "{{ sys.query }}", "{{#histories#}}": ""}
_CARRIED: Final = ("app", "inputs", "features", "nodes", "edges")


def import_simple(raw: dict[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Our document for an app of mode chat, completion or agent-chat, with warnings."""
    mode, settings = text_at(raw, "app", "mode"), object_at(raw, _AT)
    kind = "workflow" if mode == "completion" else "chat"
    inputs, names, problems = frame.read_inputs(_form(settings), (_AT, "user_input_form"))
    features, unused = frame.read_features(settings, (_AT,))
    reading = Reading(nodes={}, inputs=names, problems=[*problems, *unused])
    here = Here(reading=reading, node=Known(theirs="", id="model", type="llm"), path=(_AT,))
    document: dict[str, Any] = {"skep": 1, "app": frame.read_app(raw, kind=kind)}
    if inputs:
        document["inputs"] = inputs
    if features:
        document["features"] = features
    document |= _graph(mode, settings, here)
    if flag_at(settings, "external_data_tools") or list_at(settings, "external_data_tools"):
        problems = [
            warning((_AT, "external_data_tools"), "not_used", _("Tools for outside data are kept, but not used."))
        ]
        reading.problems += problems
    document[KEPT] = {"simple": raw, "of": digest(_carried(document))}
    return document, reading.problems


def kept_simple(document: Mapping[str, Any]) -> dict[str, Any] | None:
    """Dify's document of a simple app, if ours is still what import made of it."""
    kept = object_at(document, KEPT)
    simple = kept.get("simple")
    return simple if isinstance(simple, dict) and kept.get("of") == digest(_carried(document)) else None


def _carried(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: document.get(key) for key in _CARRIED}


def _form(settings: Mapping[str, Any]) -> list[Any]:
    """The fields: each an object whose one key is the type."""
    fields = []
    for one in list_at(settings, "user_input_form"):
        kind, field = next(iter(one.items()), ("", None)) if isinstance(one, dict) else ("", None)
        fields.append({**field, "type": kind} if isinstance(field, dict) else one)
    return fields


def _graph(mode: str, settings: dict[str, Any], here: Here) -> dict[str, Any]:
    nodes: list[dict[str, Any]] = [{"id": "start", "type": "start"}]
    query = _query(mode, settings, here)
    datasets = _datasets(settings) if mode != "agent-chat" else []
    if datasets and query:
        retrieval = read_retrieval(_retrieval(settings))
        config = {"query": query, "datasets": datasets, **retrieval}
        nodes.append({"id": "find", "type": "knowledge-retrieval", "config": config})
    if mode == "agent-chat":
        nodes.append({"id": "agent", "type": "agent", "config": _agent(settings, here)})
    else:
        config = _model(mode, settings, here, context="find.result" if len(nodes) > 1 else None)
        nodes.append({"id": "model", "type": "llm", "config": config})
    said = f"{nodes[-1]['id']}.text"
    if mode == "completion":
        nodes.append({"id": "end", "type": "end", "config": {"outputs": {"text": said}}})
    else:
        nodes.append({"id": "answer", "type": "answer", "config": {"text": f"{{{{ {said} }}}}"}})
    edges = [{"from": one["id"], "to": other["id"]} for one, other in pairwise(nodes)]
    return {"nodes": nodes, "edges": edges}


def _query(mode: str, settings: Mapping[str, Any], here: Here) -> str | None:
    if mode != "completion":
        return "sys.query"
    names = here.reading.inputs
    chosen = text_at(settings, "dataset_query_variable")
    for name in (chosen, "query"):
        if name in names:
            return f"inputs.{names[name]}"
    return None


def _retrieval(settings: Mapping[str, Any]) -> dict[str, Any]:
    configs = object_at(settings, "dataset_configs")
    return {**configs, **object_at(configs, "retrieval_model")}


def _datasets(settings: Mapping[str, Any]) -> list[str]:
    """The ids of the datasets: where chats keep them now, and where they kept them once."""
    chosen = list_at(settings, "dataset_configs", "datasets", "datasets") + list_at(settings, "agent_mode", "tools")
    found = [
        as_word(object_at(one, "dataset").get("id"))
        for one in chosen
        if isinstance(one, dict) and object_at(one, "dataset").get("enabled") is not False
    ]
    return list(dict.fromkeys(name for name in found if name))


def _text(text: str, here: Here, *, has_context: bool, has_query: bool) -> str:
    """A prompt of the old kind: `{{name}}` inserts a field of the form, and nothing else does."""
    for theirs, ours in _ITS_OWN.items():
        kept = (ours != "{{ context }}" or has_context) and (ours != "{{ sys.query }}" or has_query)
        text = text.replace(theirs, ours if kept else "")
    names = here.reading.inputs

    def insert(match: re.Match[str]) -> str:
        name = match[1]
        if name == "context" and has_context:
            return match[0]
        if name == "query" and has_query:
            return "{{ sys.query }}"
        return f"{{{{ inputs.{names[name]} }}}}" if name in names else here.text(match[0], "pre_prompt")

    return _VARIABLE.sub(insert, text)


def _prompt(mode: str, settings: dict[str, Any], here: Here, *, has_context: bool) -> list[dict[str, Any]]:
    asks = mode == "chat"
    ways = {"has_context": has_context, "has_query": asks}
    if text_at(settings, "prompt_type") == "advanced":
        completion = text_at(settings, "completion_prompt_config", "prompt", "text")
        if text_at(settings, "model", "mode") == "completion" and completion:
            return [{"role": "user", "text": _text(completion, here, **ways)}]
        messages = [
            {"role": _role(one), "text": _text(text_at(one, "text"), here, **ways)}
            for one in list_at(settings, "chat_prompt_config", "prompt")
            if isinstance(one, dict)
        ]
        if messages:
            return _asking(messages) if asks else messages
    text = _text(text_at(settings, "pre_prompt"), here, **ways)
    if has_context and "{{ context }}" not in text:
        text = f"{text}\n\n{{{{ context }}}}".strip()
    if not asks:
        query = here.reading.inputs.get("query")
        return [{"role": "user", "text": text or (f"{{{{ inputs.{query} }}}}" if query else "")}]
    return _asking([{"role": "system", "text": text}] if text else [])


def _role(message: Mapping[str, Any]) -> str:
    role = text_at(message, "role")
    return role if role in ("system", "user", "assistant") else "user"


def _asking(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if any("{{ sys.query }}" in message["text"] for message in messages):
        return messages
    return [*messages, {"role": "user", "text": "{{ sys.query }}"}]


def _model(mode: str, settings: dict[str, Any], here: Here, *, context: str | None) -> dict[str, Any]:
    config: dict[str, Any] = {"model": read_model(settings.get("model"), here, "model")}
    if context is not None:
        config["context"] = context
    config["prompt"] = _prompt(mode, settings, here, has_context=context is not None)
    if mode == "chat":
        config["memory"] = {"window": WHOLE_MEMORY}
    if mode == "chat" and flag_at(settings, "file_upload", "image", "enabled") and here.find(["sys", "files"]):
        detail = text_at(settings, "file_upload", "image", "detail")
        config["vision"] = filled(files="sys.files", detail=detail if detail in ("low", "high") else None)
    return config


def _agent(settings: dict[str, Any], here: Here) -> dict[str, Any]:
    mode = object_at(settings, "agent_mode")
    tools = [one for one in list_at(mode, "tools") if isinstance(one, dict) and "tool_name" in one]
    read = read_tools(tools, here, "agent_mode", "tools")
    read += [{"tool": "dataset/search", "parameters": {"datasets": {"value": _datasets(settings)}}}] * bool(
        _datasets(settings)
    )
    return filled(
        strategy=read_strategy(text_at(mode, "strategy")),
        model=read_model(settings.get("model"), here, "model"),
        instruction=_text(text_at(settings, "pre_prompt"), here, has_context=False, has_query=True) or None,
        query="sys.query",
        tools=read,
        max_steps=bounded(number_at(mode, "max_iteration"), 1, 100, 10),
        memory={"window": WHOLE_MEMORY},
    )
