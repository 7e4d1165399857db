"""code and template-transform: what runs in the sandbox, word for word."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext as _

from apps.workflows.dsl.dify.ids import is_identifier
from apps.workflows.dsl.dify.incoming import Here
from apps.workflows.dsl.dify.nodes.llm import read_inputs, write_inputs
from apps.workflows.dsl.dify.nodes.mapping import Config, Data, Mapped, NoCounterpart
from apps.workflows.dsl.dify.outgoing import Writing
from apps.workflows.dsl.dify.reading import list_at, object_at, text_at
from apps.workflows.nodes.code_outputs import OUTPUT_TYPES

_OTHER_TYPES: Final = {
    "integer": "integer",
    "float": "number",
    "bool": "boolean",
    "array": "array[any]",
    "array[bool]": "array[boolean]",
    "array[integer]": "array[number]",
    "array[file]": "array[object]",
    "file": "object",
    "secret": "string",
}


def _read_code(data: Data, here: Here) -> dict[str, Any]:
    language = text_at(data, "code_language") or "python3"
    if language not in ("python3", "javascript"):
        raise NoCounterpart(_("There is no language %s.") % repr(language[:60]))
    code = text_at(data, "code")
    if not code:
        raise NoCounterpart(_("There is no code."))
    return {
        "language": language,
        "code": code,
        "inputs": read_inputs(list_at(data, "variables"), here, "variables"),
        "outputs": _read_outputs(data, here),
    }


def _read_outputs(data: Data, here: Here) -> dict[str, str]:
    outputs: dict[str, str] = {}
    for name, declared in object_at(data, "outputs").items():
        if not is_identifier(name):
            raise NoCounterpart(_("%s cannot be the name of an output.") % repr(name[:60]))
        kind = (
            text_at(declared, "type").strip().lower()
            if isinstance(declared, dict)
            else text_at({"type": declared}, "type")
        )
        kind = _OTHER_TYPES.get(kind, kind)
        if kind not in OUTPUT_TYPES:
            here.warn("other_type", _("%s is read as a text.") % repr(kind[:60]), "outputs", name, "type")
            kind = "string"
        outputs[name] = kind
    if not outputs:
        raise NoCounterpart(_("The code has no outputs."))
    return outputs


def _write_code(config: Config, writing: Writing) -> dict[str, Any]:
    return {
        "code_language": text_at(config, "language") or "python3",
        "code": text_at(config, "code"),
        "variables": write_inputs(config.get("inputs"), writing),
        "outputs": {name: {"children": None, "type": kind} for name, kind in object_at(config, "outputs").items()},
    }


def _read_template(data: Data, here: Here) -> dict[str, Any]:
    inputs = read_inputs(list_at(data, "variables"), here, "variables")
    return {"template": text_at(data, "template"), **({"inputs": inputs} if inputs else {})}


def _write_template(config: Config, writing: Writing) -> dict[str, Any]:
    return {"template": text_at(config, "template"), "variables": write_inputs(config.get("inputs"), writing)}


CODE = Mapped(read=_read_code, write=_write_code)
TEMPLATE_TRANSFORM = Mapped(read=_read_template, write=_write_template)
