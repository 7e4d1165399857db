"""YAML as plain data: the JSON types and nothing else, with bounded size, depth and aliases.

Only `true` and `false` are booleans and nothing is a date, so that `on:` is a key and `2024-01-01` a text.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from typing import Any, Final, cast

import yaml
from yaml.error import Mark

MAX_DEPTH: Final = 64
MAX_VALUES: Final = 500_000

_BOOL = re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$")
_NULL = re.compile(r"^(?:~|null|Null|NULL|)$")
_INT = re.compile(r"^[-+]?(?:0|[1-9][0-9]{0,400})$")
_FLOAT = re.compile(r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$")
_BEYOND = re.compile("[\U00010000-\U0010ffff]")
#: Texts of several lines that a block can hold as they are: the first and the last line do not begin or end in blanks.
_BLOCK = re.compile("(?![ \t\n])[\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]*(?<![ \t])")
_RAGGED = re.compile(r"\t| \n")
#: Line breaks to YAML and to nobody else: outside of escapes they would be read as `\n`.
_OTHER_BREAKS = re.compile("[\x85\u2028\u2029]")
_RULES: Final = (
    ("tag:yaml.org,2002:bool", _BOOL, "tTfF"),
    ("tag:yaml.org,2002:null", _NULL, ["~", "n", "N", ""]),
    ("tag:yaml.org,2002:int", _INT, "-+0123456789"),
    ("tag:yaml.org,2002:float", _FLOAT, "-+.0123456789"),
)


class TooMuch(yaml.MarkedYAMLError):
    """The text is harmless in bytes but not in what it expands to."""


class _Loader(yaml.CSafeLoader):
    """A safe loader that knows JSON's types only and refuses a key that is there twice."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(None, None, "a key must be a text", key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(None, None, f"the key {key.value[:80]!r} is there twice", key.start_mark)
            seen.add(key.value)
        return {key.value: self.construct_object(value, deep=deep) for key, value in node.value}


class _Plain:
    """How both dumpers write: blocks for texts of several lines, never an alias."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}

    def ignore_aliases(self, data: Any) -> bool:
        return True


class _Dumper(_Plain, yaml.CSafeDumper):
    """The quick one; it writes characters beyond the Basic Multilingual Plane as escapes."""


class _WideDumper(_Plain, yaml.SafeDumper):
    """The slow one, for documents with such characters (emoji), and with code that has tabs or blanks at line ends.

    YAML can hold the latter in a block, but both dumpers would rather write them as one long line of escapes.
    """

    def analyze_scalar(self, scalar: str) -> Any:
        analysis = super().analyze_scalar(scalar)
        if analysis.multiline:
            analysis.allow_block = _BLOCK.fullmatch(scalar) is not None
        return analysis


def _represent_text(dumper: _Dumper | _WideDumper, text: str) -> yaml.ScalarNode:
    if _OTHER_BREAKS.search(text):
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')
    if "\n" in text:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|")
    # Older readers of YAML take these for booleans; `on` is spared because it is a key of ours.
    style = '"' if text.lower() in {"yes", "no", "off", "y", "n"} else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


for _tag, _rule, _first in _RULES:
    _Loader.add_implicit_resolver(_tag, _rule, list(_first))
    for _dumper in (_Dumper, _WideDumper):
        _dumper.add_implicit_resolver(_tag, _rule, list(_first))
_Dumper.add_representer(str, _represent_text)
_WideDumper.add_representer(str, _represent_text)


def read(text: str) -> Any:
    """The data in a YAML text. Raises yaml.YAMLError (TooMuch among them), with the place where that is known."""
    if _measure(text):
        return _copy(yaml.load(text, Loader=_Loader))  # noqa: S506 - a safe loader with fewer types
    return yaml.load(text, Loader=_Loader)  # noqa: S506


def write(data: Any) -> str:
    """Data as YAML, in its own order."""
    wide = any(_BEYOND.search(text) or _RAGGED.search(text) for text in _texts(data))
    return yaml.dump(
        data,
        Dumper=_WideDumper if wide else _Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=False,
        width=110,
    )


def _texts(data: Any) -> Iterator[str]:
    stack = [data]
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            stack.extend(value)
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)


def _too_much(reason: str, event: yaml.Event) -> TooMuch:
    return TooMuch(None, None, reason, cast("Mark | None", event.start_mark))


def _measure(text: str) -> bool:
    """Refuse what is too deep or expands to too much, before anything is built; whether there are aliases."""
    total, depth, aliases = 0, 0, False
    sizes: dict[str, int] = {}
    open_anchors: list[tuple[str | None, int]] = []
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            aliases = True
            if event.anchor not in sizes:
                raise _too_much("an alias refers to something that holds it", event)
            total += sizes[event.anchor]
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            depth += 1
            open_anchors.append((event.anchor, total))
            total += 1
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            depth -= 1
            anchor, before = open_anchors.pop()
            if anchor is not None:
                sizes[anchor] = total - before
        elif isinstance(event, yaml.ScalarEvent):
            total += 1
            if event.anchor is not None:
                sizes[event.anchor] = 1
        if total > MAX_VALUES:
            raise _too_much(f"more than {MAX_VALUES:,} values", event)
        if depth > MAX_DEPTH:
            raise _too_much(f"nested deeper than {MAX_DEPTH} levels", event)
    return aliases


def _copy(value: Any) -> Any:
    """Let what aliases share become separate values; depth and size are known to be bounded."""
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value
