"""Tells what changes in the tree of a run while it goes on. Pure: no clock, no database; same events, same tree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from apps.traces.masking.masker import Masker
from apps.traces.masking.streamed import StreamedText
from apps.traces.recorder.notes import micros
from apps.traces.recorder.reading import model_of
from apps.traces.recorder.shapes import short
from apps.workflows.engine import events
from apps.workflows.hooks import RunInfo

ROOT: Final = "run"
#: Of a text that is being written, nobody reads more on this page; the trace has it all.
MOST_TEXT: Final = 100_000
_MOST_ERROR = 2_000


@dataclass(slots=True, kw_only=True)
class Change:
    """What became of the tree since the last one was told: rows by key as they are now, and text that was added."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: Key of a row -> what it wrote since. The run's own text is its answer.
    texts: dict[str, str] = field(default_factory=dict)
    #: Rows whose text so far is void.
    voided: list[str] = field(default_factory=list)
    #: How the run stands, where that changed: `running`, `paused`, or how it ended.
    status: str = ""
    error: str = ""

    def as_json(self) -> dict[str, Any]:
        """As the page's script reads it; what is empty is left out."""
        body = {
            "rows": list(self.rows.values()),
            "texts": self.texts,
            "voided": self.voided,
            "status": self.status,
            "error": self.error,
        }
        return {name: value for name, value in body.items() if value}


