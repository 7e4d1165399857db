"""Filters of the lists: each is a chip that shows what is on, with the choices or the field to change it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from apps.traces.admin.formats import duration
from apps.traces.models import Span, Trace
from apps.traces.selectors.conditions import TRAFFIC, TROUBLED
from support import money

Text = str | Promise
Choices = Sequence[tuple[str, Text]]
#: The address parameter of the page; a changed filter starts at the first page again.
CURSOR = "at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A condition of the list as people meet it. Without choices it has a field to type into."""

    name: str
    label: Text
    choices: Choices = ()
    #: What its values are read from beside the fixed choices: `apps` or `models` of the roll-ups.
    fed_by: str = ""
    #: Shown though nothing is chosen; the others wait behind "Filter".
    pinned: bool = False
    #: How a value is written that is none of the choices.
    written: Callable[[str], str] = str
    #: Whether any value may be typed besides the choices; `inputmode` of the field.
    typed: str = ""
    hint: Text = ""
    suffix: Text = ""

    def chip(self, parameters: QueryDict, *, value: str, offered: Mapping[str, Choices]) -> Chip:
        """The filter as this request has it."""
        choices = [*self.choices, *offered.get(self.fed_by, ())]
        words = dict(choices).get(value) or (self.written(value) if value else "")
        options = [
            Option(label=label, url=address(parameters, **{self.name: key}), current=key == value)
            for key, label in choices
        ]
        return Chip(
            name=self.name,
            label=self.label,
            value=value,
            words=words,
            options=options,
            pinned=self.pinned,
            typed=self.typed,
            hint=self.hint,
            suffix=self.suffix,
            kept=kept(parameters, without=(self.name,)) if self.typed else [],
            clear_url=address(parameters, **{self.name: ""}) if value else "",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A choice in a chip's menu."""

    label: Text
    url: str
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """A filter as one request has it."""

    name: str
    label: Text
    value: str
    words: Text
    options: Sequence[Option] = field(default_factory=list)
    pinned: bool = False
    typed: str = ""
    hint: Text = ""
    suffix: Text = ""
    #: The other parameters, for the form that changes this one.
    kept: Sequence[tuple[str, str]] = ()
    clear_url: str = ""

    @property
    def shown(self) -> bool:
        """Whether the chip stands in the row before anybody asks for it."""
        return self.pinned or bool(self.value)

    @property
    def typed_value(self) -> str:
        """What stands in its field: a value that is no choice."""
        return "" if any(option.current for option in self.options) else self.value


def address(parameters: QueryDict, **changes: str) -> str:
    """The same list with some parameters changed (empty: taken away), at its first page."""
    changed = parameters.copy()
    for name in (CURSOR, *changes):
        changed.pop(name, None)
    for name, value in changes.items():
        if value:
            changed[name] = value
    return "?" + changed.urlencode()


def kept(parameters: QueryDict, *, without: Sequence[str]) -> list[tuple[str, str]]:
    """What a form has to send along."""
    return [(name, str(value)) for name, value in parameters.items() if name not in (CURSOR, *without)]


def _milliseconds(value: str) -> str:
    return f"≥ {duration(int(value) * 1000)}"


def _amount(value: str) -> str:
    return f"≥ {money.in_words(value)}"


def _errors(value: str) -> str:
    count = int(value)
    return ngettext("at least %(n)s failed step", "at least %(n)s failed steps", count) % {"n": count}


_WAITS: Choices = (
    ("300", _("300 ms")),
    ("1000", _("1 s")),
    ("3000", _("3 s")),
    ("10000", _("10 s")),
    ("30000", _("30 s")),
)
_COSTS: Choices = (("0.001", "≥ $0.001"), ("0.01", "≥ $0.01"), ("0.1", "≥ $0.10"), ("1", "≥ $1"))

SLOWER = Filter(
    name="slower",
    label=_("Slower than"),
    choices=_WAITS,
    typed="numeric",
    hint=_("Milliseconds"),
    suffix=_("ms"),
    written=_milliseconds,
    pinned=True,
)
WAITED = Filter(
    name="waited",
    label=_("First text after"),
    choices=_WAITS,
    typed="numeric",
    hint=_("Milliseconds"),
    suffix=_("ms"),
    written=_milliseconds,
)
COST = Filter(
    name="cost",
    label=_("Cost"),
    choices=_COSTS,
    typed="decimal",
    hint=_("At least, such as 0.05"),
    suffix="$",
    written=_amount,
)
TRACE_STATUS = Filter(
    name="status",
    label=_("Status"),
    choices=((TROUBLED, _("Anything but succeeded")), *Trace.Status.choices),
    pinned=True,
)
SPAN_STATUS = Filter(
    name="status",
    label=_("Status"),
    choices=(
        (TROUBLED, _("Anything but succeeded")),
        *(choice for choice in Span.Status.choices if choice[0] != Span.Status.SKIPPED),
    ),
    pinned=True,
)
KIND = Filter(name="kind", label=_("Kind"), choices=Span.Kind.choices, pinned=True)
SOURCE = Filter(
    name="source",
    label=_("Source"),
    choices=((TRAFFIC, _("Anything but experiments")), *Trace.Source.choices),
)
APP = Filter(name="app", label=_("App"), fed_by="apps", pinned=True)
MODEL = Filter(name="model", label=_("Model"), fed_by="models", typed="text", hint=_("Name of the model"))
OWN_APP = Filter(name="app", label=_("App"), fed_by="own_apps", pinned=True)
THOUGHT_MODEL = Filter(
    name="model", label=_("Model"), fed_by="models", typed="text", hint=_("Name of the model"), pinned=True
)
TOKENS = Filter(
    name="tokens",
    label=_("Tokens"),
    choices=(("1000", "≥ 1,000"), ("10000", "≥ 10,000"), ("100000", "≥ 100,000")),
    typed="numeric",
    hint=_("At least"),
    written=lambda value: f"≥ {int(value):,}",
)
ERRORS = Filter(name="errors", label=_("Failed steps"), choices=(("1", _("At least one")),), written=_errors)
VERSION = Filter(name="version", label=_("Version"), typed="numeric", hint=_("Number of the version"))
USER = Filter(name="user", label=_("User"), typed="text", hint=_("The user's id, exactly"))
SESSION = Filter(name="session", label=_("Session"), typed="text", hint=_("The session's id, exactly"))
TAG = Filter(name="tag", label=_("Tag"), typed="text", hint=_("One tag, exactly"))
NAME = Filter(name="name", label=_("Name"), typed="text", hint=_("The name, exactly"))
ENVIRONMENT = Filter(name="environment", label=_("Environment"), typed="text", hint=_("Such as production"))
RELEASE = Filter(name="release", label=_("Release"), typed="text", hint=_("Such as 1.4.2"))
ERROR_CODE = Filter(name="error", label=_("Error code"), typed="text", hint=_("Such as model_unavailable"))
TOOL = Filter(name="tool", label=_("Tool"), typed="text", hint=_("Name of the tool"))
CONVERSATION = Filter(name="conversation", label=_("Conversation"), typed="text", hint=_("Its id"))

PRESET_WORDS: dict[str, Text] = {
    "15m": _("Last 15 minutes"),
    "1h": _("Last hour"),
    "6h": _("Last 6 hours"),
    "24h": _("Last 24 hours"),
    "7d": _("Last 7 days"),
    "30d": _("Last 30 days"),
    "90d": _("Last 90 days"),
    "1y": _("Last year"),
}
ORDER_WORDS: dict[str, Text] = {
    "newest": _("Newest first"),
    "slowest": _("Slowest first"),
    "first_text": _("Longest wait for first text"),
    "costliest": _("Most expensive first"),
    "tokens": _("Most tokens first"),
}
