"""Rules that a team writes itself: regular expressions that may not run for long."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from apps.traces.masking.rules import mark
from support.patterns import BadPattern, compiled_pattern

#: A rule that needs longer for one text is stopped, and the text is taken out whole.
TIME_LIMIT_S = 0.05
LONGEST = 500
#: Texts that take longer than this are slow, and all of them together may take so long in a while: one thread masks
#: for all teams, and a value may hold thousands of texts.
SLOW_S, SLOW_IN_ALL_S, WHILE_S = 0.001, 1.0, 10.0
_TRIAL_TEXTS = ("a" * 5_000 + "!", "1" * 5_000 + "x", "ab " * 2_000, "key=" * 1_000)


@dataclass(slots=True)
class _Slow:
    """What slow texts took since a moment. Threads may lose a count between them, which matters little."""

    since: float = 0.0
    took: float = 0.0

    def is_worn_out(self) -> bool:
        """Whether the rule has had all the time that it is given for now."""
        now = time.monotonic()
        if now - self.since > WHILE_S:
            self.since, self.took = now, 0.0
        return self.took >= SLOW_IN_ALL_S

    def add(self, took: float) -> None:
        """Count a text."""
        if took > SLOW_S:
            self.took += took


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """A team's rule. What a group `keep` matches stays; without one all of the match goes."""

    name: str
    pattern: Any
    _slow: _Slow = field(default_factory=lambda: _Slow(), compare=False, repr=False)

    @classmethod
    def read(cls, name: str, written: str) -> Own:
        """Compile a pattern and try it on texts that slow ones stumble over. Raises `BadPattern`."""
        if len(written) > LONGEST:
            raise BadPattern(f"longer than {LONGEST} characters", "long")
        pattern = compiled_pattern(written)
        try:
            if pattern.search("", timeout=TIME_LIMIT_S):
                raise BadPattern("matches where nothing is", "empty")
            for text in _TRIAL_TEXTS:
                pattern.search(text, timeout=TIME_LIMIT_S)
        except TimeoutError as exc:
            raise BadPattern("takes too long on some texts", "slow") from exc
        return cls(name=name, pattern=pattern)

    def may_hold(self, text: str, lower: str) -> bool:
        """Only matching tells."""
        return True

    def mask(self, text: str, lower: str) -> str:
        """What it matches is replaced; a text that takes it too long is replaced whole, so that nothing gets by."""
        if self._slow.is_worn_out():
            return mark(f"{self.name} took too long")
        keeps = "keep" in self.pattern.groupindex
        began = time.thread_time()  # waiting for other threads is no fault of the rule
        try:
            replaced: str = self.pattern.sub(
                lambda found: ((found["keep"] or "") if keeps else "") + mark(self.name) if found[0] else "",
                text,
                timeout=TIME_LIMIT_S,
                concurrent=True,
            )
        except TimeoutError:
            return mark(f"{self.name} took too long")
        finally:
            self._slow.add(time.thread_time() - began)
        return replaced
