"""Where a problem of a document is, in words: which step it is in, named as its author knows it."""

from __future__ import annotations

from django.utils.translation import gettext as _

from apps.workflows.dsl.problems import Problem
from apps.workflows.dsl.yaml_reader import read as read_yaml


def in_words(warning: Problem, *, document: object, file: str) -> str:
    """The warning with the step it is about; with its path where it is about none.

    The path leads into the document, or into the file from which that was translated.
    """
    found, step = _follow(document, warning.path)
    if not found:
        found, step = _follow(read_yaml(file), warning.path)
    if step:
        return _("Step “%(step)s”: %(message)s") % {"step": step, "message": warning.message}
    return f"{warning.path}: {warning.message}" if warning.path else warning.message


def _follow(value: object, path: str) -> tuple[bool, str]:
    """Whether the path leads somewhere, and the innermost step on its way."""
    step = ""
    for part in path.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            return False, ""
        step = _title(value) or step
    return True, step


def _title(value: object) -> str:
    """What a step is called, here or in a document of Dify's, which keeps that in `data`."""
    if not isinstance(value, dict) or "id" not in value:
        return ""
    data = value.get("data")
    facts = data if isinstance(data, dict) else value
    return str(facts.get("title") or value["id"]) if "type" in facts else ""
