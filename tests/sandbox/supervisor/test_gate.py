"""The queue before the children, at moments in which two things happen at once."""

from __future__ import annotations

import asyncio

import pytest

from apps.sandbox.sidecar.supervisor.gate import Gate


async def test_one_who_gives_up_while_a_place_gets_free_harms_nobody() -> None:
    gate = Gate(concurrency=1, bound=8)
    await gate.enter("base")
    first, second = (asyncio.ensure_future(gate.enter("base")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    gate.leave()
    with pytest.raises(asyncio.CancelledError):
        await first
    await asyncio.wait_for(second, 1)
    gate.leave()
    assert gate.as_json() == {"waiting": 0, "running": 0, "bound": 8}
