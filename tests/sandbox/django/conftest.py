"""A team, its people, and a sandbox that says of itself what a test wants."""

from __future__ import annotations

import asyncio
import copy
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from accounts.models import Membership, Role, Team, User
from apps.sandbox.models import Refusal
from apps.sandbox.protocol import RunError, RunRequest, RunResult, Status, Usage
from apps.sandbox.services import record_refusal
from support.ids import uuid7
from tests.sandbox.django.wire import Says, Wire, listening


@pytest.fixture
def team(db: None) -> Team:
    return Team.objects.create(slug="bees", name="Bees")


@pytest.fixture
def superuser(team: Team) -> User:
    user = User.objects.create_superuser("ada", password="a long enough password")
    Membership.objects.create(team=team, user=user, role=Role.OWNER)
    return user


@pytest.fixture
def record(team: Team) -> Callable[..., Refusal | None]:
    """Keeps a refusal of the team, unless said otherwise: a system call that killed its run."""

    def make(*, of: Team = team, status: Status = Status.KILLED, **changes: Any) -> Refusal | None:
        told = {"type": "BlockedSystemCall", "message": "ptrace is not allowed", "system_call": "ptrace"}
        places = {"app_slug": "helper", "run_id": uuid7(), "node_id": "code_1"}
        error = RunError(**(told | {key: changes.pop(key) for key in list(changes) if key in told}))
        return record_refusal(
            RunResult(status=status, error=error, usage=Usage(wall_ms=12.5, cpu_ms=3.0, peak_kb=9000)),
            request=changes.pop("request", RunRequest(code="import ctypes")),
            team_id=of.id,
            **(places | changes),
        )

    return make


@pytest.fixture
def sandbox(tmp_path: Path, settings: Any) -> Iterator[Callable[..., Wire]]:
    """Answers every request with the same words, from a thread of its own; SANDBOX_URL leads there."""
    stop: list[Callable[[], None]] = []

    def start(body: Any, *, status: int = 200) -> Wire:
        ready, found = threading.Event(), []

        async def serve() -> None:
            ended = asyncio.Event()
            async with listening(tmp_path / "sandbox.sock") as wire:
                wire.usual = Says(status, copy.deepcopy(body))
                found.append(wire)
                loop = asyncio.get_running_loop()
                stop.append(lambda: loop.call_soon_threadsafe(ended.set))
                ready.set()
                await ended.wait()

        thread = threading.Thread(target=asyncio.run, args=[serve()])
        thread.start()
        stop.append(thread.join)
        ready.wait(5)
        settings.SANDBOX_URL = f"unix:{tmp_path}/sandbox.sock"
        wire: Wire = found[0]
        return wire

    yield start
    for each in sorted(stop, key=lambda call: getattr(call, "__name__", "") == "join"):
        each()
