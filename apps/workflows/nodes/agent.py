"""agent: let a model work on a question in steps, with tools."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from apps.workflows.engine.errors import MissingValue
from apps.workflows.engine.events import Usage
from apps.workflows.engine.node import Config, NodeContext, NodeResult, NodeType, Use
from apps.workflows.engine.ports import PromptMessage, ToolCall
from apps.workflows.engine.variables import Source, Template, as_text, parse_source, references_of, resolve
from apps.workflows.nodes.agent_record import RECORD, Recorded, mark_of, record, recorded
from apps.workflows.nodes.agent_strategies import STRATEGIES, Strategy, Turn
from apps.workflows.nodes.agent_tools import Lent, Observed, Toolbox
from apps.workflows.nodes.asking import MEMORY, VISION, Said, Vision, ask, shown, text_uses, vision_uses
from apps.workflows.nodes.model_parameters import MODEL, Model, model_uses
from apps.workflows.nodes.secrets import Secrets
from apps.workflows.nodes.shapes import SOURCE, TEXT, closed, uses
from apps.workflows.nodes.tool import PARAMETERS, TOOL_NAME, Parameters, parameter_uses

DEFAULT_STEPS: Final = 10
#: The kind of note that tells of a step.
THOUGHT: Final = "agent_thought"


@dataclass(slots=True, kw_only=True)
class Work:
    """One run of an agent: the conversation with the model, and what came of it so far."""

    messages: list[PromptMessage]
    secrets: Secrets
    mark: str = ""
    spoken: list[str] = field(default_factory=list)
    thoughts: list[dict[str, Any]] = field(default_factory=list)
    files: list[Mapping[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A reply of the model that wants tools called; `is_new` ones were given in this process just now."""

    told: Mapping[str, Any]
    said: Said
    spoken: Sequence[str]
    calls: Sequence[ToolCall]
    observed: Sequence[Observed] = ()
    is_new: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """Asks the model, does what it wants, shows it what came of that; until it answers, or has no steps left."""

    model: Model
    strategy: Strategy
    tools: tuple[Lent, ...]
    instruction: Template
    query: Source
    path: str
    max_steps: int
    window: int
    vision: Vision | None

    async def run(self, context: NodeContext) -> NodeResult:
        return await replace(self, model=self.model.at(context.values))._run(context)

    async def _run(self, context: NodeContext) -> NodeResult:
        work = await self._begin(context)
        toolbox = await Toolbox.open(self.tools, context)
        context.process = {**context.process, "tools": [asdict(offer) for offer in toolbox.offers]}
        work.mark = mark_of(self.model.name, work.messages, toolbox.offers)
        known = recorded(context.world.recall(THOUGHT), mark=work.mark)
        for step in known:
            if await self._again(step, work, toolbox, context):
                return self._result(work, context)
        for position in range(len(known) + 1, self.max_steps + 2):
            # After the last step with tools the model may still say what it knows.
            last = position > self.max_steps
            if await self._step(position, work, toolbox, context, last=last):
                break
        return self._result(work, context)

    @staticmethod
    def _result(work: Work, context: NodeContext) -> NodeResult:
        usage = None if context.usage is None else context.usage.values()
        context.process = {**context.process, "steps": len(work.thoughts)}
        return NodeResult(
            outputs={
                "text": "".join(work.spoken),
                "thoughts": [_brief(thought) for thought in work.thoughts],
                "usage": usage,
                "files": work.files,
            }
        )

    async def _begin(self, context: NodeContext) -> Work:
        query = as_text(resolve(self.query, context.values)).strip()
        pictures = self.vision.pictures(context.values) if self.vision else []
        if not query and not pictures:
            raise MissingValue(self.path)
        references = [*references_of(self.query), *self.instruction.references()]
        secrets = Secrets.among(references, context.values)
        context.inputs = {"query": secrets.hide(query)}
        instruction = self.instruction.render(context.values).strip()
        earlier = await context.ports.memory.recent(turns=self.window) if self.window else ()
        system = [PromptMessage(role="system", text=instruction)] if instruction else []
        messages = [*system, *earlier, PromptMessage(role="user", text=query, pictures=pictures)]
        context.process = {"messages": secrets.hide_in(shown(messages)), **self.model.process()}
        return Work(messages=messages, secrets=secrets)

    async def _again(self, step: Recorded, work: Work, toolbox: Toolbox, context: NodeContext) -> bool:
        """Take a step that is known: its reply is not paid again, and only calls without an outcome are made."""
        for piece in step.spoken:
            work.spoken.append(piece)
            context.text(piece)
        if not context.world.usage_is_counted:
            context.usage = step.usage if context.usage is None else context.usage + step.usage
        work.thoughts.append(dict(step.note))
        if not step.calls:
            return True
        for call in step.calls[: len(step.observed)]:
            toolbox.recall(call)
        told = {name: value for name, value in step.note.items() if name != RECORD}
        taken = Step(
            told=told, said=step.said(), spoken=step.spoken, calls=step.calls, observed=step.observed, is_new=False
        )
        await self._observe(taken, work, toolbox, context)
        return False

    async def _step(self, position: int, work: Work, toolbox: Toolbox, context: NodeContext, *, last: bool) -> bool:
        """One exchange with the model, and the tools that it wants; whether it has answered."""
        began, before = time.time(), context.usage

        def speak(text: str) -> None:
            if text:
                # Texts of two steps are two paragraphs.
                apart = "\n\n" if work.spoken and not spoken_here else ""
                spoken_here.append(text)
                aloud.append(apart + text)
                work.spoken.append(apart + text)
                context.text(apart + text)

        spoken_here: list[str] = []
        aloud: list[str] = []
        voice = self.strategy.voice(speak)
        request = self.strategy.request(self.model, work.messages, toolbox.offers, last=last)
        said = await ask(request, context, on_text=voice.take)
        voice.end()
        turn = self.strategy.read(said)
        told = _told(position, began, self.model, said, turn, _since(before, context.usage))
        calls = () if last else turn.calls
        if not calls:
            _speak_rest(turn, spoken_here, speak, last=last)
            self._note(work, context, {**told, RECORD: record(work.mark, said, aloud, ())})
            return True
        kept = record(work.mark, said, aloud, calls)
        self._note(work, context, {**_with_calls(told, calls, toolbox), RECORD: kept})
        taken = Step(told=told, said=said, spoken=aloud, calls=calls)
        await self._observe(taken, work, toolbox, context)
        return False

    async def _observe(self, step: Step, work: Work, toolbox: Toolbox, context: NodeContext) -> None:
        """Make the calls that have no outcome yet, noting each outcome at once, and show the model all of them."""
        first, observed = len(step.observed), list(step.observed)
        for at in range(first, len(step.calls)):
            # Of a step that is known, the first call without an outcome may have been made when its process died.
            observed.append(await toolbox.call(step.calls[at], settled=step.is_new or at > first))
            kept = record(work.mark, step.said, step.spoken, step.calls, observed)
            self._note(work, context, {**_with_observations(step.told, observed), RECORD: kept})
        work.files += [dict(file) for each in observed for file in each.files]
        work.messages += self.strategy.answered(step.said, step.calls, observed)

    @staticmethod
    def _note(work: Work, context: NodeContext, thought: Mapping[str, Any]) -> None:
        """Tell of a step; a later note of the same position takes the place of an earlier one."""
        body = work.secrets.hide_in(dict(thought))
        if work.thoughts and work.thoughts[-1]["position"] == body["position"]:
            work.thoughts.pop()
        work.thoughts.append(body)
        context.world.note(THOUGHT, body)


