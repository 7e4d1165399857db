"""agent: the classic node, with its strategy, model, tools and question."""

from __future__ import annotations

import re
from typing import Any, Final

from django.utils.translation import gettext as _

from apps.workflows.dsl.dify.incoming import Here
from apps.workflows.dsl.dify.nodes.mapping import Config, Data, Mapped, NoCounterpart
from apps.workflows.dsl.dify.nodes.models import read_memory, read_model, write_memory, write_model
from apps.workflows.dsl.dify.nodes.tools import read_parameter, tool_name, tool_of, write_parameter
from apps.workflows.dsl.dify.outgoing import Writing
from apps.workflows.dsl.dify.reading import as_number, bounded, filled, list_at, object_at, text_at

_DEFAULT_STEPS: Final = 10
_NO_NAME: Final = re.compile(r"[^A-Za-z0-9_.:@-]")


def _read(data: Data, here: Here) -> dict[str, Any]:
    if data.get("agent_node_kind") or "agent_parameters" not in data:
        raise NoCounterpart(_("The agent that this node asks is not part of the document."))
    given = object_at(data, "agent_parameters")
    model = _value(given, "model")
    model = model if isinstance(model, dict) else {}
    named = {**model, "name": model.get("model") or model.get("name")}
    steps = as_number(_value(given, "maximum_iterations"))
    tools = _value(given, "tools")
    memory = read_memory(data, here)
    return filled(
        strategy=read_strategy(text_at(data, "agent_strategy_name")),
        model=read_model(named, here, "agent_parameters", "model", "value"),
        instruction=_text(given, "instruction", here) or None,
        query=_query(given, here),
        tools=read_tools(tools, here, "agent_parameters", "tools", "value"),
        max_steps=None if steps is None else bounded(steps, 1, 100, _DEFAULT_STEPS),
        memory=None if memory is None else {"window": memory["window"]},
    )


def read_strategy(name: str) -> str:
    """Ours for the name of a strategy: calling functions, unless it says ReAct."""
    return "react" if "react" in name.lower().replace("-", "").replace("_", "") else "function_calling"


def _value(given: dict[str, Any], name: str) -> Any:
    one = given.get(name)
    return one.get("value") if isinstance(one, dict) and "value" in one else one


def _text(given: dict[str, Any], name: str, here: Here) -> str:
    value, at = _value(given, name), ("agent_parameters", name, "value")
    if isinstance(value, list):
        return f"{{{{ {here.reference(value, *at)} }}}}"
    return here.text(value, *at)


def _query(given: dict[str, Any], here: Here) -> str:
    value = _value(given, "query")
    if isinstance(value, list):
        return here.reference(value, "agent_parameters", "query", "value")
    text = _text(given, "query", here)
    if "{{ " in text:
        inserted = text.removeprefix("{{ ").removesuffix(" }}")
        return inserted if text == f"{{{{ {inserted} }}}}" and "{" not in inserted else text
    return here.find(["sys", "query"]) or here.reading.missing


def read_tools(tools: Any, here: Here, *at: str | int) -> list[dict[str, Any]]:
    """The tools of an agent; one that we do not have stands there switched off."""
    read = []
    for place, one in enumerate(tools if isinstance(tools, list) else []):
        if not isinstance(one, dict) or "tool_name" not in one:
            continue
        name = tool_name(one)
        if name is None:
            provider = text_at(one, "provider_name") or text_at(one, "provider_id")
            message = _("There is no tool %(tool)s of %(provider)s here: the agent goes without it.")
            message %= {"tool": repr(text_at(one, "tool_name")[:100]), "provider": repr(provider[:100])}
            here.warn("no_tool", message, *at, place)
            read.append({"tool": _stand_in(provider, text_at(one, "tool_name")), "enabled": False})
            continue
        fixed = {
            key: value
            for group in ("settings", "tool_parameters")
            for key, given in object_at(one, group).items()
            if (value := read_parameter(given, here, *at, place, group, key)) is not None
        }
        read.append(filled(tool=name, parameters=fixed or None, enabled=False if one.get("enabled") is False else None))
    return read


def _stand_in(provider: str, name: str) -> str:
    """A name that says which tool is missing."""
    parts = (_NO_NAME.sub("_", part.rpartition("/")[2])[:60] or "_" for part in (provider, name))
    return "/".join(("dify", *parts))


def _write(config: Config, writing: Writing) -> dict[str, Any]:
    model = object_at(config, "model")
    written = write_model(model)
    query = text_at(config, "query")
    react = config.get("strategy") == "react"
    parameters: dict[str, Any] = {
        "model": {"type": "constant", "value": {**written, "model": written["name"], "model_type": "llm"}},
        "query": {"type": "constant", "value": writing.text(query if "{{" in query else f"{{{{ {query} }}}}")},
        "tools": {"type": "constant", "value": [_write_tool(one, writing) for one in list_at(config, "tools")]},
    }
    if "instruction" in config:
        parameters["instruction"] = {"type": "constant", "value": writing.text(config["instruction"])}
    if "max_steps" in config:
        parameters["maximum_iterations"] = {"type": "constant", "value": config["max_steps"]}
    return {
        "agent_strategy_provider_name": "langgenius/agent/agent",
        "agent_strategy_name": "ReAct" if react else "function_calling",
        "agent_strategy_label": "ReAct" if react else "FunctionCalling",
        "agent_parameters": parameters,
        **write_memory(config.get("memory"), writing),
    }


def _write_tool(one: Any, writing: Writing) -> dict[str, Any]:
    tool = text_at(one, "tool")
    provider, name = tool_of(tool)
    if provider == "dify":
        provider, _slash, name = name.rpartition("/")
    return {
        "provider_name": provider,
        "type": "api" if tool.startswith("openapi/") else "builtin",
        "tool_name": name,
        "tool_label": name,
        "parameters": {},
        "settings": {key: write_parameter(given, writing) for key, given in object_at(one, "parameters").items()},
        "enabled": object_at({"one": one}, "one").get("enabled") is not False,
    }


AGENT = Mapped(read=_read, write=_write)
