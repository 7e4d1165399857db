"""template-transform: fill in a Jinja2 template, in the sandbox."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from apps.workflows.engine.node import Config, NodeContext, NodeResult, NodeType, Use
from apps.workflows.engine.ports import CodeFailed
from apps.workflows.nodes.code_outputs import checked
from apps.workflows.nodes.sandboxed import INPUTS, Inputs, process_of, uses_of_inputs
from apps.workflows.nodes.shapes import closed

MAX_TEMPLATE_CHARS = 200_000
_DECLARED = {"output": "string"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateTransformConfig:
    """`template` is Jinja2; it knows the inputs by their names and nothing else of the run."""

    template: str
    inputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateTransform:
    """Sends the template with its inputs to the sandbox; the text is `output`."""

    template: str
    inputs: Inputs

    async def run(self, context: NodeContext) -> NodeResult:
        values, secrets = self.inputs.read(context)
        try:
            result = await context.ports.code.render(
                template=self.template, inputs=values, node_id=context.node_id, hide=secrets.hide
            )
        except CodeFailed as failure:
            context.process = process_of(failure.report, secrets)
            raise secrets.hide_in_failure(failure) from None
        context.process = process_of(result.report, secrets)
        return NodeResult(outputs=checked(result.outputs, declared=_DECLARED))


def _compile(config: Config) -> TemplateTransform:
    typed = TemplateTransformConfig(**config)
    return TemplateTransform(template=typed.template, inputs=Inputs.parse(typed.inputs))


def _outputs(_config: Config) -> frozenset[str]:
    return frozenset(_DECLARED)


def _uses(config: Config) -> Iterator[Use]:
    yield from uses_of_inputs(config.get("inputs") or {})


TEMPLATE_TRANSFORM = NodeType(
    name="template-transform",
    schema=closed(
        {"template": {"type": "string", "maxLength": MAX_TEMPLATE_CHARS}, "inputs": INPUTS}, required=["template"]
    ),
    compile=_compile,
    outputs=_outputs,
    uses=_uses,
    verbatim=frozenset({"template"}),
)
