"""What an agent's notes keep of its steps, so that a later try or another process takes none of them twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from apps.workflows.engine.events import Usage
from apps.workflows.engine.ports import PromptMessage, ToolCall, ToolOffer
from apps.workflows.nodes.agent_tools import Observed
from apps.workflows.nodes.asking import Said, shown

#: Where a note holds what only the agent itself reads.
RECORD: Final = "record"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A step that the model has been paid for: its reply, and what came of the calls so far."""

    note: Mapping[str, Any]
    text: str
    spoken: Sequence[str]
    calls: Sequence[ToolCall]
    observed: Sequence[Observed]

    @property
    def usage(self) -> Usage:
        """The tokens that the step took."""
        return Usage(**self.note["usage"])

    def said(self) -> Said:
        """The reply, as far as a strategy reads it."""
        return Said(text=self.text, tool_calls=self.calls, model=str(self.note.get("model") or ""))


def mark_of(model: str, messages: Sequence[PromptMessage], offers: Sequence[ToolOffer]) -> str:
    """Tells a beginning from another one: steps count for the same question, model and tools only."""
    begins = json.dumps([model, shown(messages), [asdict(offer) for offer in offers]], sort_keys=True, default=str)
    return hashlib.sha256(begins.encode()).hexdigest()[:16]


def record(
    mark: str, said: Said, spoken: Sequence[str], calls: Sequence[ToolCall], observed: Sequence[Observed] = ()
) -> dict[str, Any]:
    """A step as its note keeps it."""
    return {
        "mark": mark,
        "text": said.text,
        "spoken": list(spoken),
        "calls": [asdict(call) for call in calls],
        "observed": [{**asdict(each), "files": [dict(file) for file in each.files]} for each in observed],
    }


def recorded(notes: Iterable[Mapping[str, Any]], *, mark: str) -> list[Recorded]:
    """The steps that notes tell of, in order and without a gap; of one step the latest note counts."""
    latest = {note["position"]: note for note in notes if note.get(RECORD, {}).get("mark") == mark}
    steps = []
    for position in range(1, len(latest) + 1):
        if position not in latest:
            break
        kept = latest[position][RECORD]
        steps.append(
            Recorded(
                note=latest[position],
                text=kept["text"],
                spoken=kept["spoken"],
                calls=[ToolCall(**call) for call in kept["calls"]],
                observed=[Observed(**each) for each in kept["observed"]],
            )
        )
    return steps
