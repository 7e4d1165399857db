"""Rules about secrets: a document holds none, and what its readers get should show none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.utils.translation import gettext as _

from apps.workflows.dsl.outline import Outline, list_at
from apps.workflows.dsl.problems import Problem, pointer

_SHOWN_BY: Final = frozenset({"answer", "end"})


def check_secrets(document: Mapping[str, Any], graph: Outline) -> Iterator[Problem]:
    """Secrets with a value in the document, and secrets that answers and outputs show."""
    variables = document.get("variables")
    secrets = set()
    for place, one in enumerate(list_at(variables if isinstance(variables, dict) else {}, "environment")):
        if not isinstance(one, dict) or one.get("type") != "secret" or not isinstance(one.get("name"), str):
            continue
        secrets.add(one.get("name"))
        if one.get("default") not in (None, ""):
            path = pointer("variables", "environment", place, "default")
            message = _("A secret has no value in a document: it is set in the app's environment.")
            yield Problem(path=path, code="secret_in_document", message=message)
    for part in graph.all() if secrets else ():
        for node in part.written:
            if node.type is None or node.type_name not in _SHOWN_BY:
                continue
            for use in node.type.uses(node.config):
                if use.reference.root == "env" and use.reference.parts[1:2] and use.reference.parts[1] in secrets:
                    path = part.pointer("nodes", node.place, "config") + use.pointer
                    message = _("This shows the secret %s to whoever reads the result.") % use.reference.path
                    yield Problem(path=path, code="secret_shown", message=message, severity="warning")
