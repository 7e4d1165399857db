"""A real sandbox for the workflows that need one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tests.sandbox.sidecar_process import Sidecar, modes_here, running_sidecar

#: In the strongest mode that can be had here.
MODE = modes_here()[0]


@pytest.fixture(scope="session")
def _sandbox() -> Iterator[Sidecar]:
    with running_sidecar(MODE) as sidecar:
        yield sidecar


@pytest.fixture
def sandbox(_sandbox: Sidecar, settings: Settings) -> Sidecar:
    """A sandbox that the settings of this process name."""
    settings.SANDBOX_URL = f"unix:{_sandbox.socket}"
    settings.SANDBOX_API_KEY = _sandbox.key
    return _sandbox
