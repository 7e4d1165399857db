"""A team whose app is measured, a provider that is heard on the wire, and golden sets for both."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from pytest_django import Settings

from accounts.models import Membership, Role, Team, User
from apps.annotations.golden.item import NewItem
from apps.annotations.models import Evaluator, Experiment, GoldenSet
from apps.annotations.services.evaluators import save_evaluator
from apps.annotations.services.experiment_turns import work_on_experiment
from apps.annotations.services.experiments import begin_experiment
from apps.annotations.services.golden_items import add_items
from apps.workflows import services
from apps.workflows.models import Application
from tests.model_runtime.openai_server import Completion, OpenAIServer


def saying(text: str, name: str = "Handbook") -> dict[str, Any]:
    """A chat app that says one and the same thing, or what a template makes of the question."""
    return {
        "skep": 1,
        "app": {"name": name, "kind": "chat"},
        "nodes": [{"id": "start", "type": "start"}, {"id": "say", "type": "answer", "config": {"text": text}}],
        "edges": [{"from": "start", "to": "say"}],
    }


def asking(name: str = "Handbook", *, model: str = "gpt-4o-mini") -> dict[str, Any]:
    """A chat app that passes a model's reply on."""
    prompt = [{"role": "user", "text": "{{ sys.query }}"}]
    return {
        "skep": 1,
        "app": {"name": name, "kind": "chat"},
        "nodes": [
            {"id": "start", "type": "start"},
            {"id": "reply", "type": "llm", "config": {"model": {"name": model}, "prompt": prompt}},
            {"id": "say", "type": "answer", "config": {"text": "{{ reply.text }}"}},
        ],
        "edges": [{"from": "start", "to": "reply"}, {"from": "reply", "to": "say"}],
    }


ECHO = saying("{{ sys.query }}")


@pytest.fixture
def team(transactional_db: None) -> Team:
    return Team.objects.create(slug="bees", name="Bees")


def member(team: Team, name: str, role: str) -> User:
    user = User.objects.create_user(username=name, password=f"secret-{name}", is_staff=True)
    Membership.objects.create(team=team, user=user, role=role)
    return user


@pytest.fixture
def editor(team: Team) -> User:
    return member(team, "edith", Role.EDITOR)


@pytest.fixture
def manager(team: Team) -> User:
    return member(team, "mona", Role.ADMIN)


@pytest.fixture
def operator(team: Team) -> User:
    return member(team, "olga", Role.OPERATOR)


@pytest.fixture
def app(team: Team) -> Application:
    """Published: it says every question again."""
    return publish(team, ECHO)


def publish(team: Team, document: dict[str, Any]) -> Application:
    application, _saved = services.import_document(text=yaml.safe_dump(document), team_id=team.id)
    return application


def draft(app: Application, document: dict[str, Any]) -> int:
    """Make a document the app's draft; its number."""
    app.refresh_from_db()
    saved = services.save_version(application=app, document=document)
    return int(saved.version.number)


@pytest.fixture
def golden(team: Team, editor: User) -> Callable[..., GoldenSet]:
    """A set of the team from questions with what is expected; by itself the question is."""

    def make(*items: NewItem | str, name: str = "Spring") -> GoldenSet:
        made = GoldenSet.objects.create(team=team, name=name)
        new = [each if isinstance(each, NewItem) else NewItem(question=each, expected=each) for each in items]
        add_items(made, new, by=editor)
        made.refresh_from_db()
        return made

    return make


@pytest.fixture
def evaluator(team: Team) -> Callable[..., Evaluator]:
    """An evaluator of the team; by itself the exact one."""

    def make(kind: str = "exact", name: str = "", *, pass_at: float = 1.0, **config: Any) -> Evaluator:
        return save_evaluator(team_id=team.id, name=name or kind, kind=kind, config=config, pass_at=pass_at, by=None)

    return make


def measure(golden_set: GoldenSet, *evaluators: Evaluator, app: Application, **wishes: Any) -> Experiment:
    """An experiment, worked on to its end in this process."""
    experiment = begin_experiment(
        golden_set,
        app=app.slug,
        version=wishes.pop("version", None),
        evaluators=evaluators,
        by=wishes.pop("by", None),
        in_background=False,
        **wishes,
    )
    while work_on_experiment(experiment.id):
        pass
    experiment.refresh_from_db()
    return experiment


def rows(experiment: Experiment) -> list[tuple[int, str, str]]:
    """Number, status and answer of every item."""
    return list(experiment.results.order_by("number").values_list("number", "status", "answer"))


def scores(experiment: Experiment, place: int = 0) -> list[float | None]:
    """The scores at one place by number."""
    found = experiment.scores.filter(place=place).order_by("result__number")
    return list(found.values_list("score", flat=True))


@pytest.fixture(scope="session")
def _provider() -> Iterator[OpenAIServer]:
    with OpenAIServer().in_thread() as server:
        yield server


@pytest.fixture
def provider(_provider: OpenAIServer, settings: Settings) -> OpenAIServer:
    """A provider on the wire that this process and its workers use."""
    _provider._script.clear()
    _provider.requests.clear()
    _provider.default = Completion()
    settings.ENV_PROVIDERS = [_provider.as_env_provider()]
    return _provider


@pytest.fixture
def provider_of_workers(provider: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> OpenAIServer:
    """The same, for processes that a test starts."""
    monkeypatch.setitem(os.environ, "OPENAI_BASE_URL", provider.base_url)
    monkeypatch.setitem(os.environ, "OPENAI_API_KEY", "test-key")
    return provider
