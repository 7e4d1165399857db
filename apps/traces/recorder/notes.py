"""What is noted down while a run goes on: cheap to add to, and bounded however much text there is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from apps.traces.recorder.caps import PAYLOAD_LIMIT
from apps.workflows.engine.events import ErrorInfo, JsonObject, Usage

#: More steps than any agent may take, even when it is tried again.
THOUGHTS_LIMIT = 2_000


@dataclass(slots=True)
class Text:
    """Pieces of text in order, kept up to the limit and counted beyond it."""

    pieces: list[str] = field(default_factory=list)
    kept: int = 0
    length: int = 0

    def add(self, piece: str) -> None:
        """Append a piece; what is over the limit is only counted."""
        self.length += len(piece)
        if self.kept < PAYLOAD_LIMIT:
            self.pieces.append(piece)
            self.kept += len(piece)

    def joined(self) -> str:
        """The text that was kept."""
        return "".join(self.pieces)

    @property
    def was_cut(self) -> bool:
        return self.length > self.kept


@dataclass(slots=True, kw_only=True)
class StepNotes:
    """What the events said about one started node."""

    node_id: str
    node_type: str = ""
    title: str = ""
    index: int | None = None
    predecessor: str = ""
    #: The round of a container that it ran in, as the engine names it; and which try of the node it was.
    frame: str = ""
    attempt: int = 1
    started_us: int
    ended_us: int | None = None
    elapsed_us: int = 0
    first_text_us: int | None = None
    #: What it wrote, and what of it reached the reader: a chat's log holds the latter only.
    text: Text = field(default_factory=Text)
    heard: Text = field(default_factory=Text)
    failed: bool = False
    handled: bool = False
    handle: str = ""
    error: ErrorInfo | None = None
    inputs: JsonObject = field(default_factory=dict)
    outputs: JsonObject = field(default_factory=dict)
    process: JsonObject = field(default_factory=dict)
    usage: Usage | None = None
    #: The steps of an agent as it told them, those of earlier tries too: they were paid for.
    thoughts: list[JsonObject] = field(default_factory=list)

    def think(self, thought: JsonObject) -> None:
        """Note a thought down; telling it again with what came of it takes its place."""
        if self.thoughts and self.thoughts[-1].get("position") == thought.get("position"):
            self.thoughts.pop()
        if len(self.thoughts) < THOUGHTS_LIMIT:
            self.thoughts.append(thought)

    @property
    def container(self) -> tuple[str, str] | None:
        """Frame and id of the container around it."""
        if not self.frame:
            return None
        outer, _, last = self.frame.rpartition("/")
        return outer, last.rpartition(":")[0]

    @property
    def shown_title(self) -> str:
        """Its title, with the number of the round it ran in."""
        title = self.title or self.node_id
        return f"{title} [{int(self.frame.rpartition(':')[2]) + 1}]" if self.frame else title

    @property
    def written(self) -> Text:
        """Its text, as far as the log has it."""
        return self.text if self.text.length else self.heard

    @property
    def duration_us(self) -> int | None:
        """As the node measured it, else the time between its two events; nothing while it has not ended."""
        if self.ended_us is None:
            return None
        return self.elapsed_us or max(0, self.ended_us - self.started_us)


@dataclass(slots=True, kw_only=True)
class RunNotes:
    """What the events said about the run as a whole."""

    started_us: int | None = None
    last_us: int = 0
    last_seq: int = 0
    query: str = ""
    inputs: JsonObject = field(default_factory=dict)
    answer: Text = field(default_factory=Text)
    first_text_us: int | None = None
    replaced: list[dict[str, Any]] = field(default_factory=list)
    status: str = ""
    outputs: JsonObject = field(default_factory=dict)
    error: ErrorInfo | None = None
    steps: int = 0
    usage: Usage | None = None
    elapsed_us: int = 0


def micros(seconds: float) -> int:
    """Seconds as whole microseconds."""
    return round(seconds * 1_000_000)
