"""Settles token counts: clients count in two ways, and only the sender's words tell which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.traces.dialects.values import Attributes, count_of, mapping_of
from apps.traces.recorder.usage import TokenUsage

#: Names by part -> the count it is.
Names = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Counts as they were sent."""

    input: int | None = None
    output: int | None = None
    total: int | None = None
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0
    #: Whether cached tokens are left out of `input`; None where only the sums can tell.
    cache_apart: bool | None = None
    reasoning_apart: bool = False
    given: Mapping[str, int] = field(default_factory=dict)


def counts_by(names: Names, attributes: Attributes, *, cache_apart: bool | None = None) -> Counts | None:
    """The counts that the attributes hold under these names; None without any."""
    found: dict[str, int] = {}
    given: dict[str, int] = {}
    for part, candidates in names.items():
        for name in candidates:
            value = attributes.get(name)
            count = None if value is None else count_of(value)
            if count is not None:
                found[part] = given[name] = count
                break
    return Counts(**found, cache_apart=cache_apart, given=given) if found else None  # type: ignore[arg-type]


#: What providers call them: OpenAI's two APIs, Anthropic, Google, and those that copy one of them.
_OF_PROVIDERS: Names = {
    "input": ("prompt_tokens", "input_tokens", "promptTokenCount", "prompt_token_count", "inputTokens"),
    "output": ("completion_tokens", "output_tokens", "candidatesTokenCount", "candidates_token_count", "outputTokens"),
    "total": ("total_tokens", "totalTokenCount", "total_token_count", "totalTokens"),
    "cache_read": ("cache_read_input_tokens", "cachedContentTokenCount", "cached_content_token_count", "cachedTokens"),
    "cache_write": ("cache_creation_input_tokens",),
    "reasoning": ("thoughtsTokenCount", "thoughts_token_count"),
}
_DETAILS = (
    ("cache_read", ("prompt_tokens_details", "input_tokens_details"), ("cached_tokens", "cache_read_tokens")),
    ("cache_write", ("prompt_tokens_details", "input_tokens_details"), ("cache_write_tokens", "cache_creation_tokens")),
    ("reasoning", ("completion_tokens_details", "output_tokens_details"), ("reasoning_tokens",)),
)


def counts_of_provider(usage: Any) -> Counts | None:
    """The counts of a provider's own usage object (also as JSON text); None where it is none."""
    given = mapping_of(usage)
    found = counts_by(_OF_PROVIDERS, given) if given else None
    if found is None:
        return None
    parts = {"cache_read": found.cache_read, "cache_write": found.cache_write, "reasoning": found.reasoning}
    for part, groups, names in _DETAILS:
        for group in groups:
            inner = mapping_of(given.get(group))
            parts[part] = parts[part] or next((count for name in names if (count := count_of(inner.get(name)))), 0)
    # Anthropic's API leaves cached tokens out of the input, Google's leaves thoughts out of the output.
    is_anthropic = "input_tokens" in given and (
        "cache_read_input_tokens" in given or "cache_creation_input_tokens" in given
    )
    return Counts(
        input=found.input,
        output=found.output,
        total=found.total,
        **parts,
        cache_apart=True if is_anthropic else None,
        reasoning_apart=bool(parts["reasoning"]) and ("thoughtsTokenCount" in given or "thoughts_token_count" in given),
        given={**found.given, **{part: count for part, count in parts.items() if count}},
    )


def settled(counts: Counts) -> TokenUsage:
    """Counts whose input is all of the input and whose output is all of the output."""
    cached = counts.cache_read + counts.cache_write
    input_, output = counts.input, counts.output
    if counts.total is not None:
        if input_ is None and output is not None:
            input_ = max(0, counts.total - output)
        elif output is None and input_ is not None:
            output = max(0, counts.total - input_)
    input_, output = input_ or 0, output or 0
    if counts.reasoning_apart or counts.reasoning > output:
        output += counts.reasoning
    apart = counts.cache_apart
    if apart is None and cached:
        apart = cached > input_ or counts.total == input_ + output + cached
    if apart:
        input_ += cached
    return TokenUsage(
        input=input_,
        output=output,
        cache_read=counts.cache_read,
        cache_write=counts.cache_write,
        reasoning=counts.reasoning,
        given=counts.given,
    )
