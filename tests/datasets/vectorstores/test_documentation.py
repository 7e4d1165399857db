"""What docs/vector-stores.md says can be done as it is written there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.models import Team
from apps.datasets.models import VectorMove
from apps.datasets.services import migrating
from apps.datasets.services.datasets import create_dataset
from apps.datasets.vectorstores.registry import ADAPTERS, CLIENTS
from console.settings import env
from tests.datasets.making import put
from tests.model_runtime.openai_server import OpenAIServer

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "vector-stores.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_every_store_and_every_setting_is_on_the_page() -> None:
    assert all(f"| `{name}`" in PAGE for name in ADAPTERS)
    named = set(re.findall(r"^\| `((?:VECTOR|QDRANT|MILVUS|WEAVIATE)_[A-Z_]+)`", PAGE, re.MULTILINE))
    known = {name for name in vars(env) if re.match("(VECTOR|QDRANT|MILVUS|WEAVIATE)_", name)}
    assert named == known


def test_the_clients_are_pinned_as_the_error_message_says() -> None:
    pinned = (ROOT / "requirements.txt").read_text() + (ROOT / "requirements-vectorstores.txt").read_text()
    assert all(re.search(rf"^{re.escape(pin)}\b", pinned, re.MULTILINE) for pin in CLIENTS.values())


def test_the_filters_mean_what_the_page_says() -> None:
    (example,) = blocks("python")
    exec(example, {})


def test_the_moves_work_as_they_are_written(
    team: Team, reachable: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = create_dataset(team_id=team.id, name="Handbook")
    put(dataset, "bees.txt", "Bees gather nectar from clover.")
    monkeypatch.setattr(migrating, "KEEP_OLD", migrating.KEEP_OLD * 0)
    (examples,) = blocks("sh")
    with OpenAIServer(dim=8).in_thread() as server:
        settings.ENV_PROVIDERS = [server.as_env_provider(embedding_model="text-embedding-3-small@8")]
        for line in examples.strip().splitlines():
            _, _, *words = shlex.split(line)
            call_command(*words, team=team.slug)
            last = VectorMove.objects.latest("id")
            assert last.switched_at is not None
            assert last.switched_at <= timezone.now()
            assert migrating.drop_old(last.id)
    dataset.refresh_from_db()
    assert (dataset.vector_store, dataset.embedding_model) == ("pgvector", "hashing")
