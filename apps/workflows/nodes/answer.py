"""answer: a piece of the reply that the reader of a chat gets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from apps.workflows.engine.node import Config, NodeContext, NodeResult, NodeType, Use
from apps.workflows.engine.variables import Template
from apps.workflows.nodes.shapes import TEXT, closed


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerConfig:
    """`text` is what the reader gets, with values inserted; a model's text streams through it."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Renders the finished text. What the reader sees while models still write is the answer stream's business."""

    text: Template

    async def run(self, context: NodeContext) -> NodeResult:
        return NodeResult(outputs={"text": self.text.render(context.values)})


def _template(config: Config) -> Template:
    return Template.parse(AnswerConfig(**config).text)


def _compile(config: Config) -> Answer:
    return Answer(text=_template(config))


def _outputs(_config: Config) -> frozenset[str]:
    return frozenset({"text"})


def _uses(config: Config) -> Iterator[Use]:
    for reference in _template(config).references():
        yield Use(pointer="/text", reference=reference)


ANSWER = NodeType(
    name="answer",
    schema=closed({"text": TEXT}, required=["text"]),
    compile=_compile,
    outputs=_outputs,
    uses=_uses,
    answer=_template,
)
