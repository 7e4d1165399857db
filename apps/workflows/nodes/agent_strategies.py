"""How an agent gets a model to use tools: by calling functions, or by writing down what to do (ReAct)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from apps.workflows.engine.ports import ModelRequest, PromptMessage, ToolCall, ToolOffer
from apps.workflows.nodes.agent_tools import Observed
from apps.workflows.nodes.asking import Said
from apps.workflows.nodes.model_parameters import Model
from apps.workflows.nodes.thinking import Thoughts

Speak = Callable[[str], None]
_FINAL = re.compile(r"(?:^|\n)\s*\**final answer\**\s*:\**\s*", re.IGNORECASE)
_ACTION = re.compile(r"(?:^|\n)\s*\**action\**\s*:\**\s*`?([^\n`]+)`?", re.IGNORECASE)
_INPUT = re.compile(r"(?:^|\n)\s*\**action input\**\s*:\**\s*", re.IGNORECASE)
_OBSERVATION = re.compile(r"\n\s*\**observation\**\s*:", re.IGNORECASE)
_THOUGHT = re.compile(r"^\s*\**thought\**\s*:\**\s*", re.IGNORECASE)
_NOW: Final = "You have used all the steps there are: call no tool any more, and answer with what you know."


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What a reply means: what the model thinks, which tools it wants, and the answer where it has one."""

    thought: str
    calls: Sequence[ToolCall] = ()
    answer: str | None = None


class Voice(Protocol):
    """Takes the pieces of a reply as they come, and lets the reader have those that are for them."""

    def take(self, piece: str) -> None: ...

    def end(self) -> None: ...


class Strategy(Protocol):
    """One way of asking."""

    def request(
        self, model: Model, messages: Sequence[PromptMessage], offers: Sequence[ToolOffer], *, last: bool
    ) -> ModelRequest: ...

    def voice(self, speak: Speak) -> Voice: ...

    def read(self, said: Said) -> Turn: ...

    def answered(self, said: Said, calls: Sequence[ToolCall], observed: Sequence[Observed]) -> list[PromptMessage]:
        """What the model is shown of its step when it goes on."""
        ...


class FunctionCalling:
    """The provider's own way: tools are offered, calls come beside the text. All of the text is for the reader."""

    def request(
        self, model: Model, messages: Sequence[PromptMessage], offers: Sequence[ToolOffer], *, last: bool
    ) -> ModelRequest:
        """The conversation so far, with the tools."""
        shown = [*messages, PromptMessage(role="system", text=_NOW)] if last and offers else messages
        return ModelRequest(
            model=model.name,
            messages=tuple(shown),
            parameters=model.parameters,
            tools=tuple(offers),
            tool_choice="none" if last else "auto",
        )

    def voice(self, speak: Speak) -> Voice:
        """Everything but what stands between think tags."""
        return _Aloud(speak)

    def read(self, said: Said) -> Turn:
        """The calls beside the text; a reply without any is the answer."""
        calls = tuple(said.tool_calls)
        return Turn(thought=said.text.strip(), calls=calls, answer=None if calls else said.text)

    def answered(self, said: Said, calls: Sequence[ToolCall], observed: Sequence[Observed]) -> list[PromptMessage]:
        """The calls, and a message of the tool for each."""
        asked = PromptMessage(role="assistant", text=said.text, tool_calls=tuple(calls))
        found = [
            PromptMessage(role="tool", text=each.text, tool_call_id=call.id)
            for call, each in zip(calls, observed, strict=True)
        ]
        return [asked, *found]


