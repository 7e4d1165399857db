"""Node.js as the tests find it, and runners under it without walls."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.sandbox.javascript.child_stream import Answer, Runner

Run = Callable[..., Answer]


@pytest.fixture(scope="session")
def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("Node.js is not installed")
    return found


@pytest.fixture
def run(node: str) -> Iterator[Run]:
    """Run code in a runner of its own; gives what came back."""
    started: list[Runner] = []

    def run_code(code: str, **request: Any) -> Answer:
        runner = Runner(node=node)
        started.append(runner)
        return runner.run(code, **request)

    yield run_code
    for runner in started:
        runner.close()
