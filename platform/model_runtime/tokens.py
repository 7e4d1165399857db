"""A cheap estimate of token counts, for providers that do not report usage and for budgets."""

from __future__ import annotations

import re
from collections.abc import Sequence

from model_runtime.types import Message, Usage

_WIDE = re.compile(r"[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")
_LATIN_CHARS_PER_TOKEN = 4
_TOKENS_PER_WIDE_CHAR = 1.1
_TOKENS_PER_MESSAGE = 4
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
    return estimate_tokens(message.text) + called + _TOKENS_PER_MESSAGE + _TOKENS_PER_IMAGE * len(message.images)
