"""What a reader wants to know of a run, folded from its events: answer, citations, usage, status.

The message row, the last frame of a stream and the shell all take it from here, so they agree.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from apps.workflows.engine.events import (
    AnswerReplaced,
    AnswerText,
    ErrorInfo,
    Event,
    NodeFailed,
    NodeStarted,
    NodeSucceeded,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStatus,
    Usage,
)


@dataclass(slots=True)
class RunSummary:
    """Grows with `add`; complete after `RunFinished`."""

    status: RunStatus | None = None
    error: ErrorInfo | None = None
    outputs: dict[str, Any] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    steps: int = 0
    elapsed: float = 0.0
    exceptions: int = 0
    passages: list[dict[str, Any]] = field(default_factory=list)
    replaced: dict[str, Any] | None = None
    #: Whether nothing is left to do but to wait for people.
    is_paused: bool = False
    #: The conversation's variables that the run has set, with their last values.
    variables: dict[str, Any] = field(default_factory=dict)
    _found: list[dict[str, Any]] = field(default_factory=list)
    _answer: list[str] = field(default_factory=list)

    @property
    def answer(self) -> str:
        """The answer as far as it has come."""
        if len(self._answer) > 1:
            self._answer = ["".join(self._answer)]
        return self._answer[0] if self._answer else ""

    def add(self, event: Event) -> None:
        """Take one event in."""
        match event:
            case AnswerText():
                self._answer.append(event.text)
            case AnswerReplaced():
                self._answer = [event.text]
                self.replaced = {"reason": event.reason, **event.details}
            case NodeStarted():
                self.steps += 1
            case NodeSucceeded():
                self._take_passages(event)
                for path, value in event.writes.items():
                    root, _, name = path.partition(".")
                    if root == "conversation":
                        self.variables[name] = value
                if event.usage is not None:
                    self.usage = self.usage + event.usage
            case NodeFailed():
                self.exceptions += event.handled
                if event.usage is not None:
                    self.usage = self.usage + event.usage
            case RunPaused():
                self.is_paused = True
            case RunResumed():
                self.is_paused = False
            case RunFinished():
                self.status, self.error, self.elapsed = event.status, event.error, event.elapsed
                self.outputs = dict(event.outputs)
                # A model that saw passages decides the numbering; without one, what was found is cited.
                self.passages = self.passages or self._found

    def _take_passages(self, event: NodeSucceeded) -> None:
        cited = event.outputs.get("citations")
        if isinstance(cited, list) and cited:
            self.passages.extend(cited)
        result = event.outputs.get("result")
        if isinstance(result, list) and result and isinstance(result[0], dict) and "chunk_id" in result[0]:
            self._found.extend(result)


def retriever_resources(passages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Passages in the shape that API clients know, with page and offsets added; `position` is the [n] of the answer."""
    return [
        {
            "position": number,
            "dataset_id": passage["dataset_id"],
            "dataset_name": passage["dataset_name"],
            "document_id": passage["document_id"],
            "document_name": passage["document_name"],
            "data_source_type": "external" if passage.get("is_external") else "upload_file",
            "segment_id": passage["chunk_id"],
            "segment_position": passage.get("position", 0),
            "score": passage["score"],
            "content": passage["text"],
            "page": passage.get("page"),
            "char_start": passage.get("char_start"),
            "char_end": passage.get("char_end"),
            "heading_path": list(passage.get("heading_path") or ()),
            **({"url": passage["url"]} if passage.get("url") else {}),
        }
        for number, passage in enumerate(passages, start=1)
    ]