def _speak_rest(turn: Turn, spoken: Sequence[str], speak: Any, *, last: bool) -> None:
    """What of the answer has not been streamed yet."""
    answer = turn.answer if turn.answer is not None else turn.thought if last else ""
    heard = "".join(spoken)
    if answer.startswith(heard):
        speak(answer[len(heard) :])


def _told(position: int, began: float, model: Model, said: Said, turn: Turn, usage: Usage) -> dict[str, Any]:
    """A thought as notes, traces and clients have it."""
    return {
        "position": position,
        "thought": turn.thought or (turn.answer or "").strip(),
        "reasoning": said.reasoning,
        "tool": "",
        "tool_labels": {},
        "tool_input": {},
        "observation": "",
        "error": "",
        "model": said.model,
        "provider": said.provider,
        "parameters": dict(model.parameters),
        "finish_reason": said.finish_reason,
        "usage": usage.values(),
        "started_at": began,
        "latency": max(0.0, time.time() - began),
        "files": [],
    }


def _with_calls(told: Mapping[str, Any], calls: Sequence[ToolCall], toolbox: Toolbox) -> dict[str, Any]:
    """The same, before anything came of the calls."""
    return {**told, "tool": ";".join(toolbox.named(call.name) for call in calls)}


def _with_observations(told: Mapping[str, Any], observed: Sequence[Observed]) -> dict[str, Any]:
    """The same, with what came of the calls: one as it is, several by tool."""
    several = len(observed) > 1
    return {
        **told,
        "tool": ";".join(each.name for each in observed),
        "tool_labels": {each.name: each.label for each in observed},
        "tool_input": {"calls": [{"tool": each.name, "input": dict(each.arguments)} for each in observed]}
        if several
        else dict(observed[0].arguments),
        "observation": "\n\n".join(f"{each.name}: {each.text}" if several else each.text for each in observed),
        "error": next((each.error for each in observed if each.error), ""),
        "files": [dict(file) for each in observed for file in each.files],
    }