class ReAct:
    """For models without tools: thought, action and input are written as text. Only the answer is for the reader."""

    def request(
        self, model: Model, messages: Sequence[PromptMessage], offers: Sequence[ToolOffer], *, last: bool
    ) -> ModelRequest:
        """The conversation so far; how to write stands in the system message."""
        rules = _rules(offers) + (f"\n\n{_NOW}" if last and offers else "")
        first, *rest = messages
        if first.role == "system":
            shown = [PromptMessage(role="system", text=f"{first.text}\n\n{rules}"), *rest]
        else:
            shown = [PromptMessage(role="system", text=rules), *messages]
        stops = [*_texts(model.parameters.get("stop")), "\nObservation:"][-4:]
        return ModelRequest(model=model.name, messages=tuple(shown), parameters={**model.parameters, "stop": stops})

    def voice(self, speak: Speak) -> Voice:
        """What follows "Final Answer:"."""
        return _AfterTheMark(speak)

    def read(self, said: Said) -> Turn:
        """The first action, or the answer; a reply with neither is an answer."""
        text = _OBSERVATION.split(said.text, maxsplit=1)[0]
        action, final = _ACTION.search(text), _FINAL.search(text)
        if action is not None and (final is None or action.start() < final.start()):
            given = _INPUT.search(text, action.end())
            arguments = text[given.end() :].strip() if given else ""
            call = ToolCall(id="", name=action[1].strip(), arguments=arguments)
            return Turn(thought=_thought(text[: action.start()]), calls=(call,))
        if final is not None:
            return Turn(thought=_thought(text[: final.start()]), answer=text[final.end() :].strip())
        return Turn(thought="", answer=_thought(text))

    def answered(self, said: Said, calls: Sequence[ToolCall], observed: Sequence[Observed]) -> list[PromptMessage]:
        """What it wrote, and the observation as what it is told."""
        written = _OBSERVATION.split(said.text, maxsplit=1)[0].strip()
        found = "\n".join(each.text for each in observed)
        return [
            PromptMessage(role="assistant", text=written),
            PromptMessage(role="user", text=f"Observation: {found}"),
        ]


STRATEGIES: Final[dict[str, Strategy]] = {"function_calling": FunctionCalling(), "react": ReAct()}


class _Aloud:
    def __init__(self, speak: Speak) -> None:
        self._speak = speak
        self._thoughts = Thoughts()

    def take(self, piece: str) -> None:
        self._speak(self._thoughts.take(piece))

    def end(self) -> None:
        self._speak(self._thoughts.take("", last=True))


class _AfterTheMark:
    """Holds a reply back until the mark of the answer; trailing blanks wait for what follows them."""

    def __init__(self, speak: Speak) -> None:
        self._speak = speak
        self._held = ""
        self._open = False

    def take(self, piece: str) -> None:
        self._held += piece
        if not self._open:
            mark = _FINAL.search(self._held)
            if mark is None or _ACTION.search(self._held[: mark.start()]):
                return
            # The blanks after the mark may still be coming.
            if mark.end() == len(self._held):
                return
            self._open, self._held = True, self._held[mark.end() :]
        kept = len(self._held.rstrip())
        ended = _OBSERVATION.search(self._held)
        if ended is not None or "\n" in self._held[kept:]:
            return
        self._speak(self._held[:kept])
        self._held = self._held[kept:]

    def end(self) -> None:
        """What is left is told when the whole reply is read."""


def _rules(offers: Sequence[ToolOffer]) -> str:
    if not offers:
        return "Answer with:\n\nFinal Answer: <your answer>"
    tools = "\n".join(
        f"- {offer.name}: {offer.description} Parameters: {json.dumps(offer.parameters, ensure_ascii=False)}"
        for offer in offers
    )
    return (
        f"You have these tools:\n{tools}\n\n"
        "Work in steps. In each step write exactly this, and then stop:\n\n"
        "Thought: <what to do next, and why>\n"
        f"Action: <one of: {', '.join(offer.name for offer in offers)}>\n"
        "Action Input: <a JSON object with the parameters>\n\n"
        "You are then told what came of it as `Observation:`. When you know enough, write instead:\n\n"
        "Thought: <why you know enough>\n"
        "Final Answer: <your answer>"
    )


def _thought(text: str) -> str:
    return _THOUGHT.sub("", text).strip()


def _texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())
