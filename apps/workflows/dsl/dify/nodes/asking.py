"""question-classifier and parameter-extractor: a model that chooses, and one that fills in."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext as _

from apps.workflows.dsl.dify.ids import is_identifier
from apps.workflows.dsl.dify.incoming import Here
from apps.workflows.dsl.dify.nodes.mapping import Config, Data, Mapped, NoCounterpart
from apps.workflows.dsl.dify.nodes.models import (
    read_memory,
    read_model,
    read_vision,
    write_memory,
    write_model,
    write_vision,
)
from apps.workflows.dsl.dify.outgoing import Writing
from apps.workflows.dsl.dify.reading import filled, flag_at, list_at, object_at, text_at

_TYPES: Final = (
    "string",
    "number",
    "boolean",
    "select",
    "array[string]",
    "array[number]",
    "array[object]",
    "array[boolean]",
    "object",
)
_OTHER_TYPES: Final = {"bool": "boolean", "integer": "number", "float": "number", "array": "array[string]"}


def _shared(data: Data, here: Here) -> dict[str, Any]:
    instruction = here.text(data.get("instruction"), "instruction")
    return filled(
        model=read_model(data.get("model"), here, "model"),
        instruction=instruction or None,
        memory=_window(read_memory(data, here)),
        vision=read_vision(data, here),
    )


def _window(memory: dict[str, Any] | None) -> dict[str, Any] | None:
    """These nodes show the conversation and ask their own question."""
    return None if memory is None else {"window": memory["window"]}


def _write_shared(config: Config, writing: Writing) -> dict[str, Any]:
    return {
        "model": write_model(config.get("model")),
        "instruction": writing.text(config.get("instruction")),
        **write_memory(config.get("memory"), writing),
        **(write_vision(config["vision"], writing) if "vision" in config else {}),
    }


def class_ids(data: Data) -> list[tuple[str, str]]:
    """Dify's id and ours of every class, in order."""
    pairs = []
    for place, one in enumerate(list_at(data, "classes")):
        theirs = text_at(one, "id")
        pairs.append((theirs, theirs if is_identifier(theirs) else f"class_{place + 1}"))
    return pairs


def _read_classifier(data: Data, here: Here) -> dict[str, Any]:
    classes = []
    for place, (one, (_theirs, ours)) in enumerate(zip(list_at(data, "classes"), class_ids(data), strict=True)):
        name = here.text(one.get("name") if isinstance(one, dict) else one, "classes", place, "name")
        classes.append(filled(id=ours, name=name or ours, label=text_at(one, "label") or None))
    if not classes:
        raise NoCounterpart(_("There are no classes to choose from."))
    query = here.reference(data.get("query_variable_selector"), "query_variable_selector")
    return {"query": query, "classes": classes, **_shared(data, here)}


def _write_classifier(config: Config, writing: Writing) -> dict[str, Any]:
    classes = [
        filled(id=text_at(one, "id"), name=writing.text(text_at(one, "name")), label=text_at(one, "label") or None)
        for one in list_at(config, "classes")
    ]
    query = writing.selector(config.get("query"))
    return {"query_variable_selector": query, "classes": classes, "topics": [], **_write_shared(config, writing)}


def _read_extractor(data: Data, here: Here) -> dict[str, Any]:
    parameters = []
    for place, one in enumerate(list_at(data, "parameters")):
        name, kind = text_at(one, "name"), text_at(one, "type")
        if not is_identifier(name):
            message = _("%s cannot be the name of a parameter.") % repr(name[:60])
            raise NoCounterpart(message)
        kind = _OTHER_TYPES.get(kind, kind)
        if kind not in _TYPES:
            here.warn("other_type", _("%s is read as a text.") % repr(kind[:60]), "parameters", place, "type")
            kind = "string"
        options = [option for option in list_at(one, "options") if isinstance(option, str)]
        parameters.append(
            filled(
                name=name,
                type="string" if kind == "select" and not options else kind,
                options=options if kind == "select" and options else None,
                description=text_at(one, "description"),
                required=flag_at(one, "required"),
            )
        )
    if not parameters:
        raise NoCounterpart(_("There are no parameters to extract."))
    mode = "prompt" if data.get("reasoning_mode") == "prompt" else "function_call"
    query = here.reference(data.get("query"), "query")
    return {"query": query, "parameters": parameters, "mode": mode, **_shared(data, here)}


def _write_extractor(config: Config, writing: Writing) -> dict[str, Any]:
    parameters = [
        filled(
            name=text_at(one, "name"),
            type=text_at(one, "type"),
            options=object_at(one).get("options"),
            description=text_at(one, "description"),
            required=flag_at(one, "required"),
        )
        for one in list_at(config, "parameters")
    ]
    return {
        "query": writing.selector(config.get("query")),
        "parameters": parameters,
        "reasoning_mode": text_at(config, "mode") or "function_call",
        "variables": [],
        **_write_shared(config, writing),
    }


QUESTION_CLASSIFIER = Mapped(read=_read_classifier, write=_write_classifier)
PARAMETER_EXTRACTOR = Mapped(read=_read_extractor, write=_write_extractor)
