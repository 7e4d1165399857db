"""Datasets that another program keeps, searched beside ours; and ours, searched by another program."""

import orjson
import pytest

from accounts.services import create_api_key
from apps.datasets.models import ExternalKnowledge
from apps.datasets.services.errors import ExternalKnowledgeFailed
from apps.datasets.services.external_datasets import change_external_dataset, create_external_dataset
from apps.datasets.services.metadata import add_field, set_values
from apps.datasets.services.retrieve import Search, search
from support.errors import InvalidInput
from tests.datasets.making import put
from tests.datasets.website import website

RECORDS = [
    {"content": "Queens of bees live for years.", "score": 0.4, "title": "queens.txt", "metadata": None},
    {
        "content": "Drones do not sting.",
        "score": 0.9,
        "title": "drones.txt",
        "metadata": {"url": "https://b.example/d"},
    },
    {"content": "", "score": 1.0, "title": "empty"},
]


@pytest.fixture
def other(settings):
    """The other program: answers every question with the records."""
    with website() as served:
        settings.EGRESS_ALLOW = f"127.0.0.1:{served.port}"
        served.put("/api/retrieval", orjson.dumps({"records": RECORDS}), type="application/json")
        yield served


@pytest.fixture
def kept_elsewhere(team, other):
    return create_external_dataset(
        team_id=team.id, name="Elsewhere", endpoint=other.url("/api/retrieval"), knowledge_id="K-1", secret="sesame"
    )


def ask(team, *datasets, query="queens of bees", **options):
    return search(Search(team_id=team.id, datasets=[each.slug for each in datasets], query=query, **options))


def test_an_external_dataset_is_asked_as_the_api_says_and_its_records_are_passages(team, other, kept_elsewhere):
    condition = {"logical": "and", "conditions": [{"name": "author", "op": "not_contains", "value": "Wasp"}]}
    found = ask(team, kept_elsewhere, top_k=4, min_score=0.3, filter=condition)
    assert [(hit.document_name, hit.score, hit.url, hit.position) for hit in found.passages] == [
        ("drones.txt", 0.9, "https://b.example/d", 1),
        ("queens.txt", 0.4, "", 2),
    ]
    assert all(hit.is_external and hit.dataset_name == "Elsewhere" for hit in found.passages)
    assert orjson.loads(other.bodies[0]) == {
        "knowledge_id": "K-1",
        "query": "queens of bees",
        "retrieval_setting": {"top_k": 4, "score_threshold": 0.3},
        "metadata_condition": {
            "logical_operator": "and",
            "conditions": [{"name": ["author"], "comparison_operator": "not contains", "value": "Wasp"}],
        },
    }
    assert other.asked[0][1]["authorization"] == "Bearer sesame"
    assert "sesame" not in ExternalKnowledge.objects.get().encrypted_secret


def test_records_below_the_threshold_go_even_if_the_other_side_sends_them(team, kept_elsewhere):
    assert [hit.document_name for hit in ask(team, kept_elsewhere, min_score=0.5).passages] == ["drones.txt"]


def test_own_and_external_passages_take_turns(team, dataset, kept_elsewhere):
    put(dataset, "own.txt", "The queens of our bees.")
    found = ask(team, dataset, kept_elsewhere, top_k=3)
    assert [hit.document_name for hit in found.passages] == ["own.txt", "drones.txt", "queens.txt"]
    assert [hit.is_external for hit in found.passages] == [False, True, True]
    assert found.passages[0].score == found.passages[1].score == 1.0


def test_one_that_is_down_is_told_in_a_note_and_the_rest_is_found(team, dataset, other, kept_elsewhere):
    put(dataset, "own.txt", "The queens of our bees.")
    other.pages["/api/retrieval"].status = 502
    found = ask(team, dataset, kept_elsewhere)
    assert [hit.document_name for hit in found.passages] == ["own.txt"]
    assert [(note.code, note.message) for note in found.notes] == [
        ("external_failed", "Elsewhere was not searched: It answers 502.")
    ]


