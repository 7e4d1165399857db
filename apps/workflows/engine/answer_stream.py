"""The order in which a reader gets the answer: a filter between what nodes produce and what is shown.

An answer node is *armed* once some node is running, or done, from which only plain edges lead to it. Armed answers
stand in line; the first one is written as far as it is known, the text of a running model piece by piece, and the
others wait. Whatever was shown and turns out not to hold is taken back with AnswerReplaced.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from apps.workflows.engine.events import FramePath
from apps.workflows.engine.frame_path import lies_inside
from apps.workflows.engine.graph import Plan
from apps.workflows.engine.variables import SYSTEM_ROOTS, Reference, Values, as_text

Write = Callable[[str, str, str | None], None]
Replace = Callable[[str, str, Mapping[str, Any]], None]

#: The output that a node streams.
_STREAMED: Final = "text"


class _Answer:
    """One answer node's text on its way to the reader."""

    __slots__ = ("cursor", "final", "id", "partial", "segments", "shown")

    def __init__(self, node_id: str, segments: tuple[str | Reference, ...]) -> None:
        self.id = node_id
        self.segments = segments
        self.cursor = 0
        self.shown: list[str] = []
        #: How many pieces of `shown` came from the segment at the cursor, which is not complete yet.
        self.partial = 0
        self.final: str | None = None

    def take_back(self) -> bool:
        """Forget the incomplete segment; whether anything of it had been shown."""
        if not self.partial:
            return False
        del self.shown[len(self.shown) - self.partial :]
        self.partial = 0
        return True


