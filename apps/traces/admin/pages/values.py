"""What went into a step and came out of it, value by value, as a person reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _

from apps.traces.models import Span

#: Longer texts, and those of several lines, get a box of their own.
_SHORT = 100
#: What one looks for in an answer comes first; what is seldom looked at last.
_HTTP_ORDER: Final = ("status", "json", "body", "files", "headers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value: `form` is `short`, `text` or `tree`."""

    name: str
    form: str
    value: Any


def values_taken_in(span: Span, inputs: Mapping[str, Any]) -> list[Value]:
    """The inputs of a step; of a run those it was started with, its question left to the page."""
    if span.kind == Span.Kind.RUN:
        inputs = _lifted({name: value for name, value in inputs.items() if name != "query"}, "inputs")
    return _values_of(inputs)


def values_put_out(span: Span, outputs: Mapping[str, Any]) -> list[Value]:
    """The outputs of a step: of a run those of its end, of a request its status and what was answered."""
    if span.kind == Span.Kind.RUN:
        outputs = _lifted(outputs, "outputs")
    elif "status" in outputs and "body" in outputs and "headers" in outputs:
        outputs = _of_request(outputs)
    return _values_of(outputs)


def _values_of(values: Mapping[str, Any]) -> list[Value]:
    return [_value(name, value) for name, value in values.items()]


def _value(name: str, value: Any) -> Value:
    if isinstance(value, bool):
        return Value(name=name, form="short", value=_("Yes") if value else _("No"))
    if value in (None, "", [], {}):
        return Value(name=name, form="short", value="–")
    if isinstance(value, Mapping | list):
        return Value(name=name, form="tree", value=value)
    text = str(value)
    return Value(name=name, form="short" if _is_short(text) else "text", value=text)


def _is_short(text: str) -> bool:
    return len(text) <= _SHORT and "\n" not in text


def _lifted(values: Mapping[str, Any], inner: str) -> dict[str, Any]:
    """What is empty is not told (a workflow has no answer), what is within `inner` stands beside the rest."""
    within = values.get(inner)
    if not isinstance(within, Mapping):
        return dict(values)
    rest = {name: value for name, value in values.items() if name != inner and value not in (None, "", [], {})}
    return {**rest, **within}


def _of_request(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """A body that is data is shown once, as data."""
    shown = {name: outputs[name] for name in _known_first(outputs)}
    if shown.get("json") is None:
        shown.pop("json", None)
    elif _says(shown["body"], shown["json"]):
        shown["body"] = shown.pop("json")
        shown = {name: shown[name] for name in _known_first(shown)}
    if not shown.get("files"):
        shown.pop("files", None)
    return shown


def _known_first(values: Mapping[str, Any]) -> Sequence[str]:
    known = [name for name in _HTTP_ORDER if name in values]
    return [*(name for name in values if name not in _HTTP_ORDER), *known]


def _says(body: Any, data: Any) -> bool:
    try:
        return bool(json.loads(body) == data)
    except (TypeError, ValueError):
        return False