def _brief(thought: Mapping[str, Any]) -> dict[str, Any]:
    return {name: thought[name] for name in ("position", "thought", "tool", "tool_input", "observation")}


def _since(before: Usage | None, now: Usage | None) -> Usage:
    if now is None or before is None:
        return now or Usage()
    return now - before


def _compile(config: Config) -> Agent:
    lent = (each for each in config.get("tools", ()) if each.get("enabled", True))
    return Agent(
        model=Model.parse(config["model"]),
        strategy=STRATEGIES[config.get("strategy", "function_calling")],
        tools=tuple(Lent(tool=each["tool"], fixed=Parameters.parse(each.get("parameters"))) for each in lent),
        instruction=Template.parse(config.get("instruction", "")),
        query=parse_source(config["query"]),
        path=config["query"],
        max_steps=config.get("max_steps", DEFAULT_STEPS),
        window=config["memory"]["window"] if "memory" in config else 0,
        vision=Vision.parse(config.get("vision")),
    )


def _outputs(_config: Config) -> frozenset[str]:
    return frozenset({"text", "thoughts", "usage", "files"})


def _uses(config: Config) -> Iterator[Use]:
    yield from uses("/query", config["query"])
    yield from text_uses("/instruction", config.get("instruction", ""))
    for place, each in enumerate(config.get("tools", ())):
        yield from parameter_uses(f"/tools/{place}/parameters", each.get("parameters"))
    yield from vision_uses(config)
    yield from model_uses(config["model"])


_TOOL = closed(
    {"tool": TOOL_NAME, "parameters": PARAMETERS, "enabled": {"type": "boolean", "default": True}}, required=["tool"]
)
AGENT = NodeType(
    name="agent",
    schema=closed(
        {
            "model": MODEL,
            "strategy": {"enum": ["function_calling", "react"], "default": "function_calling"},
            "tools": {"type": "array", "items": _TOOL, "maxItems": 100},
            "instruction": TEXT,
            "query": SOURCE,
            "max_steps": {"type": "integer", "minimum": 1, "maximum": 100, "default": DEFAULT_STEPS},
            "memory": MEMORY,
            "vision": VISION,
        },
        required=["model", "query"],
    ),
    compile=_compile,
    outputs=_outputs,
    uses=_uses,
)
