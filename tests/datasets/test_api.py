"""The datasets of a team over the service API, as a program meets them."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.services import create_api_key
from apps.datasets.models import Chunk, Dataset, DatasetQuery, Document
from apps.datasets.services import indexing
from apps.datasets.services.datasets import create_dataset
from apps.datasets.services.metadata import add_field, set_values
from tests.datasets.making import put

TEXTS = {
    "queens.txt": "A queen lays up to two thousand eggs a day in early summer.",
    "swarms.txt": "A swarm leaves the hive with the old queen, usually in May.",
}


class Api:
    """Speaks JSON with one key."""

    def __init__(self, client, secret: str) -> None:
        self._client, self._headers = client, {"HTTP_AUTHORIZATION": f"Bearer {secret}"}

    def __call__(self, method: str, path: str, body: object = None, *, expect: int = 200):
        data = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
        answer = getattr(self._client, method)(f"/v1/datasets{path}", **data, **self._headers)
        assert answer.status_code == expect, answer.content
        return answer.json() if answer.content else None

    def form(self, path: str, **fields: object):
        answer = self._client.post(f"/v1/datasets{path}", fields, **self._headers)
        return answer.status_code, answer.json()


@pytest.fixture
def key(team):
    def make(subject=None, **options) -> str:
        subject_id = subject.id if subject else team.id
        return create_api_key(team_id=team.id, subject_kind="dataset", subject_id=subject_id, **options)[1]

    return make


@pytest.fixture
def api(client, key) -> Api:
    return Api(client, key())


@pytest.fixture
def filled(dataset):
    for name, text in TEXTS.items():
        put(dataset, name, text)
    return dataset


def run_indexing(document_id: str) -> None:
    indexing.index_now(Document.objects.get(id=document_id).runs.get(finished_at=None).id)


def test_a_dataset_is_made_listed_changed_and_deleted(api, team):
    made = api("post", "", {"name": "Handbook", "description": "All of it"})
    assert (made["name"], made["document_count"], made["embedding_model"]) == ("Handbook", 0, "hashing")
    assert made["retrieval_model_dict"]["search_method"] == "hybrid_search"
    listed = api("get", "?page=1&limit=20&keyword=hand")
    assert [each["id"] for each in listed["data"]] == [made["id"]]
    assert (listed["total"], listed["has_more"]) == (1, False)
    assert api("get", "?keyword=nothing")["data"] == []
    model = {
        "search_method": "semantic_search",
        "reranking_enable": True,
        "reranking_mode": "reranking_model",
        "reranking_model": {"reranking_provider_name": "langgenius/jina/jina", "reranking_model_name": "reranker"},
        "top_k": 3,
        "score_threshold_enabled": True,
        "score_threshold": 0.4,
    }
    changed = api("patch", f"/{made['id']}", {"name": "Handbook 2", "retrieval_model": model})
    assert changed["name"] == "Handbook 2"
    assert changed["description"] == "All of it"
    assert changed["retrieval_model_dict"]["score_threshold"] == 0.4
    assert changed["retrieval_model_dict"]["reranking_model"] == {
        "reranking_provider_name": "jina",
        "reranking_model_name": "reranker",
    }
    assert api("delete", f"/{made['id']}", expect=204) is None
    assert api("get", f"/{made['id']}", expect=404)["code"] == "dataset_not_found"


def test_a_text_and_a_file_become_documents_that_can_be_followed(api, dataset):
    made = api("post", f"/{dataset.id}/document/create-by-text", {"name": "queens", "text": TEXTS["queens.txt"]})
    document, batch = made["document"], made["batch"]
    assert (document["name"], document["indexing_status"], document["display_status"]) == (
        "queens.txt",
        "waiting",
        "queuing",
    )
    run_indexing(document["id"])
    (state,) = api("get", f"/{dataset.id}/documents/{batch}/indexing-status")["data"]
    assert (state["indexing_status"], state["completed_segments"], state["total_segments"]) == ("completed", 1, 1)
    file = SimpleUploadedFile("swarms.md", b"# Swarms\n\nA swarm leaves in May.")
    status, made = api.form(f"/{dataset.id}/document/create-by-file", file=file, data='{"name": "Swarms.md"}')
    assert (status, made["document"]["name"]) == (200, "Swarms.md")
    run_indexing(made["document"]["id"])
    listed = api("get", f"/{dataset.id}/documents?status=available")
    assert {each["name"] for each in listed["data"]} == {"queens.txt", "Swarms.md"}
    assert api.form(f"/{dataset.id}/document/create-by-file")[1]["code"] == "no_file_uploaded"
    changed = api(
        "post",
        f"/{dataset.id}/documents/{document['id']}/update-by-text",
        {"name": "drones", "text": "Drones do not work."},
    )
    assert (changed["document"]["id"], changed["document"]["name"]) == (document["id"], "drones.txt")
    run_indexing(document["id"])
    assert Chunk.objects.get(document_id=document["id"], version=2).text == "Drones do not work."
    api("delete", f"/{dataset.id}/documents/{document['id']}", expect=204)
    assert api("get", f"/{dataset.id}/documents/{document['id']}", expect=404)["code"] == "document_not_found"


def test_a_document_is_switched_off_and_on(api, filled):
    document = filled.documents.get(name="queens.txt")
    api("patch", f"/{filled.id}/documents/status/disable", {"document_ids": [str(document.id)]})
    assert api("get", f"/{filled.id}/documents/{document.id}")["display_status"] == "disabled"
    api("patch", f"/{filled.id}/documents/status/enable", {"document_ids": [str(document.id)]})
    assert api("get", f"/{filled.id}/documents/{document.id}?metadata=without")["display_status"] == "available"
    refused = api("patch", f"/{filled.id}/documents/status/archive", {"document_ids": [str(document.id)]}, expect=400)
    assert refused["code"] == "invalid_action"


def test_segments_are_listed_added_changed_and_deleted(api, filled):
    document = filled.documents.get(name="queens.txt")
    path = f"/{filled.id}/documents/{document.id}/segments"
    (segment,) = api("get", path)["data"]
    assert (segment["content"], segment["status"], segment["position"]) == (TEXTS["queens.txt"], "completed", 1)
    (added,) = api("post", path, {"segments": [{"content": "Queens live for years."}]})["data"]
    assert api("get", f"{path}?keyword=years")["total"] == 1
    changed = api("post", f"{path}/{added['id']}", {"segment": {"content": "Queens live long.", "enabled": False}})
    assert (changed["data"]["content"], changed["data"]["enabled"]) == ("Queens live long.", False)
    api("delete", f"{path}/{added['id']}", expect=204)
    assert api("get", f"{path}/{added['id']}", expect=404)["code"] == "passage_not_found"
    assert api("post", path, {"segments": []}, expect=400)["code"] == "invalid_param"


def test_a_question_gets_records_with_every_score_and_is_logged(api, filled):
    answer = api("post", f"/{filled.id}/retrieve", {"query": "How many eggs does a queen lay?"})
    assert answer["query"] == {"content": "How many eggs does a queen lay?"}
    record = answer["records"][0]
    assert record["segment"]["content"] == TEXTS["queens.txt"]
    assert record["segment"]["document"]["name"] == "queens.txt"
    assert record["score"] == 1.0
    assert record["scores"].keys() == {"lexical", "vector", "fused"}
    model = {
        "search_method": "full_text_search",
        "reranking_enable": False,
        "top_k": 1,
        "score_threshold_enabled": False,
    }
    one = api("post", f"/{filled.id}/hit-testing", {"query": "queen", "retrieval_model": model})
    assert len(one["records"]) == 1
    assert one["records"][0]["scores"].keys() == {"lexical", "fused"}
    logged = DatasetQuery.objects.order_by("id").values_list("source", "query", "method", "passages")
    assert list(logged) == [("api", "How many eggs does a queen lay?", "hybrid", 2), ("api", "queen", "full_text", 1)]
    wrong = {"search_method": "magic", "reranking_enable": False, "top_k": 1}
    refused = api("post", f"/{filled.id}/retrieve", {"query": "x", "retrieval_model": wrong}, expect=400)
    assert refused["code"] == "invalid_param"
    assert api("post", f"/{filled.id}/retrieve", {"query": " "}, expect=400)["code"] == "invalid_param"


def test_metadata_is_written_and_filters_by_it(api, filled):
    author = api("post", f"/{filled.id}/metadata", {"type": "string", "name": "author"}, expect=201)
    assert api("post", f"/{filled.id}/metadata", {"type": "string", "name": "author"}, expect=409)["code"] == (
        "metadata_field_exists"
    )
    document = filled.documents.get(name="swarms.txt")
    operation = {
        "document_id": str(document.id),
        "metadata_list": [
            {"id": author["id"], "name": "author", "value": "Ann"},
            {"id": "built-in", "name": "source", "value": "x"},
        ],
    }
    api("post", f"/{filled.id}/documents/metadata", {"operation_data": [operation]})
    listed = api("get", f"/{filled.id}/metadata")
    assert listed["doc_metadata"] == [{"id": author["id"], "name": "author", "type": "string", "count": 1}]
    only = api("get", f"/{filled.id}/documents/{document.id}?metadata=only")["doc_metadata"]
    assert {"id": author["id"], "name": "author", "type": "string", "value": "Ann"} in only
    assert "document_name" in {each["name"] for each in only}
    condition = {"name": "author", "comparison_operator": "start with", "value": "A"}
    model = {
        "search_method": "hybrid_search",
        "reranking_enable": False,
        "top_k": 5,
        "score_threshold_enabled": False,
        "metadata_filtering_conditions": {"logical_operator": "and", "conditions": [condition]},
    }
    found = api("post", f"/{filled.id}/retrieve", {"query": "queen", "retrieval_model": model})["records"]
    assert [each["segment"]["document"]["name"] for each in found] == ["swarms.txt"]
    assert found[0]["segment"]["document"]["doc_metadata"] == {"author": "Ann"}
    assert api("patch", f"/{filled.id}/metadata/{author['id']}", {"name": "writer"})["name"] == "writer"
    refused = api("post", f"/{filled.id}/retrieve", {"query": "queen", "retrieval_model": model}, expect=400)
    assert "writer" in refused["message"]
    api("delete", f"/{filled.id}/metadata/{author['id']}", expect=204)
    assert len(api("get", f"/{filled.id}/metadata/built-in")["fields"]) == 5
    assert api("post", f"/{filled.id}/metadata/built-in/enable") == {"result": "success"}


def test_values_of_many_documents_are_written_all_or_none(api, filled):
    year = add_field(filled, name="year", kind="number")
    ids = [str(each) for each in filled.documents.values_list("id", flat=True)]
    set_values(filled, document_ids=ids, values={year.id: 2020})
    good = {"document_id": ids[0], "metadata_list": [{"id": str(year.id), "value": 2024}]}
    bad = {"document_id": ids[1], "metadata_list": [{"id": str(year.id), "value": "soon"}]}
    api("post", f"/{filled.id}/documents/metadata", {"operation_data": [good, bad]}, expect=400)
    assert {row.attributes[str(year.id)] for row in Document.objects.all()} == {2020}
    partial = {"document_id": ids[0], "metadata_list": [], "partial_update": True}
    api("post", f"/{filled.id}/documents/metadata", {"operation_data": [partial]})
    assert Document.objects.get(id=ids[0]).attributes
    api("post", f"/{filled.id}/documents/metadata", {"operation_data": [{**partial, "partial_update": False}]})
    assert not Document.objects.get(id=ids[0]).attributes


def test_a_key_opens_its_dataset_and_no_other(client, key, filled, other_team):
    theirs = create_dataset(team_id=other_team.id, name="Theirs")
    second = create_dataset(team_id=filled.team_id, name="Second")
    one = Api(client, key(filled))
    assert [each["id"] for each in one("get", "")["data"]] == [str(filled.id)]
    assert one("post", "", {"name": "New"}, expect=403)["code"] == "forbidden"
    for foreign in (theirs, second):
        assert one("get", f"/{foreign.id}", expect=404)["code"] == "dataset_not_found"
        assert one("post", f"/{foreign.id}/retrieve", {"query": "x"}, expect=404)
    everything = Api(client, key())
    assert everything("get", f"/{second.id}")["name"] == "Second"
    everything("get", f"/{theirs.id}", expect=404)
    document = filled.documents.first()
    everything("get", f"/{second.id}/documents/{document.id}", expect=404)
    assert Dataset.objects.live().count() == 3


def test_a_key_that_may_read_searches_but_changes_nothing(client, key, filled):
    reader = Api(client, key(filled, scopes=["datasets:read"]))
    assert reader("post", f"/{filled.id}/retrieve", {"query": "queen"})["records"]
    assert reader("get", f"/{filled.id}/documents")["total"] == 2
    assert reader("delete", f"/{filled.id}", expect=403)["code"] == "forbidden"
    assert reader("post", f"/{filled.id}/metadata", {"type": "string", "name": "x"}, expect=403)
    assert Api(client, "dataset-nonsense")("get", "", expect=401)["code"] == "unauthorized"
    app_key = create_api_key(team_id=filled.team_id, subject_kind="app", subject_id=filled.id)[1]
    assert Api(client, app_key)("get", "", expect=401)["code"] == "unauthorized"
    assert client.get("/v1/datasets").status_code == 401
