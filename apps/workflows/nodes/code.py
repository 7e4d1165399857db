"""code: call a function that the author wrote, in the sandbox."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from apps.workflows.engine.node import Config, NodeContext, NodeResult, NodeType, Use, own_keys
from apps.workflows.engine.ports import CodeFailed, CodeRequest
from apps.workflows.nodes.code_outputs import OUTPUT_TYPES, checked
from apps.workflows.nodes.sandboxed import INPUTS, Inputs, process_of, uses_of_inputs
from apps.workflows.nodes.shapes import NAME, closed

#: Longer than any function a person maintains, and a fraction of what a request to the sandbox may hold.
MAX_CODE_CHARS = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeLimits:
    """More time or memory than the profile gives, up to what the sandbox's operator allows."""

    wall_s: float | None = None
    memory_mb: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeConfig:
    """`code` defines `main`, which takes the inputs by name and returns an object of exactly the outputs."""

    code: str
    outputs: Mapping[str, str]
    inputs: Mapping[str, str] = field(default_factory=dict)
    language: str = "python3"
    profile: str = "base"
    limits: Mapping[str, int | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Sends the code with its inputs to the sandbox and checks what comes back."""

    config: CodeConfig
    inputs: Inputs
    limits: CodeLimits

    async def run(self, context: NodeContext) -> NodeResult:
        config = self.config
        values, secrets = self.inputs.read(context)
        about = {"language": config.language, "profile": config.profile}
        context.process = about
        request = CodeRequest(
            node_id=context.node_id,
            language=config.language,
            code=config.code,
            inputs=values,
            profile=config.profile,
            wall_s=self.limits.wall_s,
            memory_mb=self.limits.memory_mb,
            hide=secrets.hide,
        )
        try:
            result = await context.ports.code.run(request)
        except CodeFailed as failure:
            context.process = {**about, **process_of(failure.report, secrets)}
            raise secrets.hide_in_failure(failure) from None
        context.process = {**about, **process_of(result.report, secrets)}
        return NodeResult(outputs=checked(result.outputs, declared=config.outputs))


def _compile(config: Config) -> Code:
    typed = CodeConfig(**config)
    return Code(config=typed, inputs=Inputs.parse(typed.inputs), limits=CodeLimits(**own_keys(typed.limits)))


def _outputs(config: Config) -> frozenset[str]:
    return frozenset(config["outputs"])


def _uses(config: Config) -> Iterator[Use]:
    yield from uses_of_inputs(config.get("inputs") or {})


CODE = NodeType(
    name="code",
    schema=closed(
        {
            "language": {"enum": ["python3", "javascript"], "default": "python3"},
            "code": {"type": "string", "minLength": 1, "maxLength": MAX_CODE_CHARS},
            "inputs": INPUTS,
            "outputs": {
                "type": "object",
                "propertyNames": NAME,
                "additionalProperties": {"enum": list(OUTPUT_TYPES)},
                "minProperties": 1,
                "maxProperties": 100,
            },
            "profile": {"type": "string", "pattern": "^[a-z][a-z0-9_-]*$", "maxLength": 40, "default": "base"},
            "limits": closed(
                {
                    "wall_s": {"type": "number", "minimum": 0.05, "maximum": 3_600},
                    "memory_mb": {"type": "integer", "minimum": 32, "maximum": 1_048_576},
                }
            ),
        },
        required=["code", "outputs"],
    ),
    compile=_compile,
    outputs=_outputs,
    uses=_uses,
    verbatim=frozenset({"code"}),
)
