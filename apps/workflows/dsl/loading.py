"""Read a document from text and write it back."""

from __future__ import annotations

import json
from typing import Any, Final

import yaml
from django.utils.translation import gettext as _

from apps.workflows.dsl import yaml_reader
from apps.workflows.dsl.problems import Problem, UnreadableDocument

MAX_BYTES: Final = 1_000_000

#: The order in which a document's own keys are written; others follow as they come.
_ORDER: Final = {
    "": ("skep", "app", "inputs", "variables", "features", "nodes", "edges", "canvas"),
    "app": ("name", "kind", "description", "icon"),
    "nodes": ("id", "type", "title", "description", "join", "config", "on_error", "timeout"),
    "edges": ("from", "to", "when"),
}


def load(text: str | bytes) -> dict[str, Any]:
    """The document in a YAML or JSON text, not validated yet. Raises UnreadableDocument with line and reason."""
    if isinstance(text, bytes):
        text = _decode(text)
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        message = _("The document is larger than %(limit)s bytes.") % {"limit": f"{MAX_BYTES:,}"}
        raise UnreadableDocument(Problem(path="", code="too_large", message=message))
    document = _parse(text.removeprefix("\ufeff"))
    if not isinstance(document, dict):
        message = _("A document is an object with the keys skep, app, nodes and edges.")
        raise UnreadableDocument(Problem(path="", code="wrong_type", message=message))
    if _is_dify(document):
        message = _("This is a Dify document. It cannot be imported yet: only documents with `skep: 1` can.")
        raise UnreadableDocument(Problem(path="", code="unsupported_format", message=message))
    return document


def dump(document: dict[str, Any]) -> str:
    """The document as YAML, in an order that stays the same."""
    ordered = _in_order(document, _ORDER[""])
    if isinstance(document.get("app"), dict):
        ordered["app"] = _in_order(document["app"], _ORDER["app"])
    for key in ("nodes", "edges"):
        if isinstance(document.get(key), list):
            ordered[key] = [_in_order(item, _ORDER[key]) if isinstance(item, dict) else item for item in document[key]]
    return yaml_reader.write(ordered)


def _in_order(part: dict[str, Any], order: tuple[str, ...]) -> dict[str, Any]:
    known = {key: part[key] for key in order if key in part}
    return {**known, **{key: value for key, value in part.items() if key not in known}}


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        message = _("The document is not UTF-8 text.")
        raise UnreadableDocument(Problem(path="", code="not_text", message=message)) from None


def _parse(text: str) -> Any:
    if text.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            pass  # flow-style YAML starts like JSON; if it is neither, YAML says where it breaks
    try:
        return yaml_reader.read(text)
    except yaml_reader.TooMuch as fault:
        raise UnreadableDocument(_problem("too_large", fault)) from None
    except yaml.YAMLError as fault:
        raise UnreadableDocument(_problem("not_yaml", fault)) from None
    except (ValueError, RecursionError) as fault:
        raise UnreadableDocument(Problem(path="", code="not_yaml", message=str(fault)[:300])) from None


def _problem(code: str, fault: yaml.YAMLError) -> Problem:
    mark = getattr(fault, "problem_mark", None)
    reason = str(getattr(fault, "problem", None) or fault)[:300]
    if mark is None:
        return Problem(path="", code=code, message=_("The document cannot be read: %s.") % reason)
    message = _("Line %(line)s, column %(column)s: %(reason)s.") % {
        "line": mark.line + 1,
        "column": mark.column + 1,
        "reason": reason,
    }
    return Problem(path="", code=code, message=message)


def _is_dify(document: dict[str, Any]) -> bool:
    if "skep" in document or not isinstance(document.get("app"), dict):
        return False
    return document.get("kind") in ("app", "rag_pipeline") or "workflow" in document or "model_config" in document
