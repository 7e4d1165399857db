"""Searches beside an event loop: what they wait for holds neither a thread nor a connection."""

import asyncio
import threading

import orjson
import pytest

from accounts.services import ensure_team
from apps.datasets.services.datasets import create_dataset
from apps.datasets.services.external_datasets import create_external_dataset
from apps.datasets.services.retrieve import Search, asearch
from apps.datasets.services.waiting import run_beside_loop, run_here
from apps.datasets.settings_of_dataset import RerankSettings
from support.database import in_thread
from tests.datasets.making import put
from tests.datasets.website import website
from tests.model_runtime.openai_server import OpenAIServer

MORE_THAN_THREADS = 12
RECORDS = {"records": [{"content": "Queens live for years.", "score": 0.4, "title": "queens.txt"}]}


@pytest.fixture
def gate():
    opened = threading.Event()
    yield opened
    opened.set()


@pytest.fixture
def slow_site(settings, gate):
    """Another program, which answers when the gate opens."""
    with website() as served:
        settings.EGRESS_ALLOW = f"127.0.0.1:{served.port}"
        served.put("/api/retrieval", orjson.dumps(RECORDS), type="application/json")
        served.pages["/api/retrieval"].first = lambda: gate.wait(60)
        yield served


async def until(condition):
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.mark.django_db(transaction=True)
async def test_many_searches_that_wait_for_another_program_leave_every_thread_free(slow_site, gate):
    def prepare():
        team = ensure_team(slug="bees", name="Bees")
        endpoint = slow_site.url("/api/retrieval")
        return create_external_dataset(
            team_id=team.id, name="Elsewhere", endpoint=endpoint, knowledge_id="K", secret="s", timeout=60
        )

    made = await in_thread(prepare)
    asked = Search(team_id=made.team_id, datasets=[made.slug], query="queens")
    searches = [asyncio.create_task(asearch(asked)) for _ in range(MORE_THAN_THREADS)]
    await until(lambda: len(slow_site.asked) == MORE_THAN_THREADS)
    async with asyncio.timeout(30):
        assert await in_thread(lambda: "a thread is free") == "a thread is free"
    assert not any(search.done() for search in searches)
    gate.set()
    found = await asyncio.gather(*searches)
    assert [[hit.document_name for hit in each.passages] for each in found] == [["queens.txt"]] * MORE_THAN_THREADS


@pytest.mark.django_db(transaction=True)
async def test_a_reranker_that_is_late_is_told_of_beside_an_event_loop_too(settings):
    def prepare():
        made = create_dataset(team_id=ensure_team(slug="bees", name="Bees").id, name="Handbook")
        put(made, "queens.txt", "A queen lays up to two thousand eggs a day.")
        return made

    with OpenAIServer().in_thread() as server:  # nothing is scripted: it refuses to rerank
        settings.ENV_PROVIDERS = [server.as_env_provider(rerank_model="reranker")]
        settings.MODEL_MAP = {}
        made = await in_thread(prepare)
        model = RerankSettings(model="openai/reranker", timeout=5.0, candidates=10)
        found = await asearch(Search(team_id=made.team_id, datasets=[made.slug], query="queen", rerank=model))
    assert [hit.document_name for hit in found.passages] == ["queens.txt"]
    assert [note.code for note in found.notes] == ["rerank_failed"]


def steps():
    async def fail():
        raise LookupError("nothing there")

    async def double(number):
        return 2 * number

    first = yield lambda: double(21)
    try:
        yield fail
    except LookupError as exc:
        return first, str(exc)


def test_steps_get_what_they_wait_for_and_its_errors_on_a_thread():
    assert run_here(steps()) == (42, "nothing there")


async def test_and_the_same_beside_an_event_loop():
    assert await run_beside_loop(steps()) == (42, "nothing there")
