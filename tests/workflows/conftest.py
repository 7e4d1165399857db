"""A team, its apps and their keys, as the workflows tests need them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from accounts.models import Membership, Role, Team, User
from accounts.services import create_api_key
from apps.workflows import services
from apps.workflows.dsl import load
from apps.workflows.models import Application

CHAT = """
skep: 1
app: {name: Echo, kind: chat}
inputs:
  - {name: tone, label: Tone, type: select, options: [plain, formal], default: plain}
nodes:
  - {id: start, type: start}
  - id: reply
    type: llm
    config: {model: {name: demo}, prompt: [{role: user, text: "{{ sys.query }}"}]}
  - {id: say, type: answer, config: {text: "You said: {{ reply.text }}"}}
edges: [{from: start, to: reply}, {from: reply, to: say}]
"""
WORKFLOW = """
skep: 1
app: {name: Shout, kind: workflow}
inputs:
  - {name: word, label: Word, type: text, required: true}
  - {name: loud, label: Loud, type: boolean, default: false}
nodes:
  - {id: start, type: start}
  - id: which
    type: if-else
    config: {cases: [{id: loudly, conditions: [{left: inputs.loud, op: is, right: true}]}]}
  - {id: quiet, type: variable-aggregator, config: {variables: [inputs.word]}}
  - {id: noisy, type: variable-aggregator, config: {variables: [inputs.word]}}
  - {id: either, type: variable-aggregator, config: {variables: [noisy.output, quiet.output]}}
  - {id: end, type: end, config: {outputs: {word: either.output}}}
edges:
  - {from: start, to: which}
  - {from: which, to: noisy, when: loudly}
  - {from: which, to: quiet, when: else}
  - {from: noisy, to: either}
  - {from: quiet, to: either}
  - {from: either, to: end}
"""


@pytest.fixture
def team(transactional_db: None) -> Team:
    return Team.objects.create(slug="bees", name="Bees")


@pytest.fixture
def member(team: Team) -> User:
    user = User.objects.create_user(username="ada", password="secret-ada", is_staff=True)
    Membership.objects.create(team=team, user=user, role=Role.ADMIN)
    return user


@pytest.fixture
def make_app(team: Team) -> Callable[..., Application]:
    """A published app of the team from a document (a text, or a mapping); one of its name gets its next version."""

    def make(document: str | dict[str, Any] = CHAT) -> Application:
        text = document if isinstance(document, str) else yaml.safe_dump(document)
        named = load(text)["app"]["name"]
        there = Application.objects.filter(team=team, name=named).first()
        application, saved = services.import_document(text=text, team_id=team.id, into=there)
        if there is not None:
            services.publish_version(application=application, version=saved.version)
        return application

    return make


@pytest.fixture
def key_of(team: Team) -> Callable[..., dict[str, str]]:
    """The header that opens an app."""

    def headers(application: Application, **options: Any) -> dict[str, str]:
        _key, secret = create_api_key(
            team_id=application.team_id, subject_kind="app", subject_id=application.id, **options
        )
        return {"Authorization": f"Bearer {secret}"}

    return headers
