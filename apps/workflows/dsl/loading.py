"""Read a document from text and write it back."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

import yaml
from django.utils.translation import gettext as _

from apps.workflows.dsl import yaml_reader
from apps.workflows.dsl.dify import export_dify, import_dify, is_dify
from apps.workflows.dsl.problems import Problem, UnreadableDocument
from apps.workflows.dsl.validation import validate

MAX_BYTES: Final = 1_000_000
#: Documents of Dify hold every box of their canvas.
MAX_DIFY_BYTES: Final = 10_000_000
_LIKE_DIFY: Final = re.compile(r"""^["' {]*(?:workflow|model_config)["']?\s*:""", re.MULTILINE)
_LIKE_OURS: Final = re.compile(r"""^["' {]*skep["']?\s*:""", re.MULTILINE)

#: The order in which a document's own keys are written; others follow as they come.
_ORDER: Final = {
    "": ("skep", "app", "inputs", "variables", "features", "nodes", "edges", "canvas"),
    "app": ("name", "kind", "description", "icon"),
    "nodes": ("id", "type", "title", "description", "join", "config", "on_error", "timeout"),
    "edges": ("from", "to", "when"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A document as it was read; `warnings` are what its translation from another format has to say."""

    document: dict[str, Any]
    warnings: list[Problem] = field(default_factory=list)
    translated: bool = False


def read(text: str | bytes) -> Read:
    """The document in a YAML or JSON text, ours or Dify's: what is in it tells which.

    Ours is not validated yet. Raises UnreadableDocument with line and reason, and with all errors of a document of
    Dify's that cannot be used.
    """
    if isinstance(text, bytes):
        text = _decode(text)
    size = len(text) if len(text) > MAX_DIFY_BYTES else len(text.encode("utf-8", "surrogatepass"))
    if size > (limit := _limit(text)):
        raise _too_large(limit)
    document = _parse(text.removeprefix("\ufeff"))
    if not isinstance(document, dict):
        message = _("A document is an object with the keys skep, app, nodes and edges.")
        raise UnreadableDocument(Problem(path="", code="wrong_type", message=message))
    if is_dify(document):
        return _translated(document)
    if size > MAX_BYTES:
        raise _too_large(MAX_BYTES)
    return Read(document=document)


def load(text: str | bytes) -> dict[str, Any]:
    """The document alone, for those who have no use for warnings. Raises UnreadableDocument."""
    return read(text).document


def dump_dify(document: dict[str, Any]) -> str:
    """A valid document as Dify's YAML."""
    return yaml_reader.write(export_dify(document, validate=validate))


def _limit(text: str) -> int:
    return MAX_DIFY_BYTES if _LIKE_DIFY.search(text) and not _LIKE_OURS.search(text) else MAX_BYTES


def _too_large(limit: int) -> UnreadableDocument:
    message = _("The document is larger than %(limit)s bytes.") % {"limit": f"{limit:,}"}
    return UnreadableDocument(Problem(path="", code="too_large", message=message))


def _translated(document: dict[str, Any]) -> Read:
    imported = import_dify(document, validate=validate)
    if imported.errors:
        raise UnreadableDocument(*imported.errors)
    return Read(document=imported.document, warnings=imported.warnings, translated=True)


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
