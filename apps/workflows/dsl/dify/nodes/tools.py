"""tool: the tools of Dify's that we have too; the others become nodes that say what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.utils.text import slugify
from django.utils.translation import gettext as _

from apps.workflows.dsl.dify.incoming import Here
from apps.workflows.dsl.dify.nodes.mapping import Config, Data, Mapped, NoCounterpart
from apps.workflows.dsl.dify.outgoing import Writing
from apps.workflows.dsl.dify.reading import object_at, text_at
from apps.workflows.engine.callee import PREFIX

#: Dify's (provider, tool) -> ours, and what ours calls the parameters.
_TOOLS: Final[Mapping[tuple[str, str], tuple[str, Mapping[str, str]]]] = {
    ("time", "current_time"): ("builtin/time.now", {"timezone": "timezone", "format": "format"}),
    ("maths", "eval_expression"): ("builtin/calculator", {"expression": "expression"}),
    ("time", "timezone_conversion"): (
        "builtin/time.convert",
        {"current_time": "time", "current_timezone": "from_timezone", "target_timezone": "timezone"},
    ),
    ("webscraper", "webscraper"): ("builtin/web_reader", {"url": "url"}),
    ("jina", "jina_reader"): ("builtin/web_reader", {"url": "url"}),
}
_BACK: Final = {ours: theirs for theirs, (ours, _names) in reversed(list(_TOOLS.items()))}


def tool_name(data: Any) -> str | None:
    """Our name of the tool that Dify's data names; None if we have none like it."""
    provider = text_at(data, "provider_name") or text_at(data, "provider_id") or text_at(data, "provider")
    name = text_at(data, "tool_name")
    kind = text_at(data, "provider_type") or text_at(data, "type")
    if kind == "api" and provider and name:
        return f"openapi/{provider}/{name}"
    if kind == "workflow" and (slug := slugify(name).replace("_", "-")):
        return f"{PREFIX}{slug}"
    if kind == "dataset-retrieval":
        return "dataset/search"
    known = _TOOLS.get((provider.rpartition("/")[2], name))
    return known[0] if known else None


def _read(data: Data, here: Here) -> dict[str, Any]:
    tool = tool_name(data)
    if tool is None:
        provider = text_at(data, "provider_name") or text_at(data, "provider_id")
        raise NoCounterpart(
            _("There is no tool %(tool)s of %(provider)s here.")
            % {"tool": repr(text_at(data, "tool_name")[:100]), "provider": repr(provider[:100])}
        )
    if tool.startswith(PREFIX):
        here.warn("other_app", _("It calls the app %s of this team: import that too.") % tool, "tool_name")
    names = next((names for ours, names in _TOOLS.values() if ours == tool), None)
    parameters: dict[str, Any] = {}
    for group in ("tool_configurations", "tool_parameters"):
        for name, given in object_at(data, group).items():
            if names is not None and name not in names:
                here.warn("not_used", _("The tool has no parameter %s; it is kept.") % repr(name[:60]), group, name)
                continue
            read = read_parameter(given, here, group, name)
            if read is not None:
                parameters[names[name] if names else name] = read
    return {"tool": tool, **({"parameters": parameters} if parameters else {})}


def read_parameter(given: Any, here: Here, *at: str | int) -> Any:
    """A parameter's value: a reference, a text with insertions, or `{value: ...}`; None where nothing is given."""
    kind, value = (
        (given.get("type"), given.get("value")) if isinstance(given, dict) and "value" in given else (None, given)
    )
    if value is None or value == "":
        return None
    if kind == "variable" or (kind is None and isinstance(value, list) and here.find(value)):
        return here.reference(value, *at, "value")
    if kind != "constant" and isinstance(value, str) and "{{" in value:
        text = here.text(value, *at, "value")
        return text if "{{ " in text else {"value": value}
    return {"value": value}


def write_parameter(given: Any, writing: Writing) -> dict[str, Any]:
    """A parameter's value as Dify has it."""
    if isinstance(given, dict):
        return {"type": "constant", "value": given.get("value")}
    if "{{" in str(given):
        return {"type": "mixed", "value": writing.text(given)}
    return {"type": "variable", "value": writing.selector(given)}


def _write(config: Config, writing: Writing) -> dict[str, Any]:
    tool = text_at(config, "tool")
    parameters = object_at(config, "parameters")
    provider, name = tool_of(tool)
    names = _TOOLS.get((provider, name), ("", {}))[1]
    back = {ours: theirs for theirs, ours in names.items()}
    kinds = {"openapi": "api", "dataset": "dataset-retrieval", "workflow": "workflow"}
    kind = kinds.get(tool.partition("/")[0], "builtin")
    return {
        "provider_id": provider,
        "provider_name": provider,
        "provider_type": kind,
        "tool_name": name,
        "tool_label": name,
        "tool_configurations": {},
        "tool_parameters": {back.get(key, key): write_parameter(given, writing) for key, given in parameters.items()},
    }


def tool_of(tool: str) -> tuple[str, str]:
    """Dify's provider and name for one of our tools."""
    if tool in _BACK:
        return _BACK[tool]
    group, _slash, rest = tool.partition("/")
    if group == "openapi":
        provider, _slash, name = rest.partition("/")
        return provider, name
    if group == "workflow":
        return group, rest.replace("-", "_")
    return group, rest


TOOL = Mapped(read=_read, write=_write)
