"""llm: prompts of both editions, context, memory, images, structured output."""

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
from apps.workflows.dsl.dify.reading import flag_at, list_at, object_at, text_at

#: Notes that a prompt is one text for a model that completes it, for the way back.
COMPLETION: Final = "x-completion"
_CONTEXT: Final = "{{#context#}}"
_OUR_CONTEXT: Final = "{{ context }}"
_ROLES: Final = ("system", "user", "assistant")


def _read(data: Data, here: Here) -> dict[str, Any]:
    config: dict[str, Any] = {"model": read_model(data.get("model"), here, "model")}
    context = _read_context(data, here)
    if context is not None:
        config["context"] = context
    memory = read_memory(data, here)
    config["prompt"] = _read_prompt(data, here, has_context=context is not None, asks_later=memory is not None)
    if isinstance(data.get("prompt_template"), dict):
        config[COMPLETION] = True
    if memory is not None:
        # Dify asks the user's question after the conversation, whatever the prompt says.
        config["memory"] = memory if "query" in memory or not here.find(["sys", "query"]) else _asking(memory)
    vision = read_vision(data, here)
    if vision is not None:
        config["vision"] = vision
    if flag_at(data, "structured_output_enabled") or flag_at(data, "structured_output_switch_on"):
        schema = object_at(data, "structured_output", "schema")
        if schema:
            config["structured"] = {"schema": schema}
    # Where nothing is said, Dify leaves a model's thoughts in its text.
    config["reasoning"] = "separated" if data.get("reasoning_format") == "separated" else "tagged"
    return config


def _asking(memory: dict[str, Any]) -> dict[str, Any]:
    return {**memory, "query": "{{ sys.query }}"}


def _read_context(data: Data, here: Here) -> str | None:
    context = object_at(data, "context")
    selector = list_at(context, "variable_selector")
    if not selector or not flag_at(context, "enabled"):
        return None
    return here.reference(selector, "context", "variable_selector")


def _read_prompt(data: Data, here: Here, *, has_context: bool, asks_later: bool) -> list[dict[str, Any]]:
    template = data.get("prompt_template")
    if isinstance(template, dict):
        return [_read_message({**template, "role": "user"}, data, here, has_context, "prompt_template")]
    messages = [
        _read_message(message, data, here, has_context, "prompt_template", place)
        for place, message in enumerate(list_at(data, "prompt_template"))
        if isinstance(message, dict)
    ]
    if not messages and not asks_later:
        raise NoCounterpart(_("The model has no prompt."))
    return messages or [{"role": "system", "text": ""}]


def _read_message(message: dict[str, Any], data: Data, here: Here, has_context: bool, *at: str | int) -> dict[str, Any]:
    role = text_at(message, "role")
    role = role if role in _ROLES else "user"
    if message.get("edition_type") == "jinja2":
        inputs = read_inputs(list_at(data, "prompt_config", "jinja2_variables"), here, "prompt_config")
        read = {"role": role, "text": text_at(message, "jinja2_text") or text_at(message, "text"), "jinja": True}
        return {**read, "variables": inputs} if inputs else read
    text = here.text(message.get("text"), *at, "text")
    if has_context:
        text = text.replace(_CONTEXT, _OUR_CONTEXT)
    elif _CONTEXT in text:
        here.warn("no_context", _("The prompt shows a context, but none is chosen."), *at, "text")
        text = text.replace(_CONTEXT, "")
    return {"role": role, "text": text}


def read_inputs(declared: list[Any], here: Here, *at: str | int) -> dict[str, str]:
    """Named values for code and templates. A name that is none is left out, with a warning."""
    inputs: dict[str, str] = {}
    for place, one in enumerate(declared):
        name = text_at(one, "variable")
        if not isinstance(one, dict) or not is_identifier(name):
            if name or (isinstance(one, dict) and one.get("value_selector")):
                message = _("%s cannot be the name of a value; it is left out.") % repr(name[:60])
                here.warn("bad_name", message, *at, place)
            continue
        inputs[name] = here.reference(one.get("value_selector"), *at, place, "value_selector")
    return inputs


def write_inputs(inputs: Any, writing: Writing) -> list[dict[str, Any]]:
    """Named values as Dify declares them."""
    inputs = inputs if isinstance(inputs, dict) else {}
    return [{"value_selector": writing.selector(path), "variable": name} for name, path in inputs.items()]


def _write(config: Config, writing: Writing) -> dict[str, Any]:
    completion = config.get(COMPLETION) is True
    has_context = "context" in config
    messages = [one for one in list_at(config, "prompt") if isinstance(one, dict)]
    written = [_write_message(message, writing, has_context=has_context) for message in messages]
    variables = next((one["variables"] for one in messages if "variables" in one), None)
    data: dict[str, Any] = {
        "model": write_model(config.get("model"), mode="completion" if completion else "chat"),
        "prompt_template": written,
        "context": {
            "enabled": has_context,
            "variable_selector": writing.selector(config["context"]) if has_context else [],
        },
        "variables": [],
        **write_memory(config.get("memory"), writing),
        **write_vision(config.get("vision"), writing),
    }
    if completion and written:
        data["prompt_template"] = {key: value for key, value in written[0].items() if key != "role"}
    if variables:
        data["prompt_config"] = {"jinja2_variables": write_inputs(variables, writing)}
    if isinstance(config.get("structured"), dict):
        data["structured_output_enabled"] = True
        data["structured_output"] = {"schema": config["structured"].get("schema")}
    if config.get("reasoning") != "tagged":
        data["reasoning_format"] = "separated"
    return data


def _write_message(message: dict[str, Any], writing: Writing, *, has_context: bool) -> dict[str, Any]:
    role, text = text_at(message, "role"), text_at(message, "text")
    if message.get("jinja") is True:
        return {"role": role, "text": text, "jinja2_text": text, "edition_type": "jinja2"}
    if has_context:
        text = text.replace(_OUR_CONTEXT, _CONTEXT)
    return {"role": role, "text": writing.text(text)}


LLM = Mapped(read=_read, write=_write)
