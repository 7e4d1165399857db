"""How documents are cut, segments with child chunks, and how often they were handed out, over the service API."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.services import create_api_key
from apps.datasets.models import Chunk, Document
from apps.datasets.services.datasets import change_settings
from apps.datasets.services.queries import log_query
from apps.datasets.services.retrieve import Search, search
from tests.datasets.making import put
from tests.datasets.test_api import Api, run_indexing

TEXT = "\n\n".join(f"Paragraph {n} speaks about hive number {n}, its queen and its honey." for n in range(20))
GUIDE = "# Queens\n\nQueens live for years. They lay eggs.\n\n# Drones\n\nDrones do not sting. They die in autumn."
CUSTOM = {
    "mode": "custom",
    "rules": {
        "pre_processing_rules": [
            {"id": "remove_extra_spaces", "enabled": False},
            {"id": "remove_urls_emails", "enabled": True},
            {"id": "remove_stopwords", "enabled": True},
        ],
        "segmentation": {"separator": "\n\n", "max_tokens": 40, "chunk_overlap": 0},
    },
}


@pytest.fixture
def api(client, team) -> Api:
    return Api(client, create_api_key(team_id=team.id, subject_kind="dataset", subject_id=team.id)[1])


@pytest.fixture
def sections(dataset):
    """A document in sections with a child for each sentence or so."""
    change_settings(dataset, {"chunking": {"mode": "parent_child", "size": 40}})
    return put(dataset, "guide.md", GUIDE).document


def test_a_process_rule_is_for_its_document_only(api, dataset):
    plain = api("post", f"/{dataset.id}/document/create-by-text", {"name": "plain", "text": TEXT})["document"]
    cut = api(
        "post",
        f"/{dataset.id}/document/create-by-text",
        {"name": "cut", "text": TEXT + " ", "doc_form": "text_model", "process_rule": CUSTOM},
    )["document"]
    for each in (plain, cut):
        run_indexing(each["id"])
    counts = {each["name"]: each["segment_count"] for each in api("get", f"/{dataset.id}/documents")["data"]}
    assert counts["cut.txt"] == 20 > counts["plain.txt"]
    rules = api("get", f"/{dataset.id}/documents/{cut['id']}")
    assert rules["dataset_process_rule"]["unit"] == "characters"
    read = rules["document_process_rule"]
    assert read["rules"]["segmentation"] == {"separator": "\n\n", "max_tokens": 40, "chunk_overlap": 0}
    assert {"id": "remove_urls_emails", "enabled": True} in read["rules"]["pre_processing_rules"]
    dataset.refresh_from_db()
    assert dataset.settings == {}


def test_a_file_with_a_hierarchical_rule_gets_parents_and_children(api, dataset):
    rule = {
        "mode": "hierarchical",
        "rules": {
            "parent_mode": "full-doc",
            "segmentation": {"separator": "\n\n", "max_tokens": 1000},
            "subchunk_segmentation": {"separator": "", "max_tokens": 40},
        },
    }
    data = json.dumps({"doc_form": "hierarchical_model", "process_rule": rule})
    file = SimpleUploadedFile("guide.md", GUIDE.encode())
    status, made = api.form(f"/{dataset.id}/document/create-by-file", file=file, data=data)
    assert (status, made["document"]["doc_form"]) == (200, "hierarchical_model")
    run_indexing(made["document"]["id"])
    answer = api("get", f"/{dataset.id}/documents/{made['document']['id']}/segments")
    assert (answer["total"], answer["doc_form"]) == (1, "hierarchical_model")
    assert len(answer["data"][0]["child_chunks"]) == Chunk.objects.count() > 1


def test_the_same_text_with_another_rule_is_cut_anew(api, dataset):
    document = put(dataset, "a.txt", TEXT).document
    path = f"/{dataset.id}/documents/{document.id}/update-by-text"
    api("post", path, {"text": TEXT, "process_rule": CUSTOM})
    run_indexing(document.id)
    document.refresh_from_db()
    assert document.chunk_count == 20
    api("post", path, {"text": TEXT, "process_rule": CUSTOM})
    assert not Document.objects.get().is_indexing
    again = {"name": "b", "text": TEXT, "process_rule": {**CUSTOM, "mode": "hierarchical"}}
    made = api("post", f"/{dataset.id}/document/create-by-text", again)["document"]
    assert (made["id"], made["doc_form"]) == (str(document.id), "hierarchical_model")
    assert Document.objects.get().is_indexing


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"doc_form": "poem"}, "/doc_form"),
        ({"process_rule": []}, "/process_rule"),
        ({"process_rule": {"mode": "magic"}}, "/process_rule/mode"),
        ({"process_rule": {"mode": "custom", "rules": {"segmentation": {"max_tokens": "x"}}}}, "max_tokens"),
        ({"process_rule": {"mode": "hierarchical", "rules": {"parent_mode": "page"}}}, "parent_mode"),
        ({"process_rule": {"mode": "custom", "rules": {"pre_processing_rules": 3}}}, "pre_processing_rules"),
    ],
)
def test_a_rule_that_cannot_be_read_is_refused_with_its_path(api, dataset, wrong, path):
    body = {"name": "a", "text": "Bees.", **wrong}
    refused = api("post", f"/{dataset.id}/document/create-by-text", body, expect=400)
    assert refused["code"] == "invalid_param"
    assert path in json.dumps(refused)
    assert not Document.objects.exists()


def test_sections_are_segments_and_their_children_are_changed_one_by_one(api, dataset, sections):
    path = f"/{dataset.id}/documents/{sections.id}/segments"
    listed = api("get", path)
    assert (listed["total"], listed["has_more"]) == (2, False)
    queens, drones = listed["data"]
    assert "They lay eggs." in queens["content"]
    assert [each["segment_id"] for each in queens["child_chunks"]] == [queens["id"]] * 2
    children = f"{path}/{queens['id']}/child_chunks"
    first, second = api("get", children)["data"]
    assert api("get", f"{children}?limit=1")["total_pages"] == 2
    assert api("get", f"{children}?keyword=eggs")["total"] == 1
    added = api("post", children, {"content": "A queen has a long body."})["data"]
    assert (added["segment_id"], added["type"]) == (queens["id"], "customized")
    changed = api("patch", f"{children}/{first['id']}", {"content": "Queens live long."})["data"]
    assert (changed["id"], changed["content"], changed["type"]) == (first["id"], "Queens live long.", "customized")
    api("delete", f"{children}/{second['id']}", expect=204)
    assert {each["content"] for each in api("get", children)["data"]} == {
        "Queens live long.",
        "A queen has a long body.",
    }
    assert api("patch", f"{children}/{second['id']}", {"content": "x"}, expect=404)["code"] == "passage_not_found"
    elsewhere = f"{path}/{drones['id']}/child_chunks/{first['id']}"
    assert api("delete", elsewhere, expect=404)["code"] == "passage_not_found"
    assert api("post", children, {"content": " "}, expect=400)["code"] == "invalid_param"


def test_a_section_is_switched_off_and_deleted_with_its_children(api, dataset, sections):
    path = f"/{dataset.id}/documents/{sections.id}/segments"
    queens, drones = api("get", path)["data"]
    off = api("post", f"{path}/{queens['id']}", {"segment": {"enabled": False}})["data"]
    assert off["enabled"] is False
    found = api("post", f"/{dataset.id}/retrieve", {"query": "queens eggs drones"})["records"]
    assert [each["segment"]["id"] for each in found] == [drones["id"]]
    refused = api("post", f"{path}/{drones['id']}", {"segment": {"content": "Wasps."}}, expect=400)
    assert "child chunks" in refused["message"]
    api("delete", f"{path}/{queens['id']}", expect=204)
    assert [each["id"] for each in api("get", path)["data"]] == [drones["id"]]


def test_a_passage_without_parent_has_no_children_and_one_added_to_sections_is_a_segment(api, dataset, sections):
    path = f"/{dataset.id}/documents/{sections.id}/segments"
    (added,) = api("post", path, {"segments": [{"content": "Propolis is glue."}]})["data"]
    listed = api("get", f"{path}?limit=2&page=2")
    assert [each["id"] for each in listed["data"]] == [added["id"]]
    assert api("get", f"{path}/{added['id']}/child_chunks", expect=404)["code"] == "passage_not_found"


def test_how_often_something_was_handed_out_is_told(api, dataset):
    document = put(dataset, "a.txt", "Queens live for years.").document
    put(dataset, "b.txt", "Smokers calm.")
    for _ in range(2):
        api("post", f"/{dataset.id}/retrieve", {"query": "queens", "retrieval_model": {"top_k": 1}})
    found = search(Search(team_id=dataset.team_id, datasets=[dataset.slug], query="queens", top_k=1))
    log_query(found, query="queens", team_id=dataset.team_id, source="app")
    (segment,) = api("get", f"/{dataset.id}/documents/{document.id}/segments")["data"]
    assert segment["hit_count"] == 3
    counts = {each["name"]: each["hit_count"] for each in api("get", f"/{dataset.id}/documents")["data"]}
    assert counts == {"a.txt": 3, "b.txt": 0}
    assert api("get", f"/{dataset.id}/documents/{document.id}")["hit_count"] == 3
