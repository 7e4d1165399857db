"""What a run tells while it goes on: the events, the answer that forms from them, and what they add up to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from apps.workflows.engine.answer_stream import AnswerStream
from apps.workflows.engine.attempt import Activity
from apps.workflows.engine.clock import Clock
from apps.workflows.engine.events import (
    AnswerReplaced,
    AnswerText,
    ErrorInfo,
    Event,
    NodeFailed,
    NodeStarted,
    NodeSucceeded,
    NodeText,
    RunFinished,
    RunStarted,
    RunStatus,
    Usage,
)
from apps.workflows.engine.graph import Plan, PlanNode
from apps.workflows.engine.node import NodeResult
from apps.workflows.engine.variables import Values

Emit = Callable[[Event], None]


class Telling:
    """The teller of one run. After `close`, nodes have nothing more to say."""

    def __init__(self, plan: Plan, values: Values, *, emit: Emit, clock: Clock) -> None:
        self._plan = plan
        self._tell = emit
        self._clock = clock
        self._answer = AnswerStream(plan, values, write=self._write_answer, replace=self._replace_answer)
        self._began = clock.elapsed()
        self._steps = 0
        self._usage = Usage()
        self._ended: dict[int, Mapping[str, Any]] = {}
        self._closed = False
        #: What `emit` raised, so that no node is blamed for it.
        self.broken: Exception | None = None

    def run_started(self, inputs: Mapping[str, Any], query: str) -> None:
        """The first event."""
        self._emit(RunStarted(at=self._clock.now(), inputs=inputs, query=query))

    def node_started(self, node: PlanNode, origin: int | None) -> Activity:
        """A node begins, coming from the node `origin`; returns the record of its activity."""
        self._steps += 1
        self._emit(
            NodeStarted(
                at=self._clock.now(),
                node_id=node.id,
                node_type=node.type,
                title=node.title,
                index=self._steps,
                predecessor_id=None if origin is None else self._plan.nodes[origin].id,
            )
        )
        self._answer.started(node.index)
        return Activity(self._clock, lambda text: self._node_text(node, text))

    def node_succeeded(self, node: PlanNode, activity: Activity, result: NodeResult) -> None:
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
            )
        )
        if node.type == "end":
            self._ended[node.index] = result.outputs

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
            )
        )

    def node_retried(self, node: PlanNode) -> None:
        """A node will begin anew: what the reader has of it is taken back."""
        self._answer.retried(node.index)

    def skipped(self, nodes: list[int]) -> None:
        """Nodes that nothing leads to."""
        self._answer.skipped(nodes)

    def went_on(self, node: PlanNode, outputs: Mapping[str, Any], skipped: list[int], *, failed: bool) -> None:
        """A node's values are in place, and these others will never run: the answer may go on."""
        self._answer.finished(node.index, outputs, skipped, failed=failed)

    def close(self) -> None:
        """Listen to no node any more."""
        self._closed = True

    def run_finished(self, status: RunStatus, error: ErrorInfo | None) -> RunFinished:
        """The last event."""
        self.close()
        finished = RunFinished(
            at=self._clock.now(),
            status=status,
            outputs=self._outputs(),
            error=error,
            steps=self._steps,
            usage=self._usage,
            elapsed=self._clock.elapsed() - self._began,
        )
        self._emit(finished)
        return finished

    def _outputs(self) -> Mapping[str, Any]:
        if self._plan.kind == "chat":
            return {"answer": self._answer.text}
        merged: dict[str, Any] = {}
        for index in self._plan.ends:
            merged.update(self._ended.get(index, {}))
        return merged

    def _emit(self, event: Event) -> None:
        try:
            self._tell(event)
        except Exception as broken:
            self.broken = broken
            raise

    def _node_text(self, node: PlanNode, text: str) -> None:
        if text and not self._closed:
            self._emit(NodeText(at=self._clock.now(), node_id=node.id, text=text))
            self._answer.streamed(node.index, text)

    def _write_answer(self, node_id: str, text: str, source_id: str | None) -> None:
        self._emit(AnswerText(at=self._clock.now(), node_id=node_id, text=text, source_id=source_id))

    def _replace_answer(self, text: str, reason: str) -> None:
        self._emit(AnswerReplaced(at=self._clock.now(), text=text, reason=reason))

    def _count(self, activity: Activity) -> None:
        if activity.usage is not None:
            self._usage += activity.usage
