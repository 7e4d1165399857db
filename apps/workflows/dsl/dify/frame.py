"""All of a document but its graph: the app, its features, variables, and the start form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext as _

from apps.workflows.dsl.dify.ids import free_id, is_identifier
from apps.workflows.dsl.dify.reading import as_number, as_word, filled, flag_at, list_at, number_at, object_at, text_at
from apps.workflows.dsl.problems import Problem, pointer

VERSION: Final = "0.6.0"
CHAT_MODE, WORKFLOW_MODE = "advanced-chat", "workflow"
#: What our inputs, variables and nodes keep of Dify's document.
KEPT: Final = "x-dify"
_INPUTS: Final = {
    "text-input": "text",
    "paragraph": "paragraph",
    "select": "select",
    "number": "number",
    "checkbox": "boolean",
    "file": "file",
    "file-list": "files",
    "json_object": "json",
}
_THEIR_INPUTS: Final = {ours: theirs for theirs, ours in _INPUTS.items()}
_VARIABLES: Final = {
    "string": "string",
    "number": "number",
    "integer": "number",
    "float": "number",
    "boolean": "boolean",
    "object": "object",
    "secret": "secret",
}
_UNUSED_FEATURES: Final = (
    "sensitive_word_avoidance",
    "speech_to_text",
    "text_to_speech",
    "suggested_questions_after_answer",
    "more_like_this",
)


def warning(path: tuple[str | int, ...], code: str, message: str) -> Problem:
    """Something the author should know about a place in Dify's document."""
    return Problem(path=pointer(*path), code=code, message=message, severity="warning")


def read_app(raw: Mapping[str, Any], *, kind: str) -> dict[str, Any]:
    """Name, kind, description and icon; pictures and names of emoji stay aside."""
    app = object_at(raw, "app")
    icon = text_at(app, "icon")
    if app.get("icon_type") not in (None, "emoji") or icon.isascii() or len(icon) > 16:
        icon = ""
    return filled(
        name=text_at(app, "name").strip()[:200] or str(_("Imported app")),
        kind=kind,
        description=text_at(app, "description")[:10_000] or None,
        icon=icon or None,
    )


def read_features(features: Mapping[str, Any], path: tuple[str | int, ...]) -> tuple[dict[str, Any], list[Problem]]:
    """What the chat page can do, and warnings of what it cannot."""
    suggested = [text[:500] for text in list_at(features, "suggested_questions") if isinstance(text, str) and text]
    threshold = number_at(features, "annotation_reply", "score_threshold")
    read = filled(
        opening=text_at(features, "opening_statement")[:10_000] or None,
        suggested=suggested[:50] or None,
        citations=True if flag_at(features, "retriever_resource", "enabled") else None,
        annotation_reply={"threshold": max(0, min(1, threshold))}
        if flag_at(features, "annotation_reply", "enabled") and threshold is not None
        else None,
    )
    warnings = [
        warning((*path, name), "not_used", _("%s is kept, but not used.") % name)
        for name in _UNUSED_FEATURES
        if flag_at(features, name, "enabled")
    ]
    return read, warnings


def write_features(features: Mapping[str, Any]) -> dict[str, Any]:
    """Features as Dify has them."""
    written: dict[str, Any] = {
        "opening_statement": text_at(features, "opening"),
        "suggested_questions": list_at(features, "suggested"),
        "retriever_resource": {"enabled": flag_at(features, "citations")},
    }
    if isinstance(features.get("annotation_reply"), dict):
        threshold = features["annotation_reply"].get("threshold")
        written["annotation_reply"] = {"enabled": True, "score_threshold": threshold}
    return written


def read_inputs(
    declared: list[Any], path: tuple[str | int, ...]
) -> tuple[list[dict[str, Any]], dict[str, str], list[Problem]]:
    """The start form; Dify's name of every field -> ours; warnings."""
    inputs: list[dict[str, Any]] = []
    names: dict[str, str] = {}
    warnings: list[Problem] = []
    for place, one in enumerate(declared):
        theirs = text_at(one, "variable")
        if not isinstance(one, dict) or not theirs or theirs in names:
            warnings.append(
                warning((*path, place), "bad_input", _("This field has no name of its own; it is left out."))
            )
            continue
        ours = theirs if is_identifier(theirs) else free_id("", "input", set(names.values()))
        if ours != theirs:
            message = _("%(theirs)s cannot be a name: it is called %(ours)s here.")
            message %= {"theirs": repr(theirs[:60]), "ours": ours}
            warnings.append(warning((*path, place, "variable"), "renamed", message))
        names[theirs] = ours
        inputs.append(_read_input(one, theirs, ours))
    return inputs, names, warnings


def _read_input(one: dict[str, Any], theirs: str, ours: str) -> dict[str, Any]:
    kind = _INPUTS.get(text_at(one, "type"), "text")
    options = [as_word(option) for option in list_at(one, "options") if as_word(option)]
    if kind == "select" and not options:
        kind = "text"
    length = number_at(one, "max_length")
    default = _default(one.get("default"), kind)
    label = text_at(one, "label")[:200]
    if kind == "select" and default not in options:
        default = None
    return filled(
        name=ours,
        label=label if label not in ("", theirs) else None,
        type=kind,
        description=text_at(one, "description") or None,
        required=flag_at(one, "required"),
        default=default,
        options=options if kind == "select" else None,
        max_length=int(length) if length is not None and 1 <= length <= 1_000_000 and kind != "number" else None,
        **{KEPT: {"name": theirs} if ours != theirs else None},
    )


