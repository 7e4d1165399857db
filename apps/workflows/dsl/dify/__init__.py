"""Documents of Dify (DSL 0.1 to 0.6): import into ours, and export back; neither loses what the other side reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.translation import gettext as _

from apps.workflows.dsl.dify import ours
from apps.workflows.dsl.dify.cleaning import MAX_DEPTH, TooDeep, cleaned
from apps.workflows.dsl.dify.expecting import unexpected
from apps.workflows.dsl.dify.exporting import export_graph
from apps.workflows.dsl.dify.frame import VERSION
from apps.workflows.dsl.dify.importing import import_graph
from apps.workflows.dsl.dify.reading import text_at
from apps.workflows.dsl.dify.simple_apps import MODES, import_simple, kept_simple
from apps.workflows.dsl.problems import Problem, errors_in

__all__ = ["Imported", "export_dify", "import_dify", "is_dify"]

Validate = Callable[[Any], list[Problem]]
_CANVAS_MODES: Final = ("workflow", "advanced-chat")


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """Our document with warnings that name places in Dify's; with `errors` it cannot be used."""

    document: dict[str, Any]
    warnings: list[Problem] = field(default_factory=list)
    errors: list[Problem] = field(default_factory=list)


def is_dify(document: Mapping[str, Any]) -> bool:
    """Whether a document is Dify's and not ours."""
    if "skep" in document or not isinstance(document.get("app"), dict):
        return False
    return document.get("kind") in ("app", "rag_pipeline") or "workflow" in document or "model_config" in document


def import_dify(raw: dict[str, Any], *, validate: Validate) -> Imported:
    """Translate a document. Whatever JSON it holds, the outcome is a document, or errors that say what is wrong."""
    refused = _refusal(raw)
    if refused is not None:
        return Imported(document={}, errors=[refused])
    try:
        raw, warnings = cleaned(raw)
    except TooDeep:
        message = _("The document is nested deeper than %s levels.") % MAX_DEPTH
        return Imported(document={}, errors=[Problem(path="", code="too_deep", message=message)])
    warnings += _about_version(raw)
    raw = _with_mode(raw)
    if text_at(raw, "app", "mode") in MODES:
        document, more = import_simple(raw)
        return Imported(document=document, warnings=warnings + more, errors=errors_in(validate(document)))
    raw, patches = ours.take_out(raw)
    warnings += unexpected(raw)
    document, more, errors = import_graph(raw, validate=validate)
    if patches:
        whole = ours.apply(document, patches)
        if not errors_in(validate(whole)):
            document, errors, more = whole, [], []
    return Imported(document=document, warnings=warnings + more, errors=errors)


def export_dify(document: Mapping[str, Any], *, validate: Validate) -> dict[str, Any]:
    """A valid document of ours as one of Dify's. What Dify cannot say is carried along where it does not look."""
    simple = kept_simple(document)
    if simple is not None:
        return simple
    raw = export_graph(document)
    back, _warnings, _errors = import_graph(raw, validate=validate)
    return ours.put_in(raw, back=back, document=document)


def _refusal(raw: Mapping[str, Any]) -> Problem | None:
    mode = text_at(raw, "app", "mode")
    if raw.get("kind") == "rag_pipeline" or mode == "rag-pipeline":
        message = _("This is a pipeline that fills a dataset, not an app.")
        return Problem(path="/kind", code="unsupported_format", message=message)
    if mode and mode not in (*_CANVAS_MODES, *MODES):
        message = _("Apps of mode %s cannot be imported.") % repr(mode[:60])
        return Problem(path="/app/mode", code="unsupported_format", message=message)
    return None


def _with_mode(raw: dict[str, Any]) -> dict[str, Any]:
    """The document with a mode: where none is named, what is in it tells."""
    if text_at(raw, "app", "mode"):
        return raw
    mode = "chat" if "workflow" not in raw and "model_config" in raw else "advanced-chat"
    nodes = str(raw.get("workflow", ""))
    if mode == "advanced-chat" and "'answer'" not in nodes:
        mode = "workflow"
    return {**raw, "app": {**raw["app"], "mode": mode}}


def _about_version(raw: Mapping[str, Any]) -> list[Problem]:
    version = raw.get("version")
    if isinstance(version, (int, float)) and not isinstance(version, bool):
        message = _("The version is a number; it is read as a text.")
        return [Problem(path="/version", code="bad_version", message=message, severity="warning")]
    parts = text_at(raw, "version").split(".")
    known = [int(part) for part in VERSION.split(".")]
    if all(part.isdecimal() and len(part) < 6 for part in parts) and [int(part) for part in parts[:2]] > known[:2]:
        message = _("The document is newer (%(version)s) than what is known here (%(known)s).")
        message %= {"version": text_at(raw, "version")[:40], "known": VERSION}
        return [Problem(path="/version", code="bad_version", message=message, severity="warning")]
    return []
