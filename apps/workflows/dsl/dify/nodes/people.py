"""human-input: a form that somebody fills in, and what they may choose."""

from __future__ import annotations

import re
from typing import Any, Final

from django.utils.translation import gettext as _

from apps.workflows.dsl.dify.ids import is_identifier
from apps.workflows.dsl.dify.incoming import Here
from apps.workflows.dsl.dify.nodes.mapping import Config, Data, Mapped, NoCounterpart
from apps.workflows.dsl.dify.outgoing import Writing
from apps.workflows.dsl.dify.reading import filled, flag_at, list_at, number_at, text_at

_TYPES: Final = {
    "paragraph": "paragraph",
    "text_input": "text",
    "text-input": "text",
    "select": "select",
    "number": "number",
    "file": "file",
    "file-list": "files",
}
_THEIRS: Final = {
    "paragraph": "paragraph",
    "text": "text_input",
    "select": "select",
    "file": "file",
    "files": "file-list",
}
_STYLES: Final = ("primary", "default", "accent", "ghost")
_DEFAULT_HOURS: Final = 36
#: Where a form shows one of its fields.
_PLACE: Final = re.compile(r"\{\{#\$output\.[^#{}]*#\}\}")
_TIMEOUT: Final = re.compile(r"([0-9]+)h")


def _read(data: Data, here: Here) -> dict[str, Any]:
    actions = []
    for place, one in enumerate(list_at(data, "user_actions")):
        name = text_at(one, "id")
        if not is_identifier(name) or name in ("error", "timeout"):
            raise NoCounterpart(_("%s cannot be the id of an action.") % repr(name[:60]))
        style = text_at(one, "button_style")
        title = here.text(text_at(one, "title") or name, "user_actions", place, "title")
        actions.append(filled(id=name, title=title[:100], style=style if style in _STYLES else None))
    if not actions:
        raise NoCounterpart(_("There is nothing to choose."))
    fields = [_read_field(one, here, place) for place, one in enumerate(list_at(data, "inputs"))]
    form = _PLACE.sub("", text_at(data, "form_content"))  # our page shows the fields below the text
    config: dict[str, Any] = {"form": here.text(form, "form_content")}
    if fields:
        config["fields"] = fields
    config["actions"] = actions
    hours = number_at(data, "timeout")
    if hours is None or hours < 1:
        config["timeout"] = f"{_DEFAULT_HOURS}h"
    else:
        config["timeout"] = f"{min(int(hours), 100_000) * (24 if data.get('timeout_unit') == 'day' else 1)}h"
    deliveries = [
        {"kind": "email" if text_at(one, "type") == "email" else "page"}
        for one in list_at(data, "delivery_methods")
        if flag_at(one, "enabled")
    ]
    return {**config, "deliver": deliveries} if deliveries else config


def _read_field(one: Any, here: Here, place: int) -> dict[str, Any]:
    name, kind = text_at(one, "output_variable_name"), _TYPES.get(text_at(one, "type"), "paragraph")
    if not is_identifier(name):
        raise NoCounterpart(_("%s cannot be the name of a field.") % repr(name[:60]))
    default = one.get("default") if isinstance(one, dict) else None
    at = ("inputs", place, "default")
    source = None
    if isinstance(default, dict) and default.get("type") == "variable" and default.get("selector"):
        source = here.reference(default["selector"], *at, "selector")
    options = _options(one)
    if kind == "select" and not options:
        kind = "text"
    return filled(name=name, type=kind, options=options if kind == "select" else None, default=source)


def _options(one: Any) -> list[str]:
    source = one.get("option_source") if isinstance(one, dict) else None
    values = list_at(source, "value") or list_at(source, "options") or list_at(one, "options")
    return [option for option in values if isinstance(option, str)]


def _write(config: Config, writing: Writing) -> dict[str, Any]:
    data: dict[str, Any] = {
        "form_content": writing.text(config.get("form")),
        "inputs": [_write_field(one, writing) for one in list_at(config, "fields")],
        "user_actions": [
            filled(
                id=text_at(one, "id"),
                title=writing.text(text_at(one, "title")),
                button_style=text_at(one, "style") or None,
            )
            for one in list_at(config, "actions")
        ],
        "delivery_methods": [
            {"enabled": True, "type": "email" if text_at(one, "kind") == "email" else "webapp"}
            for one in list_at(config, "deliver")
        ],
    }
    timeout = _TIMEOUT.fullmatch(text_at(config, "timeout"))
    if timeout:
        hours = int(timeout[1])
        days = hours % 24 == 0
        data |= {"timeout": hours // 24 if days else hours, "timeout_unit": "day" if days else "hour"}
    return data


def _write_field(one: Any, writing: Writing) -> dict[str, Any]:
    kind = text_at(one, "type")
    written: dict[str, Any] = {
        "output_variable_name": text_at(one, "name"),
        "type": _THEIRS.get(kind, "paragraph"),
    }
    options = list_at(one, "options")
    if options:
        written["option_source"] = {"type": "constant", "value": options}
    default = text_at(one, "default")
    if default:
        written["default"] = {"type": "variable", "selector": writing.selector(default), "value": ""}
    return written


HUMAN_INPUT = Mapped(read=_read, write=_write)