def _default(value: Any, kind: str) -> Any:
    if value in (None, ""):
        return None
    if kind == "number":
        return as_number(value)
    if kind == "boolean":
        return value if isinstance(value, bool) else str(value).lower() == "true"
    if kind == "json":
        return value if isinstance(value, (dict, list)) else None
    if kind in ("file", "files"):
        return None
    return as_word(value) or None


def their_name(one: Mapping[str, Any]) -> str:
    """Dify's name of an input or a variable."""
    return text_at(one, KEPT, "name") or text_at(one, "name")


def write_inputs(inputs: list[Any]) -> list[dict[str, Any]]:
    """The start form as Dify's start node declares it."""
    return [
        filled(
            variable=their_name(one),
            label=text_at(one, "label") or their_name(one),
            type=_THEIR_INPUTS.get(text_at(one, "type"), "text-input"),
            required=flag_at(one, "required"),
            default=one.get("default"),
            options=list_at(one, "options"),
            max_length=one.get("max_length"),
            description=one.get("description"),
        )
        for one in inputs
        if isinstance(one, dict)
    ]


def read_variables(
    declared: list[Any], path: tuple[str | int, ...], *, secrets: bool
) -> tuple[list[dict[str, Any]], dict[str, str], list[Problem]]:
    """Variables of the conversation or the environment; Dify's name -> ours; warnings."""
    variables: list[dict[str, Any]] = []
    names: dict[str, str] = {}
    warnings: list[Problem] = []
    for place, one in enumerate(declared):
        theirs = text_at(one, "name")
        if not isinstance(one, dict) or not theirs or theirs in names:
            warnings.append(warning((*path, place), "bad_variable", _("This variable has no name of its own.")))
            continue
        ours = theirs if is_identifier(theirs) else free_id("", "variable", set(names.values()))
        names[theirs] = ours
        kind = text_at(one, "value_type") or "string"
        kind = _VARIABLES.get(kind, "array" if kind.startswith("array") else "string")
        kind = "string" if kind == "secret" and not secrets else kind
        if kind == "secret" and one.get("value"):
            message = _("The value of %s is secret: set it in the environment.") % ours
            warnings.append(warning((*path, place, "value"), "secret_left_out", message))
        value = None if kind == "secret" else one.get("value")
        number = as_number(value) if kind == "number" else None
        variables.append(
            filled(
                name=ours,
                type=kind,
                default=number if number is not None else value,
                description=text_at(one, "description") or None,
                **{KEPT: {"name": theirs} if ours != theirs else None},
            )
        )
    return variables, names, warnings


def write_variables(variables: list[Any], *, root: str) -> list[dict[str, Any]]:
    """Variables as Dify declares them; those that import has added are not Dify's."""
    written = []
    for one in variables:
        if not isinstance(one, dict) or flag_at(one, KEPT, "added"):
            continue
        name, kind = their_name(one), text_at(one, "type")
        empty: Any = {"number": 0, "object": {}, "array": [], "boolean": False}.get(kind, "")
        written.append(
            {
                "id": f"{root}-{name}",
                "name": name,
                "value": one.get("default", empty),
                "value_type": {"array": "array[string]"}.get(kind, kind),
                "description": text_at(one, "description"),
                "selector": [root, name],
            }
        )
    return written


def without_secrets(raw: dict[str, Any]) -> dict[str, Any]:
    """The document without the values of secret variables: those belong to an environment, not to a file."""
    workflow = raw.get("workflow")
    if not isinstance(workflow, dict) or not isinstance(workflow.get("environment_variables"), list):
        return raw
    cleared = [
        {**one, "value": ""} if isinstance(one, dict) and one.get("value_type") == "secret" else one
        for one in workflow["environment_variables"]
    ]
    return {**raw, "workflow": {**workflow, "environment_variables": cleared}}


def write_frame(document: Mapping[str, Any]) -> dict[str, Any]:
    """Dify's document but for nodes and edges."""
    app, variables = object_at(document, "app"), object_at(document, "variables")
    chat = app.get("kind") != "workflow"
    workflow: dict[str, Any] = {
        "environment_variables": write_variables(list_at(variables, "environment"), root="env"),
        "conversation_variables": write_variables(list_at(variables, "conversation"), root="conversation"),
        "features": write_features(object_at(document, "features")),
        "graph": {},
    }
    return {
        "version": VERSION,
        "kind": "app",
        "app": {
            "name": text_at(app, "name"),
            "mode": CHAT_MODE if chat else WORKFLOW_MODE,
            "icon": text_at(app, "icon") or "🤖",
            "icon_background": "#FFEAD5",
            "description": text_at(app, "description"),
        },
        "workflow": workflow,
    }
