"""What goes to a model and what comes back, the same for every provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A picture beside a message's text: a `data:` or `https:` address."""

    url: str = field(repr=False)
    detail: str = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A tool that the model wants called; `arguments` is the JSON text that it wrote, unread."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of the conversation sent to a model.

    What a tool gave is a message of the role `tool`, under the id of the call that an assistant's message holds.
    """

    role: Role
    text: str
    images: Sequence[Image] = ()
    tool_calls: Sequence[ToolCall] = ()
    tool_call_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool that the model may ask for; `parameters` is a JSON Schema."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """The reply is to be JSON of this schema."""

    name: str
    schema: Mapping[str, Any]
    strict: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a call asks for besides text. `tool_choice` is auto, none, required, or a tool's name."""

    tools: Sequence[Tool] = ()
    tool_choice: str = "auto"
    format: Format | None = None


#: A call that wants a text and nothing else.
PLAIN = Wish()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelParameters:
    """Sampling settings; what is None is not sent, so that the provider's default holds."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> ModelParameters:
        """Read the settings of a document; names that are not known here go to `extra` untouched."""
        known = {name: values[name] for name in _NAMED if values.get(name) is not None}
        stop = values.get("stop") or ()
        extra = {name: value for name, value in values.items() if name not in _NAMED and name not in ("stop", "extra")}
        return cls(
            **known,
            stop=(stop,) if isinstance(stop, str) else tuple(stop),
            extra={**extra, **(values.get("extra") or {})},
        )

    def as_dict(self) -> dict[str, Any]:
        """Only what was set, by its usual name: for requests and for traces."""
        values: dict[str, Any] = dict(self.extra)
        values.update({name: getattr(self, name) for name in _NAMED if getattr(self, name) is not None})
        if self.stop:
            values["stop"] = list(self.stop)
        return values


_NAMED = ("temperature", "top_p", "max_tokens", "seed", "presence_penalty", "frequency_penalty")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLimits:
    """How often one model may be called with one credential; 0 means that nobody said. `key` names the two."""

    key: str
    requests_per_minute: int = 0
    tokens_per_minute: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one call. `input_tokens` is the total: what came from a cache or went to one is part of it."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False
    """True when the provider reported nothing and the numbers are our own count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A piece of a streamed answer, or of the thinking before it.

    Exactly one chunk, the last, has a finish reason and the usage; it holds the tools that the model wants called.
    """

    text: str = ""
    reasoning: str = ""
    tool_calls: Sequence[ToolCall] = ()
    finish_reason: str | None = None
    usage: Usage | None = None
