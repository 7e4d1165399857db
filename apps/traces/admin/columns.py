"""The columns of the lists: what each shows of a row, and which are shown before anybody chooses."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.traces.admin.formats import duration
from apps.traces.models import AgentThought, Span, Trace
from support import money

Text = str | Promise
#: How the template draws a cell.
Drawn = Literal["text", "number", "count", "pill", "kind", "ago", "tags", "id"]
#: The parameter of the address that names the chosen columns.
COLUMNS = "cols"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: `value` gives what it shows of a row, `note` a second line."""

    name: str
    label: Text
    value: Callable[[Any], Any]
    drawn: Drawn = "text"
    note: Callable[[Any], Any] | None = None
    #: Shown until somebody chooses otherwise.
    usual: bool = False
    #: Whether a phone shows it.
    on_phone: bool = False
    css: str = ""

    @property
    def classes(self) -> str:
        """The classes of its cells."""
        by_kind = {"number": "num", "count": "num", "pill": "fit", "kind": "fit", "ago": "fit"}.get(self.drawn, "long")
        return " ".join(filter(None, (by_kind, self.css, "" if self.on_phone else "secondary")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one row shows in one column."""

    column: Column
    value: Any
    note: Any = ""


def chosen(parameters: QueryDict, columns: Sequence[Column]) -> list[Column]:
    """The columns that the address asks for, in the list's order; the usual ones where it asks for none it knows."""
    names = frozenset(parameters.get(COLUMNS, "").split(","))
    return [each for each in columns if each.name in names] or [each for each in columns if each.usual]


def cells(row: Any, columns: Sequence[Column]) -> list[Cell]:
    """The cells of a row."""
    return [
        Cell(column=column, value=column.value(row), note=column.note(row) if column.note else "") for column in columns
    ]


def _status(row: Trace | Span) -> tuple[str, str]:
    return row.status, row.get_status_display()


def _trace_cost(trace: Trace) -> str:
    return money.in_words(trace.cost, trace.currency, at_least=bool(trace.unpriced_calls))


def _parameters(thought: AgentThought) -> str:
    return ", ".join(f"{name} {json.dumps(value, ensure_ascii=False)}" for name, value in thought.parameters.items())


TRACE_COLUMNS = (
    Column(name="status", label=_("Status"), value=_status, drawn="pill", usual=True, on_phone=True),
    Column(
        name="app",
        label=_("App"),
        value=lambda trace: trace.application_name,
        css="history-app",
        usual=True,
        on_phone=True,
    ),
    Column(name="name", label=_("Name"), value=lambda trace: trace.name, css="history-app"),
    Column(name="output", label=_("Output"), value=lambda trace: trace.output_preview, css="history-text"),
    Column(
        name="duration",
        label=_("Duration"),
        value=lambda trace: duration(trace.duration_us),
        drawn="number",
        usual=True,
        on_phone=True,
    ),
    Column(
        name="first_text",
        label=_("First text"),
        value=lambda trace: duration(trace.first_text_us),
        drawn="number",
        usual=True,
    ),
    Column(name="tokens", label=_("Tokens"), value=lambda trace: trace.total_tokens, drawn="count", usual=True),
    Column(name="input_tokens", label=_("Input tokens"), value=lambda trace: trace.input_tokens, drawn="count"),
    Column(name="output_tokens", label=_("Output tokens"), value=lambda trace: trace.output_tokens, drawn="count"),
    Column(name="cached_tokens", label=_("Cached tokens"), value=lambda trace: trace.cached_tokens, drawn="count"),
    Column(name="cost", label=_("Cost"), value=_trace_cost, drawn="number", usual=True),
    Column(name="models", label=_("Models"), value=lambda trace: ", ".join(trace.models_used), css="history-model"),
    Column(name="spans", label=_("Spans"), value=lambda trace: trace.span_count, drawn="count"),
    Column(name="errors", label=_("Failed steps"), value=lambda trace: trace.error_count, drawn="count"),
    Column(
        name="user",
        label=_("User"),
        value=lambda trace: trace.end_user,
        note=lambda trace: trace.get_source_display(),
        css="history-user",
        usual=True,
    ),
    Column(name="session", label=_("Session"), value=lambda trace: trace.session, css="history-user"),
    Column(name="version", label=_("Version"), value=lambda trace: trace.version_number or "", drawn="number"),
    Column(name="environment", label=_("Environment"), value=lambda trace: trace.environment, css="history-user"),
    Column(name="release", label=_("Release"), value=lambda trace: trace.release, css="history-user"),
    Column(name="tags", label=_("Tags"), value=lambda trace: trace.tags, drawn="tags"),
    Column(name="id", label=_("Id"), value=lambda trace: trace.external_id or trace.id, drawn="id"),
    Column(
        name="started", label=_("Started"), value=lambda trace: trace.started_at, drawn="ago", usual=True, on_phone=True
    ),
)
SPAN_COLUMNS = (
    Column(name="status", label=_("Status"), value=_status, drawn="pill", usual=True, on_phone=True),
    Column(
        name="kind",
        label=_("Kind"),
        value=lambda span: (span.node_type or span.kind, span.get_kind_display()),
        drawn="kind",
        usual=True,
        on_phone=True,
    ),
    Column(name="app", label=_("App"), value=lambda span: span.application_name, css="history-app", usual=True),
    Column(
        name="model",
        label=_("Model"),
        value=lambda span: span.model,
        note=lambda span: span.provider,
        css="history-model",
        usual=True,
    ),
    Column(name="input", label=_("Input"), value=lambda span: span.input_preview, css="history-text"),
    Column(
        name="duration",
        label=_("Duration"),
        value=lambda span: duration(span.duration_us),
        drawn="number",
        usual=True,
        on_phone=True,
    ),
    Column(name="first_text", label=_("First text"), value=lambda span: duration(span.first_text_us), drawn="number"),
    Column(name="tokens", label=_("Tokens"), value=lambda span: span.total_tokens, drawn="count", usual=True),
    Column(name="input_tokens", label=_("Input tokens"), value=lambda span: span.input_tokens, drawn="count"),
    Column(name="output_tokens", label=_("Output tokens"), value=lambda span: span.output_tokens, drawn="count"),
    Column(name="cost", label=_("Cost"), value=lambda span: money.in_words(span.cost, span.currency), drawn="number"),
    Column(name="user", label=_("User"), value=lambda span: span.end_user, css="history-user"),
    Column(name="session", label=_("Session"), value=lambda span: span.session, css="history-user"),
    Column(name="environment", label=_("Environment"), value=lambda span: span.environment, css="history-user"),
    Column(name="tags", label=_("Tags"), value=lambda span: span.tags, drawn="tags"),
    Column(name="id", label=_("Id"), value=lambda span: span.id, drawn="id"),
    Column(
        name="started", label=_("Started"), value=lambda span: span.started_at, drawn="ago", usual=True, on_phone=True
    ),
)
THOUGHT_COLUMNS = (
    Column(
        name="model",
        label=_("Model"),
        value=lambda thought: thought.model,
        note=lambda thought: thought.provider,
        css="history-model",
        usual=True,
        on_phone=True,
    ),
    Column(name="tool", label=_("Tool"), value=lambda thought: thought.tool, css="history-model"),
    Column(name="parameters", label=_("Parameters"), value=_parameters, css="history-parameters", usual=True),
    Column(name="finish", label=_("Finish reason"), value=lambda thought: thought.finish_reason),
    Column(
        name="input_tokens",
        label=_("Input tokens"),
        value=lambda thought: thought.input_tokens,
        drawn="count",
        usual=True,
    ),
    Column(
        name="output_tokens",
        label=_("Output tokens"),
        value=lambda thought: thought.output_tokens,
        drawn="count",
        usual=True,
    ),
    Column(name="cached_tokens", label=_("Cached tokens"), value=lambda thought: thought.cached_tokens, drawn="count"),
    Column(
        name="cost",
        label=_("Cost"),
        value=lambda row: money.in_words(row.price, row.currency),
        drawn="number",
        usual=True,
    ),
    Column(
        name="first_text",
        label=_("First text"),
        value=lambda thought: duration(thought.first_text_us),
        drawn="number",
        usual=True,
    ),
    Column(
        name="latency",
        label=_("Latency"),
        value=lambda thought: duration(thought.latency_us),
        drawn="number",
        usual=True,
        on_phone=True,
    ),
    Column(name="id", label=_("Id"), value=lambda thought: thought.id, drawn="id"),
    Column(
        name="started",
        label=_("Started"),
        value=lambda thought: thought.started_at,
        drawn="ago",
        usual=True,
        on_phone=True,
    ),
)
