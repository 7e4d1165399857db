"""Places that runs share: nobody's line is everybody's, and who waits keeps nobody from working."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from dataclasses import replace

from apps.sandbox.protocol import RunRequest, RunResult, Status, Usage
from apps.workflows.adapters.code import SandboxedCode
from apps.workflows.adapters.fair_share import (
    MOST_CODE_RUNS_OF_A_TEAM,
    account_places,
    code_places,
    holding,
)
from apps.workflows.engine.crew import House
from apps.workflows.engine.graph import compile_plan
from apps.workflows.engine.node import NodeResult, NodeType
from apps.workflows.engine.places import FairPlaces
from apps.workflows.engine.ports import CodeRequest, ModelDelta
from apps.workflows.engine.runner import Limits, RunValues, execute
from tests.workflows.engine.ports_for_tests import ports
from tests.workflows.engine.runs import TEST_REGISTRY, document, each, node


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


async def until(condition) -> None:
    while not condition():
        await asyncio.sleep(0.001)


async def test_a_team_has_so_many_places_for_code_whatever_its_runs_and_another_has_its_own() -> None:
    client = Slow()

    async def connect() -> Slow:
        return client

    busy, other = uuid.uuid4(), uuid.uuid4()
    request = CodeRequest(language="python3", code="def main(): return {}")

    async def run(team: uuid.UUID) -> None:
        run_id = uuid.uuid4()
        code = SandboxedCode(run_id, places=code_places(), share=(team, run_id), connect=connect)  # type: ignore[arg-type]
        await code.run(request)

    many = [asyncio.create_task(run(busy)) for _ in range(3 * MOST_CODE_RUNS_OF_A_TEAM)]
    await until(lambda: client.now == MOST_CODE_RUNS_OF_A_TEAM)
    one = asyncio.create_task(run(other))
    await until(lambda: client.now == MOST_CODE_RUNS_OF_A_TEAM + 1)
    client.go_on.set()
    await asyncio.gather(*many, one)
    assert client.most == MOST_CODE_RUNS_OF_A_TEAM + 1
    assert code_places().taken == 0


async def test_a_free_place_goes_to_the_team_that_holds_the_fewest_and_then_to_such_a_run() -> None:
    places = FairPlaces(3)
    order: list[str] = []
    assert places.take(("a", 1))
    assert places.take(("a", 1))
    assert places.take(("a", 1))
    for team, run in [("a", 1), ("a", 1), ("a", 2), ("b", 9), ("b", 9)]:
        places.queue((team, run), lambda team=team, run=run: order.append(f"{team}{run}"))
    places.give_back(("a", 1))
    assert order == ["b9"]
    places.give_back(("a", 1))
    assert order == ["b9", "a2"]
    places.give_back(("b", 9))
    assert order == ["b9", "a2", "b9"]


async def test_who_leaves_the_line_takes_no_place() -> None:
    places = FairPlaces(1)
    assert places.take(("a",))
    waiting = asyncio.create_task(places.come(("b",)))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    places.give_back(("a",))
    assert places.taken == 0
    assert not places.crowded


async def test_who_is_cancelled_with_a_place_in_hand_gives_it_back() -> None:
    places = FairPlaces(1)
    assert places.take(("a",))
    waiting = asyncio.create_task(places.come(("b",)))
    await asyncio.sleep(0)
    places.give_back(("a",))  # the place is b's now, and b has not heard yet
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert places.taken == 0


class LimitedModel:
    """A model port whose calls take one of the places of an account; counts them."""

    def __init__(self, account: str, calls_at_once: int, share: tuple[object, ...]) -> None:
        self.account, self.calls_at_once, self.share = account, calls_at_once, share

    now: Counter[str] = Counter()
    most: Counter[str] = Counter()

    async def stream(self, _request):
        async with holding(account_places(self.account, calls_at_once=self.calls_at_once), self.share):
            self.now[self.account] += 1
            self.most[self.account] = max(self.most[self.account], self.now[self.account])
            await asyncio.sleep(0.01)
            self.now[self.account] -= 1
            yield ModelDelta(text="x", finish_reason="stop")


LLM = {"model": {"name": "m"}, "prompt": [{"role": "user", "text": "hi"}]}


async def test_calls_through_one_account_are_limited_over_all_runs_and_block_no_other_branch() -> None:
    width = 12
    nodes = [node(f"m{at}", "llm", config=LLM) for at in range(width)]
    quick = [node("q0"), node("q1"), node("q2")]
    edges = " ".join(f"start>m{at}" for at in range(width)) + " start>q0 q0>q1 q1>q2"
    plan = compile_plan(document([*nodes, *quick], edges, kind="workflow"), registry=TEST_REGISTRY)
    told: list[str] = []

    async def run(number: int) -> str:
        model = LimitedModel("shared", 3, ("team", number))
        finished = await execute(
            plan,
            run=RunValues(),
            ports=replace(ports(), models=model),
            emit=lambda event: told.append(event.node_id) if event.kind == "node_succeeded" else None,
            limits=Limits(max_parallel=4),
        )
        return finished.status

    assert await asyncio.gather(*(run(number) for number in range(20))) == ["succeeded"] * 20
    assert LimitedModel.most["shared"] == 3
    # In every run, the quick branch was through while most calls still waited for their place.
    assert max(place for place, name in enumerate(told) if name == "q2") < len(told) / 2
    assert account_places("shared", calls_at_once=3).taken == 0


async def test_nodes_at_work_in_a_process_are_limited_and_teams_take_turns() -> None:
    places = FairPlaces(4)
    at_work: Counter[str] = Counter()
    most = 0
    ended: list[str] = []

    class Work:
        def __init__(self, team):
            self.team = team

        async def run(self, _context):
            nonlocal most
            at_work[self.team] += 1
            most = max(most, at_work.total())
            await asyncio.sleep(0.002)
            at_work[self.team] -= 1
            return NodeResult(outputs={})

    def plan_for(team: str, width: int):
        kind = NodeType(name="work", schema={}, compile=lambda _config: Work(team), outputs=lambda _config: None)
        nodes = [node(f"w{at}", "work") for at in range(width)]
        written = document(nodes, " ".join(f"start>w{at}" for at in range(width)), kind="workflow")
        return compile_plan(written, registry={**TEST_REGISTRY, "work": kind})

    async def run(team: str, number: int, width: int) -> None:
        finished = await execute(
            plan_for(team, width),
            run=RunValues(),
            ports=ports(),
            emit=lambda _event: None,
            house=House(places=places, share=(team, number)),
        )
        assert finished.status == "succeeded"
        ended.append(team)

    big = [asyncio.create_task(run("big", number, 60)) for number in range(8)]
    await until(lambda: places.crowded)
    small = asyncio.create_task(run("small", 0, 10))
    await asyncio.gather(*big, small)
    assert most == 4
    assert ended[0] == "small"
    assert places.taken == 0


async def test_containers_leave_their_place_to_their_rounds() -> None:
    places = FairPlaces(1)
    inner = each("inner", "item", [node("say", config={"pieces": ["x"]})], collect="say.text")
    outer = each("outer", "inputs.items", [inner], collect="inner.output", parallel=3)
    end = node("end", "end", config={"outputs": {"out": "outer.output"}})
    written = document([outer, end], "start>outer outer>end", kind="workflow")
    plan = compile_plan(written, registry=TEST_REGISTRY)

    async def run(number: int) -> object:
        finished = await execute(
            plan,
            run=RunValues(inputs={"items": [[1, 2], [3], []]}),
            ports=ports(),
            emit=lambda _event: None,
            house=House(places=places, share=("team", number)),
        )
        return finished.outputs

    wanted = {"out": [["x", "x"], ["x"], []]}
    assert await asyncio.wait_for(asyncio.gather(*(run(number) for number in range(10))), 20) == [wanted] * 10
    assert places.taken == 0


async def test_a_run_that_is_stopped_while_it_stands_in_line_leaves_it() -> None:
    places = FairPlaces(1)
    assert places.take(("other",))
    stop = asyncio.Event()
    plan = compile_plan(document([node("a")], "start>a", kind="workflow"), registry=TEST_REGISTRY)
    task = asyncio.create_task(
        execute(
            plan,
            run=RunValues(),
            ports=ports(),
            emit=lambda _event: None,
            stop=stop,
            house=House(places=places, share=("team", 1)),
        )
    )
    await until(lambda: places.crowded)
    stop.set()
    assert (await task).status == "stopped"
    assert not places.crowded
    places.give_back(("other",))
    assert places.taken == 0
