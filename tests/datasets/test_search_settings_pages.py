"""How a dataset is searched is set on its pages: in the settings, and by keeping what the search test tried."""

import re

import orjson
import pytest
from django.urls import reverse

from accounts.models import Membership, Role, User
from apps.datasets.services.external_datasets import create_external_dataset
from apps.datasets.services.migrating import start_move
from apps.datasets.services.retrieve import retrieve
from apps.datasets.settings_of_dataset import read_settings
from apps.datasets.vectorstores.registry import close_stores, forget_open_stores
from tests.datasets.making import put
from tests.datasets.website import website


@pytest.fixture
def member(client, editor):
    client.force_login(editor)
    return client


@pytest.fixture
def filled(dataset):
    for name in ("queens", "drones", "swarms"):
        put(dataset, f"{name}.txt", f"The {name} of the hive.")
    return dataset


def at(name: str, dataset) -> str:
    return reverse(f"datasets:{name}", args=[dataset.slug])


def text(response) -> str:
    assert response.status_code == 200, response
    return response.content.decode()


def retrieval(dataset):
    dataset.refresh_from_db()
    return read_settings(dataset.settings).retrieval


CHOSEN = {"part": "search", "method": "full_text", "top_k": "2", "weight": "0.3", "fusion": "rrf", "min_score": "0.2"}


def test_the_settings_page_sets_how_apps_search(member, filled):
    page = text(member.get(at("settings", filled)))
    assert "How apps and programs search this dataset" in page
    assert member.post(at("settings", filled), CHOSEN).status_code == 302
    stored = retrieval(filled)
    assert (stored.method, stored.top_k, stored.lexical_weight) == ("full_text", 2, 0.3)
    assert (stored.fusion, stored.min_score) == ("rrf", 0.2)
    assert len(retrieve(team_id=filled.team_id, datasets=[filled.slug], query="hive")) == 2
    assert re.search(r'name="top_k" value="2"', text(member.get(at("settings", filled))))
    member.post(at("settings", filled), CHOSEN | {"weight": "", "min_score": ""})
    assert (retrieval(filled).lexical_weight, retrieval(filled).min_score) == (None, None)
    assert "less than or equal to 1" in text(member.post(at("settings", filled), CHOSEN | {"min_score": "7"}))
    assert filled.name == "Handbook"


def test_describing_a_dataset_leaves_its_search_alone(member, filled):
    member.post(at("settings", filled), CHOSEN)
    member.post(at("settings", filled), {"part": "about", "name": "Bees", "description": ""})
    assert retrieval(filled).top_k == 2
    assert filled.name == "Bees"


def test_what_the_search_test_tried_can_be_kept(member, filled):
    address = at("search", filled)
    assert "Keep these settings" not in text(member.get(address, {"q": "hive"}))
    assert "Keep these settings" in text(member.get(address, {"q": "hive", "top_k": 1}))
    kept = member.post(at("keep-search", filled), {"q": "hive", "top_k": "1", "weight": "0.9"})
    assert kept.url == f"{address}?q=hive"
    page = text(member.get(kept.url))
    assert "1 passage" in page
    assert 'placeholder="0.9"' in page
    assert (retrieval(filled).top_k, retrieval(filled).method) == (1, "hybrid")
    member.post(at("keep-search", filled), {"q": "hive", "side": "b", "top_k": "5", "b-top_k": "2"})
    assert (retrieval(filled).top_k, retrieval(filled).lexical_weight) == (2, 0.9)
    refused = member.post(at("keep-search", filled), {"q": "hive", "top_k": "many"}, follow=True)
    assert "cannot be kept" in text(refused)


def test_a_viewer_tries_settings_and_keeps_none(client, team, filled):
    viewer = User.objects.create_user(username="viewer", password="secret")
    Membership.objects.create(team=team, user=viewer, role=Role.VIEWER)
    client.force_login(viewer)
    assert "Keep these settings" not in text(client.get(at("search", filled), {"q": "hive", "top_k": 1}))
    assert client.post(at("keep-search", filled), {"q": "hive", "top_k": "1"}).status_code == 403


def test_an_external_dataset_is_tried_by_what_its_program_knows(member, team, settings):
    records = [{"content": "Queens.", "score": 7.0, "title": "a"}, {"content": "Drones.", "score": 3.5, "title": "b"}]
    with website() as served:
        settings.EGRESS_ALLOW = f"127.0.0.1:{served.port}"
        served.put("/api/retrieval", orjson.dumps({"records": records}), type="application/json")
        made = create_external_dataset(
            team_id=team.id, name="Elsewhere", endpoint=served.url("/api"), knowledge_id="K", secret=""
        )
        page = text(member.get(at("search", made), {"q": "queens"}))
    assert "Reranker" not in page
    assert "Weight of words" not in page
    assert '<progress max="7.0000" value="7.0000"' in page
    assert '<progress max="7.0000" value="3.5000"' in page
    page = text(member.get(at("settings", made)))
    assert "Put together by" not in page
    member.post(at("settings", made), {"part": "search", "top_k": "3", "min_score": "5"})
    assert (retrieval(made).top_k, retrieval(made).min_score) == (3, 5.0)
    assert "Vector store" not in page
    assert "what the other program keeps stays there" in page
    page = text(member.get(at("evaluations", made)))
    assert re.findall(r'name="variants" value="([^"]*)"', page) == ["as set"]
    assert "weight of words" not in page


def test_a_move_of_the_vectors_is_told_in_the_settings(member, filled, settings):
    settings.QDRANT_URL = ":memory:"
    forget_open_stores()
    start_move(filled, store="qdrant")
    page = text(member.get(at("settings", filled)))
    close_stores()
    assert "to qdrant" in page
    assert re.search(r'<progress max="3" value="\d"', page)
