"""What a run tells while it goes on: the events, the answer that forms from them, and what they add up to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from apps.workflows.engine.answer_stream import AnswerStream
from apps.workflows.engine.attempt import Activity
from apps.workflows.engine.clock import Clock
from apps.workflows.engine.events import (
    AnswerReplaced,
    AnswerText,
    ErrorInfo,
    Event,
    FrameFinished,
    FramePath,
    FrameStarted,
    NodeFailed,
    NodeId,
    NodeIntended,
    NodeNoted,
    NodeRetried,
    NodeStarted,
    NodeSucceeded,
    NodeText,
    NodeWaiting,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStarted,
    RunStatus,
    Usage,
)
from apps.workflows.engine.frame import Frame
from apps.workflows.engine.graph import Plan, PlanNode, answers_in
from apps.workflows.engine.node import NodeResult
from apps.workflows.engine.past import Past
from apps.workflows.engine.variables import Values, as_text

Emit = Callable[[Event], None]


class Telling:
    """The teller of one run. After `close`, nodes have nothing more to say.

    Only nodes of the workflow itself take part in the order of the answer; an answer inside a container is told when
    its node is done.
    """

    def __init__(self, plan: Plan, values: Values, *, emit: Emit, clock: Clock, past: Past | None) -> None:
        self._plan = plan
        self._tell = emit
        self._clock = clock
        self._past = past
        self._answer = AnswerStream(plan, values, write=self._write_answer, replace=self._replace_answer)
        self._began = clock.elapsed()
        self.steps = past.steps if past else 0
        self._usage = past.usage if past else Usage()
        self._closed = False
        #: While the past is recalled, the answer forms in silence.
        self._recalling = False
        #: What `emit` raised, so that no node is blamed for it.
        self.broken: Exception | None = None

    def run_started(self, inputs: Mapping[str, Any], sys: Mapping[str, Any], *, entry: NodeId) -> None:
        """The first event. Query, files and what set the run off are told already."""
        facts = {name: value for name, value in sys.items() if name not in ("query", "files", "trigger")}
        query = str(sys.get("query") or "")
        self._emit(RunStarted(at=self._clock.now(), inputs=inputs, query=query, sys=facts, entry=entry))

    def run_resumed(self, reason: str) -> None:
        """The first event of a process that goes on with a run; what it recalls is not told again."""
        self._emit(RunResumed(at=self._clock.now(), reason=reason))
        self._recalling = True

    def recalled(self, reason: str) -> None:
        """The past is in place: from here on everything is told. What readers have that does not hold is replaced."""
        self._recalling = False
        assert self._past is not None
        if self._answer.text != self._past.answer:
            attempt = max(self._past.attempts.values(), default=1) + 1
            self._emit(
                AnswerReplaced(
                    at=self._clock.now(), text=self._answer.text, reason=reason, details={"attempt": attempt}
                )
            )

    def run_paused(self, waiting: Sequence[Mapping[str, Any]]) -> RunPaused:
        """Nothing is left to do for now."""
        self.close()
        paused = RunPaused(at=self._clock.now(), waiting=waiting)
        self._emit(paused)
        return paused

    def frame_started(self, node: PlanNode, frame: Frame, index: int, values: Mapping[str, Any]) -> None:
        """A round of a container begins."""
        if self._past is None or frame.path not in self._past.frames_begun:
            self._emit(
                FrameStarted(at=self._clock.now(), node_id=node.id, frame=frame.path, index=index, values=values)
            )

    def frame_finished(self, node: PlanNode, frame: Frame, index: int, output: Any, elapsed: float) -> None:
        """A round of a container is over."""
        if self._past is None or frame.path not in self._past.frames_ended:
            self._emit(
                FrameFinished(
                    at=self._clock.now(),
                    node_id=node.id,
                    frame=frame.path,
                    index=index,
                    output=output,
                    error=frame.error,
                    elapsed=elapsed,
                    retryable=frame.retryable,
                )
            )

    def frame_recalled(self, path: FramePath, body: Plan) -> None:
        """A round that is over and is not run again: what it said is said."""
        if body.speaks and self._past is not None:
            for (frame, name), text in self._past.said_in(path, answers_in(body)):
                self._answer.interject(frame, name, text)

    def node_started(self, frame: Frame, node: PlanNode, activity: Activity) -> None:
        """A node begins."""
        self.steps += 1
        origin = frame.scheduler.came_from[node.index]
        attempts = self._past.attempts.get((frame.path, node.id), 0) if self._past else 0
        self._emit(
            NodeStarted(
                at=self._clock.now(),
                node_id=node.id,
                node_type=node.type,
                title=node.title,
                index=self.steps,
                predecessor_id=None if origin is None else frame.plan.nodes[origin].id,
                frame=activity.frame,
                attempt=attempts + 1,
            )
        )
        if not frame.path:
            self._answer.started(node.index)

    def node_recalled(self, frame: Frame, node: PlanNode, outputs: Mapping[str, Any]) -> None:
        """A node that had run: the answers it leads to stand in line again, and what it said itself is said."""
        if frame.path:
            if node.answer is not None:
                self._answer.interject(frame.path, node.id, as_text(outputs.get("text")))
            return
        self._answer.started(node.index)
        if node.body is not None and node.body.speaks and self._past is not None:
            for (inner, name), text in self._past.said_inside(node.id, answers_in(node.body)):
                self._answer.interject(inner, name, text)

    def node_succeeded(self, frame: Frame, node: PlanNode, activity: Activity, result: NodeResult) -> None:
        """A node has its result."""
        self._count(activity)
        self._emit(
            NodeSucceeded(
                at=self._clock.now(),
                node_id=node.id,
                outputs=result.outputs,
                handle=result.handle,
                inputs=activity.seen.inputs,
                process=activity.seen.process,
                usage=activity.usage,
                elapsed=activity.elapsed,
                first_text=activity.first_text,
                writes=result.writes,
                partial=result.partial,
                frame=activity.frame,
            )
        )
        if frame.path and node.answer is not None:
            self._answer.interject(frame.path, node.id, as_text(result.outputs.get("text")))

    def node_failed(
        self, node: PlanNode, activity: Activity, error: ErrorInfo, *, handled: bool = False, partial: str = ""
    ) -> None:
        """A node failed for good, or was broken off; what it had written is kept."""
        self._count(activity)
        text = "".join(activity.pieces) or partial
        self._emit(
            NodeFailed(
                at=self._clock.now(),
                node_id=node.id,
                error=error,
                handled=handled,
                outputs={"text": text} if text else {},
                inputs=activity.seen.inputs,
                process=activity.seen.process,
                usage=activity.usage,
                elapsed=activity.elapsed,
                frame=activity.frame,
            )
        )

    def node_retried(self, node: PlanNode, activity: Activity, error: ErrorInfo, delay: float) -> None:
        """A node will begin anew: what the reader has of it is taken back."""
        self._emit(
            NodeRetried(
                at=self._clock.now(),
                node_id=node.id,
                error=error,
                attempt=activity.tried + 1,
                delay=delay,
                frame=activity.frame,
            )
        )
        if not activity.frame:
            self._answer.retried(node.index, attempt=activity.tried + 1)
        if node.body is not None and node.body.speaks:
            self._answer.retried_inside(activity.frame, node.id, attempt=activity.tried + 1)

    def node_intended(self, activity: Activity, key: str) -> None:
        """A node is about to act on the world."""
        self._emit(NodeIntended(at=self._clock.now(), node_id=activity.node.id, key=key, frame=activity.frame))

    def node_waits(self, activity: Activity, asks: Mapping[str, Any], until: float | None) -> None:
        """A node waits for somebody."""
        self._emit(
            NodeWaiting(at=self._clock.now(), node_id=activity.node.id, asks=asks, until=until, frame=activity.frame)
        )

    def noted(self, activity: Activity, kind: str, body: Mapping[str, Any]) -> None:
        """A running node shows something."""
        if not self._closed:
            self._emit(
                NodeNoted(at=self._clock.now(), node_id=activity.node.id, note=kind, body=body, frame=activity.frame)
            )

    def text(self, activity: Activity, piece: str) -> None:
        """A running node streams."""
        if piece and not self._closed:
            self._emit(NodeText(at=self._clock.now(), node_id=activity.node.id, text=piece, frame=activity.frame))
            if not activity.frame:
                self._answer.streamed(activity.node.index, piece)

    def skipped(self, frame: Frame, nodes: list[int]) -> None:
        """Nodes that nothing leads to."""
        if not frame.path:
            self._answer.skipped(nodes)

    def went_on(
        self, frame: Frame, node: PlanNode, outputs: Mapping[str, Any], skipped: list[int], *, failed: bool
    ) -> None:
        """A node's values are in place, and these others will never run: the answer may go on."""
        if frame.path:
            return
        self._answer.finished(node.index, outputs, skipped, failed=failed)

    def close(self) -> None:
        """Listen to no node any more."""
        self._closed = True

    def run_finished(self, status: RunStatus, error: ErrorInfo | None, outputs: Mapping[str, Any]) -> RunFinished:
        """The last event."""
        self.close()
        now = self._clock.now()
        began = self._past.began_at if self._past else None
        finished = RunFinished(
            at=now,
            status=status,
            outputs={"answer": self._answer.text} if self._plan.kind == "chat" else outputs,
            error=error,
            steps=self.steps,
            usage=self._usage,
            elapsed=self._clock.elapsed() - self._began if began is None else max(0.0, now - began),
        )
        self._emit(finished)
        return finished

    def _emit(self, event: Event) -> None:
        try:
            self._tell(event)
        except Exception as broken:
            self.broken = broken
            raise

    def _write_answer(self, node_id: str, text: str, source_id: str | None) -> None:
        if not self._recalling:
            self._emit(AnswerText(at=self._clock.now(), node_id=node_id, text=text, source_id=source_id))

    def _replace_answer(self, text: str, reason: str, details: Mapping[str, Any]) -> None:
        if not self._recalling:
            self._emit(AnswerReplaced(at=self._clock.now(), text=text, reason=reason, details=details))

    def _count(self, activity: Activity) -> None:
        if activity.usage is not None:
            self._usage += activity.usage
