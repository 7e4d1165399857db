"""A provider on the wire and a web process that uses it, for all tests of this directory."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from apps.workflows.models import Application
from tests.chaos.processes import Web, web_process
from tests.model_runtime.openai_server import Completion, OpenAIServer
from tests.workflows.talking import WORDS

MakeApp = Callable[..., Application]
KeyOf = Callable[..., dict[str, str]]

DRIP = Completion(" ".join(WORDS), pause=0.02)


@pytest.fixture(scope="session")
def _provider() -> Iterator[OpenAIServer]:
    with OpenAIServer().in_thread() as server:
        yield server


@pytest.fixture
def provider(_provider: OpenAIServer) -> OpenAIServer:
    """The double, with nothing left of the test before."""
    _provider._script.clear()
    _provider.requests.clear()
    _provider.default = Completion()
    return _provider


@pytest.fixture(scope="session")
def _web(django_db_setup: None, _provider: OpenAIServer) -> Iterator[Web]:
    with web_process(OPENAI_BASE_URL=_provider.base_url, OPENAI_API_KEY="test-key") as web:
        yield web


@pytest.fixture
def web(transactional_db: None, provider: OpenAIServer, _web: Web) -> Web:
    """A web process as an installation runs it, with the provider."""
    return _web


@pytest.fixture(scope="session")
def _other_web(django_db_setup: None, _provider: OpenAIServer) -> Iterator[Web]:
    with web_process(OPENAI_BASE_URL=_provider.base_url, OPENAI_API_KEY="test-key") as web:
        yield web


@pytest.fixture
def other_web(transactional_db: None, _other_web: Web) -> Web:
    """Another web process of the same installation."""
    return _other_web
