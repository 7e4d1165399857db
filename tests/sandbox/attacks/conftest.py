"""The canaries that stand for the whole session."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.attacks.canaries import Canaries, standing_canaries
from tests.sandbox.sidecar_process import Sidecar


@pytest.fixture(scope="session")
def canaries() -> Iterator[Canaries]:
    with standing_canaries() as canaries:
        yield canaries


@pytest.fixture
def facts(canaries: Canaries, sidecar: Sidecar) -> dict[str, Any]:
    return facts_about(canaries, sidecar)


def facts_about(canaries: Canaries, sidecar: Sidecar) -> dict[str, Any]:
    """What an attacker who knows this host well would be told."""
    return {
        **canaries.facts,
        "sidecar_pid": sidecar.pid,
        "sidecar_socket": str(sidecar.socket),
        "zygote_pids": [process.pid for process in sidecar.zygotes()],
    }