@pytest.mark.parametrize(
    ("content", "status", "reason"),
    [
        (b'{"error_code": 2001, "error_msg": "unknown"}', 404, "no_such_knowledge"),
        (b'{"error_code": 1002, "error_msg": "no"}', 403, "bad_key"),
        (b"<html>", 200, "bad_answer"),
        (b"[]", 200, "bad_answer"),
        (b"x" * (9 << 20), 200, "too_large"),
        (b"", 302, "http_status"),
    ],
)
def test_alone_and_failing_it_fails_the_search_with_a_reason(team, other, kept_elsewhere, content, status, reason):
    other.put("/api/retrieval", content, status=status)
    with pytest.raises(ExternalKnowledgeFailed) as failed:
        ask(team, kept_elsewhere)
    assert failed.value.details["reason"] == reason
    assert "sesame" not in str(failed.value.as_dict())


def test_an_address_inside_is_refused(team, settings, kept_elsewhere):
    settings.EGRESS_ALLOW = ""
    with pytest.raises(ExternalKnowledgeFailed) as failed:
        ask(team, kept_elsewhere)
    assert failed.value.details["reason"] == "egress_refused"


def test_the_key_does_not_follow_the_address_to_another_host(kept_elsewhere):
    with pytest.raises(InvalidInput):
        change_external_dataset(kept_elsewhere, endpoint="https://thief.example/", knowledge_id="K-1", timeout=5)
    change_external_dataset(
        kept_elsewhere, endpoint="https://new.example/", knowledge_id="K-2", timeout=5, secret="other"
    )
    assert ExternalKnowledge.objects.get().read_secret() == "other"


def test_it_takes_no_documents(kept_elsewhere):
    with pytest.raises(InvalidInput):
        put(kept_elsewhere, "a.txt", "Bees.")


@pytest.fixture
def key(team):
    _key, secret = create_api_key(team_id=team.id, subject_kind="dataset", subject_id=team.id)
    return {"HTTP_AUTHORIZATION": f"Bearer {secret}"}


def post(client, body, **headers):
    return client.post("/v1/external/retrieval", orjson.dumps(body), content_type="application/json", **headers)


def test_another_program_searches_a_dataset_of_ours(client, dataset, key):
    old, new = put(dataset, "old.txt", "Queens live for years."), put(dataset, "new.txt", "Queens lay eggs for years.")
    year = str(add_field(dataset, name="year", kind="number").id)
    set_values(dataset, document_ids=[old.document.id], values={year: 1990})
    set_values(dataset, document_ids=[new.document.id], values={year: 2020})
    body = {"knowledge_id": dataset.slug, "query": "queens", "retrieval_setting": {"top_k": 5, "score_threshold": 0}}
    found = post(client, body, **key).json()["records"]
    assert {each["title"] for each in found} == {"old.txt", "new.txt"}
    assert all(0 <= each["score"] <= 1 and each["content"] for each in found)
    condition = {"name": ["year"], "comparison_operator": ">", "value": "2000"}
    body["knowledge_id"] = str(dataset.id)
    body["metadata_condition"] = {"logical_operator": "and", "conditions": [condition]}
    (record,) = post(client, body, **key).json()["records"]
    assert record["title"] == "new.txt"
    assert record["metadata"]["year"] == 2020
    assert record["metadata"]["document_id"] == str(new.document.id)


def test_its_errors_have_the_codes_that_the_api_names(client, dataset, key, kept_elsewhere):
    body = {"knowledge_id": "nothing", "query": "queens", "retrieval_setting": {}}
    for name in ("nothing", kept_elsewhere.slug):
        answer = post(client, body | {"knowledge_id": name}, **key)
        assert (answer.status_code, answer.json()["error_code"]) == (404, 2001)
    answer = post(client, body)
    assert (answer.status_code, answer.json()["error_code"]) == (401, 1001)
    answer = post(client, body, HTTP_AUTHORIZATION="Bearer dataset-nonsense")
    assert (answer.status_code, answer.json()["error_code"]) == (401, 1002)
    answer = post(client, body | {"knowledge_id": dataset.slug, "retrieval_setting": {"top_k": 0}}, **key)
    assert answer.status_code == 400
