"""Passages that another program keeps, from the retrieval port to the citation under an answer."""

import asyncio

import orjson
import pytest

from accounts.models import Team
from apps.datasets.services.external_datasets import create_external_dataset
from apps.workflows.adapters.retrieval import TeamDatasets
from apps.workflows.engine.errors import NodeFailure
from apps.workflows.engine.ports import RetrievalRequest
from apps.workflows.engine.summary import retriever_resources
from apps.workflows.nodes.knowledge_retrieval import _as_json
from tests.datasets.website import website

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(settings):
    with website() as served:
        settings.EGRESS_ALLOW = f"127.0.0.1:{served.port}"
        yield served


@pytest.fixture
def port(site) -> TeamDatasets:
    team = Team.objects.create(slug="bees", name="Bees")
    create_external_dataset(team_id=team.id, name="Elsewhere", endpoint=site.url("/"), knowledge_id="K")
    return TeamDatasets(team.id)


def ask(port: TeamDatasets):
    return asyncio.run(port.retrieve(RetrievalRequest(query="do drones sting", datasets=["elsewhere"])))


def test_a_citation_of_external_knowledge_shows_its_title_and_leads_to_its_source(site, port):
    record = {"content": "Drones do not.", "score": 0.9, "title": "Drones", "metadata": {"url": "https://b.example/d"}}
    site.put("/retrieval", orjson.dumps({"records": [record]}), type="application/json")
    (passage,) = ask(port).passages
    (cited,) = retriever_resources([_as_json(passage)])
    assert (cited["document_name"], cited["dataset_name"], cited["content"]) == (
        "Drones",
        "Elsewhere",
        "Drones do not.",
    )
    assert (cited["data_source_type"], cited["url"], cited["score"]) == ("external", "https://b.example/d", 0.9)


def test_a_link_that_is_none_is_not_passed_on(site, port):
    record = {"content": "Drones do not.", "score": 0.9, "title": "Drones", "metadata": {"url": "javascript:alert(1)"}}
    site.put("/retrieval", orjson.dumps({"records": [record]}), type="application/json")
    (passage,) = ask(port).passages
    assert passage.url == ""


def test_a_program_that_is_down_fails_the_node_in_a_way_that_may_be_tried_again(site, port):
    site.put("/retrieval", b"", status=500)
    with pytest.raises(NodeFailure) as failed:
        ask(port)
    assert (failed.value.code, failed.value.retryable) == ("external_knowledge_failed", True)
