"""One team's code waits for its own kind, never in front of another team's."""

from __future__ import annotations

import asyncio
import uuid

from apps.sandbox.protocol import RunRequest, RunResult, Status, Usage
from apps.workflows.adapters.code import SandboxedCode
from apps.workflows.adapters.fair_share import MOST_CODE_RUNS, code_share
from apps.workflows.engine.ports import CodeRequest


class Slow:
    """A client that counts what is asked of it at once."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self.go_on = asyncio.Event()

    async def run(self, _request: RunRequest) -> RunResult:
        self.now += 1
        self.most = max(self.most, self.now)
        await self.go_on.wait()
        self.now -= 1
        return RunResult(status=Status.OK, outputs={}, error=None, stdout="", stderr="", usage=Usage())


async def test_a_team_has_so_many_places_whatever_its_runs_and_another_has_its_own() -> None:
    client = Slow()

    async def connect() -> Slow:
        return client

    busy, other = uuid.uuid4(), uuid.uuid4()
    shares = {team: code_share(team) for team in (busy, other)}
    request = CodeRequest(language="python3", code="def main(): return {}")

    async def run(team: uuid.UUID) -> None:
        await SandboxedCode(uuid.uuid4(), share=code_share(team), connect=connect).run(request)  # type: ignore[arg-type]

    many = [asyncio.create_task(run(busy)) for _ in range(3 * MOST_CODE_RUNS)]
    await asyncio.sleep(0.01)
    assert client.now == MOST_CODE_RUNS
    one = asyncio.create_task(run(other))
    await asyncio.sleep(0.01)
    assert client.now == MOST_CODE_RUNS + 1
    client.go_on.set()
    await asyncio.gather(*many, one)
    assert client.most == MOST_CODE_RUNS + 1
    assert shares[busy] is code_share(busy)