class LiveTree:
    """Takes the events of a run, in order from the first; `told` gives what changed since it was asked last.

    Texts are masked as those of the trace will be: of what is being written, the end is kept back until it is decided.
    """

    def __init__(self, run: RunInfo, masker: Masker) -> None:
        self._run = run
        self._masker = masker
        #: Texts that are being written, by key.
        self._open: dict[str, StreamedText] = {}
        self._zero_us: int | None = None
        self._rows: dict[str, dict[str, Any]] = {}
        self._latest: dict[tuple[str, str], str] = {}
        self._sizes: dict[str, int] = {}
        self._tokens = 0
        self._change = Change()

    @property
    def began_us(self) -> int | None:
        """When the run began, in microseconds since 1970."""
        return self._zero_us

    def told(self) -> Change:
        """What changed; from now on it is known."""
        change, self._change = self._change, Change()
        return change

    def take(self, event: events.Event) -> None:
        """Note one event down."""
        if self._zero_us is None:
            self._begin(event)
        match event:
            case events.NodeStarted():
                self._start(event)
            case events.NodeText():
                self._write(self._key(event), event.text, event.at)
            case events.AnswerText():
                self._write(ROOT, event.text, event.at)
                self._write(self._latest.get(("", event.source_id or event.node_id), ""), event.text, event.at)
            case events.AnswerReplaced():
                self._void(ROOT)
                self._write(ROOT, event.text, event.at)
            case events.NodeRetried():
                self._void(self._key(event))
            case events.NodeWaiting():
                self._set(self._key(event), status="waiting")
            case events.NodeAnswered():
                self._set(self._key(event), status="running")
            case events.NodeSucceeded() | events.NodeFailed():
                self._end(event)
            case events.RunPaused():
                self._change.status = "paused"
                for key in list(self._open):
                    self._complete(key)
            case events.RunResumed():
                self._change.status = "running"
            case events.RunFinished():
                self._finish(event)

    def _begin(self, event: events.Event) -> None:
        self._zero_us = micros(event.at)
        self._change.status = "running"
        self._add(ROOT, name=self._run.application_name, kind="run", node="", parent="", at=event.at)

    def _start(self, event: events.NodeStarted) -> None:
        place = event.frame, event.node_id
        before = self._latest.get(place)
        if before and self._rows[before]["status"] in ("running", "waiting"):
            self._close(before, event.at, "stopped")  # its process died, or it is tried again
        key = f"{event.frame}|{event.node_id}|{event.index}|{event.attempt}"
        outer, _slash, step = event.frame.rpartition("/")
        container = self._latest.get((outer, step.rpartition(":")[0]), ROOT) if event.frame else ROOT
        self._latest[place] = key
        name = event.title or event.node_id
        self._add(key, name=name, kind=event.node_type, node=event.node_id, parent=container, at=event.at)

    def _add(self, key: str, *, name: str, kind: str, node: str, parent: str, at: float) -> None:
        self._rows[key] = {
            "key": key,
            "parent": parent,
            "name": short(name),
            "kind": short(kind, 100),
            "node": short(node),
            "offset": max(0, micros(at) - (self._zero_us or 0)),
            "duration": None,
            "first": None,
            "status": "running",
            "tokens": 0,
            "model": "",
            "error": "",
            "message": "",
            "handled": False,
        }
        self._change.rows[key] = self._rows[key]

    def _key(self, event: Any) -> str:
        return self._latest.get((event.frame, event.node_id), "")

    def _set(self, key: str, **facts: Any) -> None:
        row = self._rows.get(key)
        if row is not None:
            row.update(facts)
            self._change.rows[key] = row

    def _write(self, key: str, text: str, at: float) -> None:
        row = self._rows.get(key)
        if row is None or row["status"] not in ("running", "waiting"):
            return
        if row["first"] is None:
            self._set(key, first=self._since(row, at))
        size = self._sizes.get(key, 0)
        if size < MOST_TEXT:
            self._sizes[key] = size + len(text)
            if key not in self._open:
                self._open[key] = StreamedText(self._masker)
            self._show(key, self._open[key].add(text))

    def _show(self, key: str, text: str) -> None:
        if text:
            self._change.texts[key] = self._change.texts.get(key, "") + text

    def _complete(self, key: str) -> None:
        """Show the end of a text; where the whole of it reads otherwise than its pieces did, the whole."""
        text = self._open.pop(key, None)
        if text is None:
            return
        rest, is_whole = text.finish()
        if is_whole:
            self._take_back(key)
        self._show(key, rest)

    def _void(self, key: str) -> None:
        self._open.pop(key, None)
        if self._sizes.pop(key, 0):
            self._take_back(key)

    def _take_back(self, key: str) -> None:
        self._change.texts.pop(key, None)
        self._change.voided.append(key)

    def _since(self, row: Mapping[str, Any], at: float) -> int:
        return max(0, micros(at) - (self._zero_us or 0) - int(row["offset"]))

    def _close(self, key: str, at: float, status: str) -> None:
        self._complete(key)
        row = self._rows[key]
        self._set(key, status=status, duration=self._since(row, at))

    def _end(self, event: events.NodeSucceeded | events.NodeFailed) -> None:
        key = self._key(event)
        if not key:
            return
        facts: dict[str, Any] = {"model": short(model_of(event.process)[0])}
        if isinstance(event, events.NodeFailed):
            stopped = event.error.code == events.BROKEN_OFF
            facts |= {"error": short(event.error.code, 100), "message": self._message(event.error.message)}
            facts["handled"] = event.handled
            self._close(key, event.at, "stopped" if stopped else "error")
        else:
            self._close(key, event.at, "ok")
        if event.usage is not None:
            facts["tokens"] = event.usage.total_tokens
            self._tokens += event.usage.total_tokens
            self._set(ROOT, tokens=self._tokens)
        self._set(key, **facts)

    def _finish(self, event: events.RunFinished) -> None:
        for key, row in list(self._rows.items()):
            if key != ROOT and row["duration"] is None:
                self._close(key, event.at, "stopped")
        self._close(ROOT, event.at, "error" if event.status == "failed" else "ok")
        if event.usage is not None:
            self._set(ROOT, tokens=event.usage.total_tokens)
        self._change.status = event.status
        if event.error is not None:
            self._change.error = self._message(event.error.message)
            self._set(ROOT, error=short(event.error.code, 100), message=self._change.error)

    def _message(self, written: str) -> str:
        return self._masker.text(written)[:_MOST_ERROR]
