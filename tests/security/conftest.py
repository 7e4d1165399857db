"""Two teams with everything a tenant owns, and people of every kind who are not supposed to meet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from accounts.models import Membership, Role, Team, User
from accounts.services import create_api_key
from apps.datasets.models import Dataset
from apps.datasets.services.datasets import create_dataset
from apps.workflows import services
from apps.workflows.models import Application
from providers.models import ProviderCredential

SECRET_PROMPT = "the hive code is 4711"
CHAT = """
skep: 1
app: {name: "%(name)s", kind: chat}
nodes:
  - {id: start, type: start}
  - id: think
    type: llm
    config: {model: {name: demo}, prompt: [{role: system, text: "the hive code is 4711"},
             {role: user, text: "{{ sys.query }}"}]}
  - {id: say, type: answer, config: {text: "You said: {{ think.text }}"}}
edges: [{from: start, to: think}, {from: think, to: say}]
"""


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """A team and one of each of its things."""

    team: Team
    app: Application
    dataset: Dataset
    provider: ProviderCredential

    def key(self, **options: Any) -> str:
        """The secret of a new key of the app."""
        _key, secret = create_api_key(team_id=self.team.id, subject_kind="app", subject_id=self.app.id, **options)
        return secret


def make_tenant(slug: str) -> Tenant:
    """A team whose things all carry its name."""
    team = Team.objects.create(slug=slug, name=slug.title())
    app, _saved = services.import_document(text=CHAT % {"name": f"{slug.title()} app"}, team_id=team.id)
    provider = ProviderCredential(team=team, name=f"{slug}-models", base_url="https://models.example/v1")
    provider.set_secret(f"sk-{slug}-do-not-show")
    provider.save()
    dataset = create_dataset(team_id=team.id, name=f"{slug}-papers", embedding_model="hashing")
    return Tenant(team=team, app=app, dataset=dataset, provider=provider)


@pytest.fixture
def bees(transactional_db: None) -> Tenant:
    return make_tenant("bees")


@pytest.fixture
def wasps(transactional_db: None) -> Tenant:
    return make_tenant("wasps")


@pytest.fixture
def person() -> Callable[..., User]:
    """`person(bees=Role.OWNER, ...)`: somebody with these roles."""

    def make(*, staff: bool = True, **roles: Any) -> User:
        user = User.objects.create_user(username="-".join(roles) or "nobody", password="secret", is_staff=staff)
        for slug, role in roles.items():
            Membership.objects.create(team=Team.objects.get(slug=slug), user=user, role=Role(role))
        return user

    return make


@pytest.fixture
def signed_in(person: Callable[..., User]) -> Callable[..., Client]:
    """A browser in which such a person has signed in."""

    def make(**roles: Any) -> Client:
        client = Client()
        client.force_login(person(**roles))
        return client

    return make
