"""Values of a run as a person reads them: text as text, long ones by their beginning, what machines need apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _

#: So much of a text is shown at once, and so much when somebody unfolds it: a megabyte on a page is of no use.
BEGINNING: Final = 1_500
MOST: Final = 50_000
#: What steps of these types say besides what they were asked for.
_BESIDES: Final = frozenset({"usage", "model", "provider", "finish_reason", "headers"})
_NAMED_BY_AUTHORS: Final = frozenset({"start", "end", "code", "template-transform", "parameter-extractor", "tool"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One value: a text with what of it is folded away, or a structure. `left_out` characters are not there at all."""

    name: str
    value: Any
    is_text: bool = True
    rest: str = ""
    left_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What came out of a step, and what it says besides, which is folded away."""

    first: Sequence[Shown]
    more: Sequence[Shown]


def shown_values(values: Mapping[str, Any]) -> list[Shown]:
    """Values by name, in their order."""
    return [_shown(name, value) for name, value in values.items()]


def outputs_of_step(node_type: str, outputs: Mapping[str, Any]) -> Values:
    """The outputs of a step; what its author named is never folded away."""
    aside = frozenset() if node_type in _NAMED_BY_AUTHORS else _aside(outputs)
    return Values(
        first=shown_values({name: value for name, value in outputs.items() if name not in aside}),
        more=shown_values({name: value for name, value in outputs.items() if name in aside}),
    )


def shown_text(name: str, text: str) -> Shown:
    """A text by its beginning."""
    return Shown(
        name=name, value=text[:BEGINNING], rest=text[BEGINNING:MOST], left_out=max(0, len(text) - max(MOST, BEGINNING))
    )


def shown_messages(messages: Iterable[Mapping[str, Any]] | None) -> list[Shown]:
    """What a model was told, each by who says it."""
    return [shown_text(str(each.get("role", "")), str(each.get("text") or "")) for each in messages or ()]


def _aside(outputs: Mapping[str, Any]) -> frozenset[str]:
    """Names of what only machines need, and of what is empty; where nothing else is there, of nothing."""
    aside = {name for name, value in outputs.items() if name in _BESIDES or value in (None, "", [], {})}
    return frozenset(aside) if len(aside) < len(outputs) else frozenset()


def _shown(name: str, value: Any) -> Shown:
    if isinstance(value, bool):
        return Shown(name=name, value=_("Yes") if value else _("No"))
    if value in (None, "", [], {}):
        return Shown(name=name, value="–")
    if isinstance(value, dict | list):
        return Shown(name=name, value=value, is_text=False)
    return shown_text(name, str(value))
