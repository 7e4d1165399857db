"""Sidecars that the tests of a session share: one per mode, each a real process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.sandbox.sidecar_process import MODES, Sidecar, modes_here, running_sidecar


class Sidecars:
    """Starts the sidecar of a mode when a test first asks for it, and again should a test have ended it."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._running: dict[str, Sidecar] = {}

    def of(self, mode: str) -> Sidecar:
        if mode not in modes_here():
            pytest.skip(f"the mode {mode} needs to be root, and {mode!r} cannot be had here")
        running = self._running.get(mode)
        if running is None or running.process.poll() is not None:
            running = self._running[mode] = self._stack.enter_context(running_sidecar(mode))
        return running


@pytest.fixture(scope="session")
def sidecars() -> Iterator[Sidecars]:
    with ExitStack() as stack:
        yield Sidecars(stack)


@pytest.fixture
def root_sidecar(sidecars: Sidecars) -> Sidecar:
    return sidecars.of("root")


@pytest.fixture
def user_sidecar(sidecars: Sidecars) -> Sidecar:
    return sidecars.of("userns")


@pytest.fixture
def landlock_sidecar(sidecars: Sidecars) -> Sidecar:
    return sidecars.of("landlock")


@pytest.fixture(params=MODES)
def sidecar(request: pytest.FixtureRequest, sidecars: Sidecars) -> Sidecar:
    """Every mode, one after the other."""
    return sidecars.of(request.param)


@pytest.fixture
def root_or_user(sidecars: Sidecars) -> Sidecar:
    """One mode, where all are the same."""
    return sidecars.of(modes_here()[0])
