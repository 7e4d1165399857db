"""Token counts of one call of a model, whole and in parts that do not overlap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenUsage:
    """Tokens of a call; `input` is all of the input, with what came from a cache or went to one.

    Providers count in two ways: most say how much of the input was cached, some (Anthropic's own API) leave cached
    tokens out of the input. Whoever makes a TokenUsage has settled that. `given` keeps the counts as they came.
    """

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0
    given: Mapping[str, int] = field(default_factory=dict)

    def buckets(self) -> dict[str, int]:
        """Disjoint counts that a price can be put on: each token is in one of them."""
        return {
            "input": max(0, self.input - self.cache_read - self.cache_write),
            "cache_read": self.cache_read,
            "cache_write": self.cache_write,
            "output": max(0, self.output - self.reasoning),
            "reasoning": self.reasoning,
        }
