"""A reply that is data: what the model is told, how its reply is checked, and the one chance it gets to correct it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.node import NodeContext
from apps.workflows.engine.ports import ModelRequest, PromptMessage, ReplyShape
from apps.workflows.nodes.asking import Said, ask
from apps.workflows.nodes.json_reply import NotJson, read_json
from apps.workflows.nodes.json_schema import Schema, compiled
from apps.workflows.nodes.llm_prompt import with_system


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """The schema of a reply. Models are told of it too, as not every provider can hold them to it."""

    name: str
    schema: Mapping[str, Any]
    strict: bool = False

    def asked_for(self, request: ModelRequest) -> ModelRequest:
        """The request with the wish for data in it."""
        written = json.dumps(self.schema, ensure_ascii=False)
        told = (
            "Your reply is read by a program. Write one JSON value that fits the JSON Schema below, and nothing around "
            f"it: no heading, no explanation, no code block.\n\nJSON Schema:\n{written}"
        )
        return replace(
            request,
            messages=with_system(list(request.messages), told),
            shape=ReplyShape(name=self.name, schema=self.schema, strict=self.strict),
        )

    async def ask(self, request: ModelRequest, context: NodeContext) -> tuple[Said, Any]:
        """Ask, check, and where the reply does not fit ask once more. Raises NodeFailure if it still does not."""
        schema = compiled(self.schema)
        request = self.asked_for(request)
        said = await ask(request, context)
        value, problems = _read(said.text, schema)
        if problems:
            context.process = {**context.process, "corrected": {"reply": said.text, "problems": problems}}
            said = await ask(_once_more(request, said.text, problems), context)
            value, problems = _read(said.text, schema)
        if problems:
            raise NodeFailure(
                "structured_output",
                "The model's reply does not fit the schema: " + " ".join(problems),
                retryable=True,
                partial_text=said.text,
                details={"problems": problems},
            )
        return said, value


def _read(text: str, schema: Schema) -> tuple[Any, list[str]]:
    try:
        value = read_json(text)
    except NotJson as exc:
        return None, [str(exc)]
    return value, schema.problems(value)


def _once_more(request: ModelRequest, text: str, problems: list[str]) -> ModelRequest:
    complaint = (
        "A program could not use this reply:\n"
        + "\n".join(f"- {problem}" for problem in problems)
        + "\n\nWrite the whole JSON value again with these faults corrected, and nothing else."
    )
    turns = [PromptMessage(role="assistant", text=text or "-"), PromptMessage(role="user", text=complaint)]
    return replace(request, messages=[*request.messages, *turns])
