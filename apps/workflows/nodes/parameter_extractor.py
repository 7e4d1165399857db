"""parameter-extractor: have a model find values in a text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.node import Config, NodeContext, NodeResult, NodeType, Use
from apps.workflows.engine.ports import ReplyShape, ToolOffer
from apps.workflows.nodes.about_a_text import Question, question_uses
from apps.workflows.nodes.asking import ABOUT_A_TEXT, Said, ask
from apps.workflows.nodes.json_reply import NotJson, read_object
from apps.workflows.nodes.parameter_types import PARAMETER_TYPES, Parameter, Unfit
from apps.workflows.nodes.shapes import NAME, SOURCE, closed

_TOOL: Final = "note_values"
#: Outputs that the node always has, so that no parameter may have these names.
_OWN: Final = ("is_success", "reason", "usage")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterExtractor:
    """A reply that cannot be used does not fail the node: `is_success` is false then, and `reason` says why."""

    question: Question
    parameters: tuple[Parameter, ...]
    by_call: bool

    async def run(self, context: NodeContext) -> NodeResult:
        said = await self._ask(context)
        context.process = {**context.process, "reply": said.text, "calls": [asdict(call) for call in said.tool_calls]}
        values: Mapping[str, Any]
        try:
            given = self._given(said)
        except NotJson as exc:
            values, faults = {}, [str(exc)]
        else:
            values, faults = self._values(given)
        found = {parameter.name: values.get(parameter.name, parameter.nothing) for parameter in self.parameters}
        return NodeResult(
            outputs={
                **found,
                "is_success": not faults,
                "reason": " ".join(faults),
                "usage": None if context.usage is None else context.usage.values(),
            }
        )

    async def _ask(self, context: NodeContext) -> Said:
        """By a function call where that is wanted and the provider can do it, else by a reply in JSON."""
        if self.by_call:
            task = f"{_TASK} Give what you found to the function {_TOOL}; call it once, also when you found nothing."
            request = await self.question.request(f"{task}\n\n{self._listed()}", context)
            offer = ToolOffer(
                name=_TOOL, description="Take down the values found in the text.", parameters=self._schema()
            )
            try:
                return await ask(replace(request, tools=(offer,), tool_choice=_TOOL), context)
            except NodeFailure as failure:
                if failure.code != "bad_model_request":
                    raise
                refused = failure.message
            said = await self._ask_for_json(context)
            context.process = {**context.process, "function_call_refused": refused}
            return said
        return await self._ask_for_json(context)

    async def _ask_for_json(self, context: NodeContext) -> Said:
        written = json.dumps(self._schema(), ensure_ascii=False)
        task = f"{_TASK} Reply with a JSON object and nothing else; it must fit this JSON Schema:\n{written}"
        request = await self.question.request(task, context)
        return await ask(replace(request, shape=ReplyShape(name="values", schema=self._schema())), context)

    def _listed(self) -> str:
        return "\n".join(
            f"- {parameter.name} ({parameter.type}{', needed' if parameter.required else ''}): {parameter.description}"
            for parameter in self.parameters
        )

    def _schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {parameter.name: parameter.schema for parameter in self.parameters},
            # Nothing is required of the model: one that must fill everything in makes things up.
            "required": [],
        }

    def _given(self, said: Said) -> Mapping[str, Any]:
        """The values as the model wrote them. Raises NotJson."""
        for call in said.tool_calls:
            if call.name == _TOOL:
                return read_object(call.arguments or "{}")
        given = read_object(said.text)
        # Some models write the call down instead of making it.
        inner = given.get("arguments", given.get("parameters"))
        return inner if isinstance(inner, dict) and "name" in given and not self._knows(given) else given

    def _knows(self, given: Mapping[str, Any]) -> bool:
        return all(name in {parameter.name for parameter in self.parameters} for name in given)

    def _values(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        values: dict[str, Any] = {}
        faults: list[str] = []
        for parameter in self.parameters:
            value = given.get(parameter.name)
            missing = value is None or value == "" or value == []
            if not missing:
                try:
                    values[parameter.name] = parameter.read(value)
                except Unfit as wanted:
                    faults.append(f"{parameter.name} should be {wanted}, but the model gave {str(value)[:100]!r}.")
            elif parameter.required:
                faults.append(f"{parameter.name} was not found.")
        return values, faults


_TASK: Final = (
    "You find values in a text. Take over only what the text says, or what follows from it without doubt; leave out "
    "what it does not say, and never make anything up."
)


def _compile(config: Config) -> ParameterExtractor:
    return ParameterExtractor(
        question=Question.parse(config),
        parameters=tuple(
            Parameter(
                name=each["name"],
                type=each["type"],
                description=each.get("description", ""),
                required=each.get("required", False),
                options=tuple(each.get("options") or ()),
            )
            for each in config["parameters"]
        ),
        by_call=config.get("mode", "function_call") == "function_call",
    )


def _outputs(config: Config) -> frozenset[str]:
    return frozenset({*(each["name"] for each in config["parameters"]), *_OWN})


def _uses(config: Config) -> Iterator[Use]:
    yield from question_uses(config)


PARAMETER_EXTRACTOR = NodeType(
    name="parameter-extractor",
    schema=closed(
        {
            "query": SOURCE,
            **ABOUT_A_TEXT,
            "parameters": {
                "type": "array",
                "minItems": 1,
                "maxItems": 100,
                "items": closed(
                    {
                        "name": {**NAME, "not": {"enum": list(_OWN)}},
                        "type": {"enum": list(PARAMETER_TYPES)},
                        "options": {
                            "type": "array",
                            "items": {"type": "string", "minLength": 1},
                            "minItems": 1,
                            "maxItems": 200,
                        },
                        "description": {"type": "string", "maxLength": 10_000},
                        "required": {"type": "boolean", "default": False},
                    },
                    required=["name", "type"],
                    more={
                        "if": {"properties": {"type": {"const": "select"}}, "required": ["type"]},
                        "then": {"required": ["options"]},
                    },
                ),
            },
            "mode": {"enum": ["function_call", "prompt"], "default": "function_call"},
        },
        required=["query", "model", "parameters"],
    ),
    compile=_compile,
    outputs=_outputs,
    uses=_uses,
)
