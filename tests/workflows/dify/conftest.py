"""An installation that documents of other platforms are brought to: a web process, a sandbox, a team's provider."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import yaml

from accounts.models import Team
from apps.datasets.services.datasets import create_dataset
from apps.datasets.services.metadata import add_field
from apps.workflows import services
from apps.workflows.models import Application
from providers.services import store_credential
from tests.chaos.processes import Web, web_process
from tests.model_runtime.openai_server import Completion, OpenAIServer
from tests.sandbox.sidecar_process import modes_here, running_sidecar
from tests.workflows.dify.shop import Shop

KeyOf = Callable[..., dict[str, str]]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where documents run."""

    web: Web
    model: OpenAIServer
    shop: Shop


@pytest.fixture(scope="session")
def _place(django_db_setup: None) -> Iterator[Place]:
    with OpenAIServer().in_thread() as model, Shop().in_thread() as shop, running_sidecar(modes_here()[0]) as sandbox:
        allowed = f"127.0.0.1:{model.port},127.0.0.1:{shop.server_port}"
        sandboxed = {"SANDBOX_URL": f"unix:{sandbox.socket}", "SANDBOX_API_KEY": sandbox.key}
        with web_process(EGRESS_ALLOW=allowed, **sandboxed) as web:
            yield Place(web=web, model=model, shop=shop)


@pytest.fixture
def place(transactional_db: None, _place: Place) -> Place:
    """The same for all tests, with nothing left of the test before."""
    _place.model._script.clear()
    _place.model.requests.clear()
    _place.model.default = Completion()
    _place.shop.orders.clear()
    return _place


@dataclass(frozen=True, kw_only=True)
class App:
    """An imported document that a client of its API runs."""

    application: Application
    place: Place
    headers: dict[str, str]
    warnings: list[Any]

    def run(self, **inputs: Any) -> dict[str, Any]:
        """A workflow's run: `data` of the reply, or the error."""
        body = {"inputs": inputs, "user": "ada", "response_mode": "blocking"}
        reply = self._post("workflows/run", body)
        return reply.get("data", reply)

    def chat(self, query: str, *, conversation_id: str = "", **inputs: Any) -> dict[str, Any]:
        """A turn of a chat."""
        body = {"query": query, "inputs": inputs, "user": "ada", "response_mode": "blocking"}
        return self._post("chat-messages", body | {"conversation_id": conversation_id})

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        reply = httpx.post(f"{self.place.web.base}/v1/{path}", json=body, headers=self.headers, timeout=60)
        answer: dict[str, Any] = reply.json()
        return answer

    def prompts(self) -> list[str]:
        """What the model was asked, as one text for each request."""
        return [str(request.body["messages"]) for request in self.place.model.requests]


@pytest.fixture
def bring(place: Place, team: Team, key_of: KeyOf) -> Callable[..., App]:
    """Import a document (text or mapping) into a team that has the models and datasets that it names."""

    def bring_in(document: str | dict[str, Any]) -> App:
        text = document if isinstance(document, str) else yaml.safe_dump(document, allow_unicode=True)
        raw = yaml.safe_load(text)
        names = sorted({str(model.get("name")) for model in found(raw, "model") if isinstance(model, dict)} - {""})
        store_credential(
            team_id=team.id, name="wire", base_url=place.model.base_url, secret="k", chat_models=[*names, "spare"]
        )
        for ids in found(raw, "dataset_ids"):
            for one in ids:
                dataset = create_dataset(team_id=team.id, name=f"Dataset {one}", slug=one)
                add_field(dataset, name="year", kind="number")
        application, saved = services.import_document(text=text, team_id=team.id)
        return App(application=application, place=place, headers=key_of(application), warnings=saved.warnings)

    return bring_in


def found(value: Any, name: str) -> Iterator[Any]:
    """Everything that stands under a key of this name, however deep."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if key == name:
            yield inner
        yield from found(inner, name)
