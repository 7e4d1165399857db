"""Calls through a provider's account keep its pace in all processes, and waiting keeps no worker."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator

import pytest
import redis.asyncio as redis
from django.conf import settings

from apps.workflows.adapters.pacing import Pace
from apps.workflows.engine.waiting import at_work
from model_runtime import pace
from model_runtime.types import CallLimits
from support.redis_client import close_redis


@pytest.fixture
async def other_process() -> AsyncIterator[redis.Redis]:
    """A connection as another process has it."""
    client = redis.Redis.from_url(settings.REDIS_URL)
    yield client
    await client.aclose()
    await close_redis()


def limits(**each: int) -> CallLimits:
    return CallLimits(key=uuid.uuid4().hex, **each)


async def test_processes_share_the_requests_of_a_minute(other_process: redis.Redis) -> None:
    account = limits(requests_per_minute=60)  # ten at once, and one each second
    for _ in range(5):
        await Pace(account).turn(tokens=1)
        assert await pace.take(other_process, account, tokens=1) == 0
    assert 0.5 < await pace.take(other_process, account, tokens=1) <= 1


async def test_what_a_call_used_counts_instead_of_its_estimate(other_process: redis.Redis) -> None:
    account = limits(tokens_per_minute=6_000)  # a thousand at once
    call = Pace(account)
    await call.turn(tokens=100)
    await call.used(600)
    await call.used(1_000)
    assert 0.5 < await pace.take(other_process, account, tokens=100) <= 1


async def test_a_call_larger_than_the_bucket_goes_and_leaves_a_debt(other_process: redis.Redis) -> None:
    account = limits(tokens_per_minute=600)
    assert await pace.take(other_process, account, tokens=700) == 0
    assert await pace.take(other_process, account, tokens=1) > 50


async def test_a_provider_that_refuses_closes_the_door_for_everybody(other_process: redis.Redis) -> None:
    account = limits(requests_per_minute=6_000)
    await Pace(account).refused(30.0)
    assert 25 < await pace.take(other_process, account, tokens=1) <= 30


async def test_who_waits_for_a_turn_stands_aside_and_gets_it() -> None:
    class Node:
        aside = 0

        def waits(self) -> None:
            self.aside += 1

        def goes_on(self) -> None:
            self.aside += 100

    node = Node()
    token = at_work.set(node)
    account = limits(requests_per_minute=240)  # forty at once, and four each second
    try:
        began = time.monotonic()
        await asyncio.gather(*(Pace(account).turn(tokens=1) for _ in range(42)))
        assert time.monotonic() - began > 0.2
    finally:
        at_work.reset(token)
        await close_redis()
    assert node.aside % 100 == node.aside // 100 >= 2


async def test_without_limits_redis_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "REDIS_URL", "redis://127.0.0.1:9/0")
    call = Pace(limits())
    await call.turn(tokens=10)
    await call.used(20)
    await call.refused(5.0)


async def test_without_redis_nobody_is_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "REDIS_URL", "redis://127.0.0.1:9/0")
    await asyncio.wait_for(Pace(limits(requests_per_minute=1)).turn(tokens=10), 5)
    await close_redis()
