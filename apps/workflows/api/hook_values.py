"""Reading a webhook's request: what is declared becomes typed values; everything wrong is said at once."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest

from apps.workflows.api.hook_body import Body
from apps.workflows.dsl.problems import pointer
from apps.workflows.nodes.trigger_webhook import output_name
from support.errors import InvalidInput

#: Headers that are for nobody who reads a run, unless the webhook declares them.
_HIDDEN: Final = re.compile(r"authorization|cookie|token|secret|password|signature|api-?key", re.IGNORECASE)
#: Larger whole numbers are none in JSON everywhere.
_MOST: Final = 2**63
MOST_CHARS: Final = 100_000
MOST_DIGITS: Final = 40
_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*")
_WORDS: Final = {
    "true": True,
    "1": True,
    "yes": True,
    "on": True,
    "false": False,
    "0": False,
    "no": False,
    "off": False,
}
_Check = Callable[[Any], bool]


@dataclass(slots=True, kw_only=True)
class HookValues:
    """What a request holds: values by the names of outputs, the files among them, and the request for readers."""

    values: dict[str, Any] = field(default_factory=dict)
    files: dict[str, UploadedFile[Any] | list[UploadedFile[Any]]] = field(default_factory=dict)
    request: dict[str, Any] = field(default_factory=dict)


def read_values(request: HttpRequest, body: Body, config: Mapping[str, Any]) -> HookValues:
    """The declared values. Raises InvalidInput with every fault in `details.errors`."""
    found = HookValues()
    problems: list[dict[str, str]] = []
    for place, one, given in _given(request, body, config):
        name, kind = one["name"], one.get("type", "string")
        path = pointer(place, name)
        if given is None or given == "":
            if one.get("required", False):
                problems.append({"path": path, "code": "required", "message": f"{name} is required."})
            continue
        try:
            value = _file(given, kind) if "file" in kind else _typed(given, kind, is_text=_is_text(place, body))
        except ValueError as exc:
            problems.append({"path": path, "code": "wrong_type", "message": f"{name} must be {exc}."})
            continue
        target: dict[str, Any] = found.files if "file" in kind else found.values
        target[output_name(name)] = value
    if problems:
        raise InvalidInput(" ".join(problem["message"] for problem in problems), errors=problems)
    found.request = {
        "method": request.method,
        "headers": {name: text for name, text in request.headers.items() if _HIDDEN.search(name) is None},
        "params": _plain(request.GET.lists()),
        "body": body.content,
    }
    return found


def _given(request: HttpRequest, body: Body, config: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], Any]]:
    """Every declared value with its place and what the request has for it."""
    for one in config.get("headers") or ():
        yield "headers", one, request.headers.get(one["name"], request.headers.get(one["name"].replace("_", "-")))
    for one in config.get("params") or ():
        yield "params", one, request.GET.get(one["name"])
    for one in config.get("body") or ():
        yield "body", one, body.get(one["name"], one.get("type", "string"))


def _is_text(place: str, body: Body) -> bool:
    """Whether values come as texts that mean something else: everywhere but in JSON."""
    return place != "body" or body.is_form


def _typed(given: Any, kind: str, *, is_text: bool) -> Any:
    """The value of a type. Raises ValueError that says what it must be."""
    if kind.startswith("array["):
        return _list(given, kind.removeprefix("array[").removesuffix("]"), is_text=is_text)
    if is_text and isinstance(given, str):
        return _of_text(given, kind)
    fits, words = _OF_JSON[kind]
    if not fits(given):
        raise ValueError(words)
    return given


def _of_text(given: str, kind: str) -> Any:
    if kind == "string":
        if len(given) > MOST_CHARS:
            raise ValueError(f"a text of at most {MOST_CHARS:,} characters")
        return given
    if kind == "boolean":
        if (word := given.strip().lower()) not in _WORDS:
            raise ValueError("true or false")
        return _WORDS[word]
    if kind == "object":
        return _typed(_json(given, "a JSON object"), kind, is_text=False)
    return _number(given, kind)


def _number(given: str, kind: str) -> int | float:
    if _NUMBER.fullmatch(given) is None or len(given) > MOST_DIGITS:
        raise ValueError(_OF_JSON[kind][1])
    value = float(given) if any(sign in given for sign in ".eE") else int(given)
    if not math.isfinite(value) or abs(value) >= _MOST or (kind == "integer" and value != int(value)):
        raise ValueError(_OF_JSON[kind][1])
    return int(value) if kind == "integer" else value


def _list(given: Any, kind: str, *, is_text: bool) -> list[Any]:
    """A list of JSON; of a form, the field sent several times, or once as JSON."""
    words = f"a list of {_PLURAL[kind]}"
    if is_text and isinstance(given, str):
        is_text = not given.lstrip().startswith("[")
        given = [given] if is_text else _json(given, words)
    if not isinstance(given, list):
        raise ValueError(words)
    try:
        return [_typed(each, kind, is_text=is_text) for each in given]
    except ValueError:
        raise ValueError(words) from None


def _json(text: str, words: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ValueError(words) from None


def _file(given: Any, kind: str) -> UploadedFile[Any] | list[UploadedFile[Any]]:
    """The file, or the files, of a field. Raises ValueError."""
    files = given if isinstance(given, list) else [given]
    if not all(isinstance(file, UploadedFile) for file in files):
        raise ValueError("a file" if kind == "file" else "a list of files")
    if kind != "file":
        return files
    if len(files) > 1:
        raise ValueError("one file")
    one: UploadedFile[Any] = files[0]
    return one


def _plain(lists: Any) -> dict[str, Any]:
    """A form's fields: those that were sent once as they are, others as lists."""
    return {name: values[0] if len(values) == 1 else list(values) for name, values in lists}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_OF_JSON: Final[Mapping[str, tuple[_Check, str]]] = {
    "string": (lambda value: isinstance(value, str), "a text"),
    "number": (_is_number, "a number"),
    "integer": (lambda value: isinstance(value, int) and not isinstance(value, bool), "a whole number"),
    "boolean": (lambda value: isinstance(value, bool), "true or false"),
    "object": (lambda value: isinstance(value, dict), "an object"),
}
_PLURAL: Final = {"string": "texts", "number": "numbers", "boolean": "true and false", "object": "objects"}
