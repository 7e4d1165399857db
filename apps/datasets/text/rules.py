"""Owns applying a dataset's own cleaning rules, each within a time of its own.

A regular expression may need longer than the sun has left. The processor time of each is limited with a timer, which
only the main thread has: rules run in the child that reads a document, which has no other thread.
"""

import re
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from apps.datasets.text.errors import RuleTooSlow

RULE_SECONDS = 5.0
"""Processor time that one rule may take for one section, which is at most 64,000 characters."""


def apply_rules(text: str, rules: Sequence[tuple[str, str]], *, seconds: float = RULE_SECONDS) -> str:
    """Replace what the patterns match, in their order. Raises RuleTooSlow, which names the rule."""
    for number, (pattern, replacement) in enumerate(rules, start=1):
        with _limited(RuleTooSlow(number=number, rule=pattern, seconds=seconds), seconds=seconds):
            text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return text


@contextmanager
def _limited(error: RuleTooSlow, *, seconds: float) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        # The matcher looks for signals now and then, so that this ends it in the middle of its work.
        raise error

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
