"""A cheap estimate of token counts, for providers that do not report usage and for budgets."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Sequence

from model_runtime.types import Message, Usage

_WIDE = re.compile(r"[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")
_LATIN_CHARS_PER_TOKEN = 4
_TOKENS_PER_WIDE_CHAR = 1.1
TOKENS_PER_MESSAGE = 4
#: A rough middle: providers count between 85 and 1,600 by size and detail.
_TOKENS_PER_IMAGE = 500


def estimate_tokens(text: str) -> int:
    """A quarter of the Latin characters, and a little over one for each Chinese, Japanese or Korean one."""
    if not text:
        return 0
    wide = 0 if text.isascii() else len(_WIDE.findall(text))
    return max(1, round((len(text) - wide) / _LATIN_CHARS_PER_TOKEN + wide * _TOKENS_PER_WIDE_CHAR))


def estimate_usage(messages: Sequence[Message], answer: str) -> Usage:
    """Usage of a call counted by ourselves, and marked so."""
    sent = sum(_estimate_message(message) for message in messages)
    received = estimate_tokens(answer)
    return Usage(input_tokens=sent, output_tokens=received, total_tokens=sent + received, estimated=True)


def _estimate_message(message: Message) -> int:
    called = sum(estimate_tokens(call.name + call.arguments) for call in message.tool_calls)
    return estimate_tokens(message.text) + called + TOKENS_PER_MESSAGE + _TOKENS_PER_IMAGE * len(message.images)


class TokenScale:
    """How much more, or less, than the estimate each model counts: learned from what providers report of calls.

    Every provider says how many tokens a prompt had; the newest calls weigh most. Until a model was called, or where
    nobody reports, the estimate stands as it is.
    """

    #: What a call weighs beside all before it.
    WEIGHT = 0.2
    #: Short prompts say little.
    LEAST_TOKENS = 40
    #: What is outside was not about the text.
    RANGE = (0.4, 3.0)

    def __init__(self) -> None:
        self._scales: dict[str, float] = {}
        self._lock = threading.Lock()

    def learn(self, model: str, *, estimated: int, reported: int) -> None:
        """Take note of a call whose prompt was text only."""
        if estimated < self.LEAST_TOKENS or not self.RANGE[0] <= reported / estimated <= self.RANGE[1]:
            return
        with self._lock:
            before = self._scales.get(model, reported / estimated)
            self._scales[model] = before + self.WEIGHT * (reported / estimated - before)

    def count(self, model: str, text: str) -> int:
        """The tokens of a text, as the model counts as far as is known; rounded up."""
        return math.ceil(estimate_tokens(text) * self._scales.get(model, 1.0))


#: What this process has learned.
TOKEN_SCALE = TokenScale()