class AnswerStream:
    """The answer of one run. `write(answer node, text, source node)` and `replace(text, reason, details)` show it."""

    def __init__(self, plan: Plan, values: Values, *, write: Write, replace: Replace) -> None:
        self._plan = plan
        self._values = values
        self._write = write
        self._replace = replace
        self._swept = bytearray(len(plan.nodes))
        self._line: list[_Answer] = []
        self._answers: dict[int, _Answer] = {}
        #: What is said for good, with the frame it was said in.
        self._complete: list[tuple[FramePath, str]] = []
        self._waiting: list[tuple[FramePath, str, str]] = []
        self._buffers: dict[int, list[str]] = {}
        self._settled: set[int] = set()

    @property
    def text(self) -> str:
        """The answer as the reader has it now."""
        complete = (text for _, text in self._complete)
        return "".join([*complete, *(self._line[0].shown if self._line else ())])

    def started(self, node: int) -> None:
        """A node runs: answers that it surely leads to get in line."""
        if self._swept[node]:
            return
        armed = self._sweep(node)
        for index in sorted(armed, key=self._plan.reading_order.__getitem__):
            template = self._plan.nodes[index].answer
            assert template is not None
            answer = _Answer(self._plan.nodes[index].id, template.segments)
            self._answers[index] = answer
            self._line.append(answer)
        if armed:
            self._advance()

    def streamed(self, node: int, text: str) -> None:
        """A node produced a piece of text."""
        if node not in self._plan.answer_sources or not text:
            return
        self._buffers.setdefault(node, []).append(text)
        if self._line and self._at_cursor(self._line[0]) == node:
            self._show(self._line[0], text, self._plan.nodes[node].id)

    def retried(self, node: int, *, attempt: int) -> None:
        """A node begins anew, as this attempt: what it had streamed does not count."""
        if self._buffers.pop(node, None) and self._take_back(node):
            self._replace(self.text, "retry", {"attempt": attempt})
            self._advance()

    def retried_inside(self, frame: FramePath, node_id: str, *, attempt: int) -> None:
        """A container begins anew: what was said in its rounds does not count."""
        self._waiting = [said for said in self._waiting if not lies_inside(said[0], frame, node_id)]
        kept = [said for said in self._complete if not lies_inside(said[0], frame, node_id)]
        if len(kept) < len(self._complete):
            self._complete = kept
            self._replace(self.text, "retry", {"attempt": attempt})

    def interject(self, frame: FramePath, node_id: str, text: str) -> None:
        """An answer that stands in no line, from inside a container: told at once, or when the current one is done."""
        if not text:
            return
        if self._line and self._line[0].shown:
            self._waiting.append((frame, node_id, text))
        else:
            self._say(frame, node_id, text)

    def _say(self, frame: FramePath, node_id: str, text: str) -> None:
        self._complete.append((frame, text))
        self._write(node_id, text, None)

    def skipped(self, nodes: list[int]) -> None:
        """These nodes will never run."""
        self._settled.update(nodes)

    def finished(self, node: int, outputs: Mapping[str, Any], skipped: list[int], *, failed: bool = False) -> None:
        """A node is done (its values are in place) and these others will never run."""
        self._settled.add(node)
        self._settled.update(skipped)
        revoked = False
        if failed or as_text(outputs.get(_STREAMED)) != "".join(self._buffers.get(node, ())):
            self._buffers.pop(node, None)
            revoked = self._take_back(node)
        revoked = self._drop(skipped) or revoked
        if revoked:
            self._replace(self.text, "failure" if failed else "final", {})
        answer = self._answers.get(node)
        if answer is not None:
            answer.final = as_text(outputs.get(_STREAMED))
        self._advance()

    def _sweep(self, start: int) -> list[int]:
        """The answers that plain edges lead to from here, found once per run: O(nodes + edges) for all sweeps."""
        plan, swept = self._plan, self._swept
        swept[start] = 1
        found = []
        stack = [start]
        while stack:
            node = stack.pop()
            if plan.nodes[node].answer is not None:
                found.append(node)
            body = plan.nodes[node].body
            if body is not None and body.speaks:
                continue  # what is said inside comes first
            for target, handle in plan.ways_on[node]:
                sure = plan.nodes[target].join != "all" or len(plan.ways_in[target]) == 1
                if handle is None and sure and not swept[target]:
                    swept[target] = 1
                    stack.append(target)
        return found

    def _take_back(self, node: int) -> bool:
        """Unsay what the reader has of a node's incomplete text."""
        return bool(self._line) and self._at_cursor(self._line[0]) == node and self._line[0].take_back()

    def _drop(self, skipped: list[int]) -> bool:
        """Take answers that will never run out of the line; whether something shown is void."""
        revoked = False
        for node in skipped:
            answer = self._answers.pop(node, None)
            if answer is not None:
                revoked = revoked or (self._line[0] is answer and bool(answer.shown))
                self._line.remove(answer)
        return revoked

    def _at_cursor(self, answer: _Answer) -> int | None:
        """The node whose text comes next in an answer, if it streams text."""
        if answer.cursor >= len(answer.segments):
            return None
        segment = answer.segments[answer.cursor]
        if isinstance(segment, str) or segment.parts[1:] != (_STREAMED,):
            return None
        return self._plan.index_of.get(segment.root)

    def _advance(self) -> None:
        """Show all that is known of the first answer, and of the next ones as each becomes complete."""
        while self._line:
            answer = self._line[0]
            if answer.final is not None:
                self._finish(answer)
                continue
            if not self._step(answer):
                return

    def _step(self, answer: _Answer) -> bool:
        """Show the segment at the cursor if it can be; whether the cursor moved."""
        if answer.cursor >= len(answer.segments):
            return False
        segment = answer.segments[answer.cursor]
        if isinstance(segment, str):
            self._show(answer, segment, None)
        elif segment.root in SYSTEM_ROOTS:  # known from the start of the run
            self._show(answer, as_text(self._values.get(segment)), None)
        else:
            node = self._plan.index_of.get(segment.root)
            if node is None:
                return False
            if node not in self._settled:
                self._catch_up(answer, node)
                return False
            if not answer.partial:
                self._show(answer, as_text(self._values.get(segment)), segment.root)
        answer.cursor += 1
        answer.partial = 0
        return True

    def _catch_up(self, answer: _Answer, node: int) -> None:
        """Show what a running node had streamed before its turn came."""
        if self._at_cursor(answer) != node or answer.partial:
            return
        self._show(answer, "".join(self._buffers.get(node, ())), self._plan.nodes[node].id)

    def _finish(self, answer: _Answer) -> None:
        """The node itself has run: show the rest of its text and let the next answer speak."""
        assert answer.final is not None
        shown = "".join(answer.shown)
        self._line.pop(0)
        if answer.final.startswith(shown):
            rest = answer.final[len(shown) :]
            if rest:
                self._write(answer.id, rest, None)
            self._complete.append(("", answer.final))
        else:
            self._complete.append(("", answer.final))
            self._replace(self.text, "final", {})
        waiting, self._waiting = self._waiting, []
        for said in waiting:
            self._say(*said)

    def _show(self, answer: _Answer, text: str, source: str | None) -> None:
        if text:
            answer.shown.append(text)
            answer.partial += 1
            self._write(answer.id, text, source)
