"""What the nodes that ask a model share: the model with its parameters, the conversation's memory, images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.utils.translation import gettext as _

from apps.workflows.dsl.dify.incoming import Here
from apps.workflows.dsl.dify.outgoing import Writing
from apps.workflows.dsl.dify.reading import as_number, bounded, filled, flag_at, list_at, number_at, object_at, text_at
from apps.workflows.nodes.model_parameters import inserts

Data = Mapping[str, Any]

#: How far back a memory goes that has no window.
WHOLE_MEMORY: Final = 100
_UNNAMED: Final = "default"


def _whole(value: Any) -> int | None:
    number = as_number(value)
    return None if number is None else int(number)


def _stops(value: Any) -> list[str] | None:
    stops = [stop for stop in (value if isinstance(value, list) else [value]) if isinstance(stop, str) and stop]
    return stops[:16] or None


def _format(value: Any) -> str | None:
    return value if value in ("text", "json_object") else None


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= 20 else None


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


#: Parameters that both know by the same name, and how each is read.
_PARAMETERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "temperature": as_number,
    "top_p": as_number,
    "max_tokens": _whole,
    "presence_penalty": as_number,
    "frequency_penalty": as_number,
    "seed": _whole,
    "stop": _stops,
    "top_k": _whole,
    "min_p": as_number,
    "repetition_penalty": as_number,
    "response_format": _format,
    "reasoning_effort": _word,
    "enable_thinking": _flag,
}
_BOUNDS: Final = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "max_tokens": (1, 1_000_000),
    "top_k": (0, 1_000_000),
    "min_p": (0, 1),
    "repetition_penalty": (0, 10),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
}


def read_model(data: Any, here: Here, *at: str | int) -> dict[str, Any]:
    """The model's name and the parameters that we have; a warning names the others."""
    name = text_at(data, "name").strip()[:200]
    if not name:
        here.warn("no_model", _("No model is named: the team's default model is asked."), *at, "name")
    given = object_at(data, "completion_params")
    read = {key: _within(key, take(given[key])) for key, take in _PARAMETERS.items() if key in given}
    used = {key: value for key, value in read.items() if value is not None}
    aside = sorted(key for key, value in given.items() if key not in used and value not in (None, "", [], {}))
    if aside:
        message = _("These parameters of the model are kept, but not used: %s.") % ", ".join(aside)[:200]
        here.warn("not_used", message, *at, "completion_params")
    return {"name": name or _UNNAMED, **used}


def _within(key: str, value: Any) -> Any:
    if value is None or key not in _BOUNDS:
        return value
    low, high = _BOUNDS[key]
    return max(low, min(high, value))


def write_model(model: Any, *, mode: str = "chat") -> dict[str, Any]:
    """The model as Dify names it; the provider is what the name begins with, if it is in it."""
    model = model if isinstance(model, dict) else {}
    # Dify's parameters are values: one that is known at run time only has no place there.
    parameters = {key: model[key] for key in _PARAMETERS if key in model and not inserts(model[key])}
    name = text_at(model, "name")
    return {
        "provider": name.rpartition("/")[0],
        "name": name,
        "mode": mode,
        "completion_params": parameters,
    }


def read_memory(data: Data, here: Here) -> dict[str, Any] | None:
    """How much of the conversation the model sees. Dify asks the question of the user after it."""
    memory = data.get("memory")
    if not isinstance(memory, dict) or not memory:
        return None
    window = object_at(memory, "window")
    size = bounded(number_at(window, "size"), 1, WHOLE_MEMORY, WHOLE_MEMORY)
    query = here.text(memory.get("query_prompt_template"), "memory", "query_prompt_template")
    prefix = object_at(memory, "role_prefix")
    return filled(
        window=size if flag_at(window, "enabled") else WHOLE_MEMORY,
        query=query or None,
        user_prefix=text_at(prefix, "user") or None,
        assistant_prefix=text_at(prefix, "assistant") or None,
    )


def write_memory(memory: Any, writing: Writing) -> dict[str, Any]:
    """The part of a node's data that is its memory."""
    if not isinstance(memory, dict):
        return {}
    size = bounded(number_at(memory, "window"), 1, WHOLE_MEMORY, WHOLE_MEMORY)
    written: dict[str, Any] = {"window": {"enabled": size != WHOLE_MEMORY, "size": size}}
    if "user_prefix" in memory or "assistant_prefix" in memory:
        written["role_prefix"] = {
            "user": text_at(memory, "user_prefix"),
            "assistant": text_at(memory, "assistant_prefix"),
        }
    if "query" in memory:
        written["query_prompt_template"] = writing.text(memory["query"])
    return {"memory": written}


def read_vision(data: Data, here: Here) -> dict[str, Any] | None:
    """Which files the model sees."""
    vision = object_at(data, "vision")
    if not flag_at(vision, "enabled"):
        return None
    selector = list_at(vision, "configs", "variable_selector") or ["sys", "files"]
    found = here.find(selector)
    if found is None:
        if selector != ["sys", "files"]:
            message = _("The files that the model should see are not there: it sees none.")
            here.warn("refers_to_nothing", message, "vision", "configs", "variable_selector")
        return None
    detail = text_at(vision, "configs", "detail")
    return filled(files=found, detail=detail if detail in ("low", "high") else None)


def write_vision(vision: Any, writing: Writing) -> dict[str, Any]:
    """The part of a node's data that says what the model sees."""
    if not isinstance(vision, dict):
        return {"vision": {"enabled": False}}
    configs = filled(variable_selector=writing.selector(vision.get("files")), detail=vision.get("detail"))
    return {"vision": {"enabled": True, "configs": configs}}
