"""Calls through a provider's account, at the pace that its credential allows, in all processes together.

Without Redis nobody is held back: the provider's own refusals still are obeyed.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from redis.exceptions import RedisError

from apps.workflows.engine.waiting import standing_aside
from model_runtime import pace
from model_runtime.types import CallLimits
from support.redis_client import redis_for_loop

logger = logging.getLogger(__name__)

#: Others may take what was there when we asked, or give it back; so nobody sleeps for longer than this at once.
_LONGEST_NAP_S: Final = 5.0


class Pace:
    """The pace of one account; without limits nothing is counted, and nothing asked of Redis."""

    def __init__(self, limits: CallLimits) -> None:
        self._limits = limits
        self._is_limited = bool(limits.requests_per_minute or limits.tokens_per_minute)
        self._taken = 0.0

    async def turn(self, *, tokens: float) -> None:
        """Wait until a call of about so many tokens may be made. Meanwhile the run has another of its nodes work."""
        if not self._is_limited:
            return
        try:
            wait = await pace.take(redis_for_loop(), self._limits, tokens=tokens)
            if wait:
                with standing_aside():
                    while wait:
                        await asyncio.sleep(min(wait, _LONGEST_NAP_S))
                        wait = await pace.take(redis_for_loop(), self._limits, tokens=tokens)
            self._taken = max(1.0, tokens)
        except (RedisError, OSError) as exc:
            logger.warning("calls to a provider are not counted: %s", type(exc).__name__)

    async def used(self, tokens: float) -> None:
        """So many tokens it was in truth; a provider may say so more than once, each time for the whole call."""
        if not self._taken:
            return
        try:
            await pace.correct(redis_for_loop(), self._limits, taken=self._taken, used=tokens)
            self._taken = tokens
        except (RedisError, OSError) as exc:
            logger.warning("tokens of a provider are not counted: %s", type(exc).__name__)

    async def refused(self, retry_after: float | None) -> None:
        """The provider wants nobody to call before so many seconds have passed."""
        if not self._is_limited or not retry_after:
            return
        try:
            await pace.close_for(redis_for_loop(), self._limits, seconds=retry_after)
        except (RedisError, OSError) as exc:
            logger.warning("the pause of a provider is not shared: %s", type(exc).__name__)
