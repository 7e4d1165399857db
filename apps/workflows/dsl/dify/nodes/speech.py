"""start, answer and end: where a run begins and what comes out of it."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from apps.workflows.dsl.dify.ids import free_id, is_identifier
from apps.workflows.dsl.dify.incoming import Here
from apps.workflows.dsl.dify.nodes.mapping import Config, Data, Mapped
from apps.workflows.dsl.dify.outgoing import Writing
from apps.workflows.dsl.dify.reading import list_at, text_at

#: What an end without outputs gives, because ours names at least one.
NO_OUTPUTS = {"run_id": "sys.run_id"}


def _read_start(_data: Data, _here: Here) -> dict[str, Any]:
    return {}


def _write_start(_config: Config, _writing: Writing) -> dict[str, Any]:
    return {}  # its variables are the document's inputs


def _read_answer(data: Data, here: Here) -> dict[str, Any]:
    return {"text": here.text(data.get("answer"), "answer")}


def _write_answer(config: Config, writing: Writing) -> dict[str, Any]:
    return {"answer": writing.text(config.get("text")), "variables": []}


def _read_end(data: Data, here: Here) -> dict[str, Any]:
    outputs: dict[str, str] = {}
    for place, output in enumerate(list_at(data, "outputs")):
        name = text_at(output, "variable")
        selector = output.get("value_selector") if isinstance(output, dict) else None
        if not is_identifier(name):
            message = _("%s cannot be the name of an output; it has another one here.") % repr(name[:60])
            here.warn("renamed", message, "outputs", place, "variable")
            name = free_id("", "output", outputs)
        outputs[name] = here.reference(selector, "outputs", place, "value_selector")
    return {"outputs": outputs or dict(NO_OUTPUTS)}


def _write_end(config: Config, writing: Writing) -> dict[str, Any]:
    outputs = config.get("outputs")
    outputs = outputs if isinstance(outputs, dict) and outputs != NO_OUTPUTS else {}
    return {"outputs": [{"value_selector": writing.selector(path), "variable": name} for name, path in outputs.items()]}


START = Mapped(read=_read_start, write=_write_start)
ANSWER = Mapped(read=_read_answer, write=_write_answer)
END = Mapped(read=_read_end, write=_write_end)
