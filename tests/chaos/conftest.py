"""What the chaos tests share with those of workflows: a team, its apps and keys, and a provider on the wire."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tests.chaos.processes import Web, web_process
from tests.model_runtime.openai_server import Completion, OpenAIServer
from tests.workflows.conftest import key_of, make_app, team
from tests.workflows.talking import WORDS

__all__ = ["environment", "key_of", "make_app", "provider", "survivor", "team"]

DRIP = Completion(" ".join(WORDS), pause=0.05)


@pytest.fixture(scope="session")
def provider() -> Iterator[OpenAIServer]:
    """A provider whose answers take three seconds."""
    with OpenAIServer(default=DRIP).in_thread() as server:
        yield server


@pytest.fixture(scope="session")
def environment(django_db_setup: None, provider: OpenAIServer) -> dict[str, str]:
    """What a web process needs to use the provider."""
    return {"OPENAI_BASE_URL": provider.base_url, "OPENAI_API_KEY": "test-key"}


@pytest.fixture
def elsewhere(transactional_db: None, provider: OpenAIServer, settings: Settings) -> None:
    """This process can go on with runs of others: it has the same provider."""
    settings.ENV_PROVIDERS = [provider.as_env_provider(api_key="test-key", chat_model="gpt-4o-mini")]


@pytest.fixture(scope="session")
def _survivor(environment: dict[str, str]) -> Iterator[Web]:
    with web_process(**environment) as web:
        yield web


@pytest.fixture
def survivor(transactional_db: None, _survivor: Web) -> Web:
    """A web process that lives on."""
    return _survivor
