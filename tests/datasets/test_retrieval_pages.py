"""The pages around retrieval: search test, questions, quality and metadata, as members meet them."""

import json
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from accounts.models import ApiKey, Membership, Role, User
from apps.datasets.models import Dataset, DatasetQuery, Document, Evaluation, MetadataField
from apps.datasets.services.datasets import create_dataset
from apps.datasets.services.evaluate_jobs import work_on
from apps.datasets.services.queries import forget_old_queries
from apps.datasets.text.highlight import highlighted
from tests.datasets.making import put

TEXTS = {
    "queens.txt": "A queen lays up to two thousand eggs a day in early summer.",
    "swarms.txt": "A swarm leaves the hive with the old queen, usually in May.",
    "蜂王.txt": "蜂王每天最多产卵两千粒，尤其是在初夏。",
}


@pytest.fixture
def member(client, editor):
    client.force_login(editor)
    return client


@pytest.fixture
def viewer(client, team):
    user = User.objects.create_user(username="viewer", password="secret")
    Membership.objects.create(team=team, user=user, role=Role.VIEWER)
    client.force_login(user)
    return client


@pytest.fixture
def filled(dataset):
    for name, text in TEXTS.items():
        put(dataset, name, text)
    return dataset


def at(name: str, dataset, *more: object) -> str:
    return reverse(f"datasets:{name}", args=[dataset.slug, *more])


def text(response) -> str:
    assert response.status_code == 200, response
    return response.content.decode()


def test_what_was_searched_for_is_marked_as_it_stands():
    assert highlighted("Queens lay eggs.", {"queen", "egg"}) == [
        ("Queens", True),
        (" lay ", False),
        ("eggs", True),
        (".", False),
    ]
    assert highlighted("蜂王每天产卵。", {"每天", "天产"}) == [("蜂王", False), ("每天产", True), ("卵。", False)]
    assert highlighted("nothing", set()) == [("nothing", False)]
    assert highlighted("", {"x"}) == []


def test_a_search_shows_marked_passages_with_every_score(member, filled):
    page = text(member.get(at("search", filled), {"q": "How many eggs does a queen lay?"}))
    assert "<mark>eggs</mark>" in page
    assert "queens.txt" in page
    assert page.count("hit-scores") >= 2
    assert "<script>alert" not in text(member.get(at("search", filled), {"q": "<script>alert(1)</script> queen"}))


def test_two_settings_are_tried_beside_each_other(member, filled):
    asked = {"q": "queen", "compare": "1", "method": "full_text", "b-method": "semantic", "b-top_k": "1"}
    page = text(member.get(at("search", filled), asked))
    assert "Settings A" in page
    assert "Settings B" in page
    assert list(DatasetQuery.objects.order_by("id").values_list("method", "passages")) == [
        ("full_text", 2),
        ("semantic", 1),
    ]
    wrong = text(member.get(at("search", filled), {"q": "queen", "weight": "7"}))
    assert "Weight of words" in wrong
    assert DatasetQuery.objects.count() == 2


def test_a_number_of_passages_left_empty_is_the_one_that_apps_get(member, filled):
    Dataset.objects.filter(id=filled.id).update(settings={"retrieval": {"top_k": 1}})
    member.get(at("search", filled), {"q": "queen"})
    assert DatasetQuery.objects.get().passages == 1


def test_questions_are_listed_with_what_they_found_and_forgotten_in_time(member, filled, settings):
    assert "Nobody has asked yet" in text(member.get(at("queries", filled)))
    member.get(at("search", filled), {"q": "queen"})
    member.get(at("search", filled), {"q": "zyzzyva", "method": "full_text"})
    page = text(member.get(at("queries", filled)))
    assert "queen" in page
    assert "zyzzyva" in page
    nothing = text(member.get(at("queries", filled), {"nothing": "1"}))
    assert "zyzzyva" in nothing
    assert ">queen<" not in nothing
    assert "No question matches" in text(member.get(at("queries", filled), {"q": "drones"}))
    DatasetQuery.objects.filter(query="queen").update(created_at="2020-01-01T00:00:00Z")
    assert forget_old_queries() == 1


def test_an_uploaded_evaluation_is_followed_drawn_and_taken_along(member, filled):
    assert "No evaluations yet" in text(member.get(at("evaluations", filled)))
    lines = [
        {"question": "How many eggs does a queen lay?", "relevant": ["queens"]},
        {"question": "=1+1 蜂王每天产多少卵", "relevant": ["蜂王"]},
    ]
    content = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines).encode()
    answer = member.post(
        at("evaluations", filled),
        {
            "file": SimpleUploadedFile("asked.jsonl", content),
            "variants": ["hybrid", "full_text"],
            "weight": "0.9",
        },
    )
    made = Evaluation.objects.get()
    assert answer.url == at("evaluation", filled, made.id)
    assert "Waiting for a worker" in text(member.get(answer.url))
    work_on(made.id)
    followed = member.get(answer.url, headers={"HX-Request": "true"})
    assert followed.headers["HX-Refresh"] == "true"
    page = text(member.get(answer.url))
    assert "chart.umd.min.js" in page
    assert "Words and vectors, weight of words 0.9" in page
    assert ">nDCG@10</th>" in page
    assert "asked.jsonl" in text(member.get(at("evaluations", filled)))
    table = text(member.get(at("evaluation-csv", filled, made.id))).splitlines()
    assert len(table) == 1 + 3 * 2
    assert "'=1+1" in table[2]
    member.post(at("remove-evaluation", filled, made.id))
    assert not Evaluation.objects.exists()


def test_a_bad_file_of_questions_is_refused_with_its_line(member, filled):
    bad = SimpleUploadedFile("asked.jsonl", b'{"question": "x"}')
    page = text(member.post(at("evaluations", filled), {"file": bad, "variants": ["hybrid"]}))
    assert "Line 1 needs" in page


def test_fields_are_added_renamed_and_deleted(member, filled):
    assert "No fields yet" in text(member.get(at("metadata", filled)))
    change = at("change-fields", filled)
    member.post(change, {"action": "add", "name": "author", "kind": "string"})
    field = MetadataField.objects.get()
    page = text(member.post(change, {"action": "add", "name": "author", "kind": "number"}, follow=True))
    assert "already" in page
    member.post(change, {"action": "rename", "field": str(field.id), "name": "writer"})
    assert "writer" in text(member.get(at("metadata", filled)))
    member.post(change, {"action": "delete", "field": str(field.id)})
    assert not MetadataField.objects.exists()


def test_values_are_edited_for_one_document_and_for_many(member, filled):
    for name, kind in (("author", "string"), ("year", "number"), ("read", "time")):
        member.post(at("change-fields", filled), {"action": "add", "name": name, "kind": kind})
    author, read, year = MetadataField.objects.order_by("name")
    document = filled.documents.get(name="queens.txt")
    page = text(member.get(at("document", filled, document.id)))
    assert at("document-metadata", filled, document.id) in page
    address = at("document-metadata", filled, document.id)
    member.post(address, {str(author.id): "Ann", str(year.id): "2024", str(read.id): "2026-05-01T10:00"})
    document.refresh_from_db()
    assert document.attributes == {str(author.id): "Ann", str(year.id): 2024, str(read.id): 1777629600}
    assert "2026-05-01T10:00" in text(member.get(address))
    ids = [str(each) for each in Document.objects.values_list("id", flat=True)]
    member.post(at("change-many", filled), {"documents": ids, str(author.id): "Bob", "remove": [str(year.id)]})
    rows = list(Document.objects.order_by("name"))
    assert all(row.attributes[str(author.id)] == "Bob" for row in rows)
    assert not any(str(year.id) in row.attributes for row in rows)
    member.post(address, {})
    document.refresh_from_db()
    assert document.attributes == {}
    assert "Choose at least one" in text(member.post(at("change-many", filled), {}, follow=True))


def test_a_viewer_reads_and_changes_nothing(viewer, filled, other_team):
    document = filled.documents.first()
    for name in ("search", "queries", "evaluations", "metadata"):
        assert viewer.get(at(name, filled)).status_code == 200
    assert "Add" not in text(viewer.get(at("metadata", filled)))
    assert viewer.get(at("document-metadata", filled, document.id)).status_code == 200
    assert viewer.post(at("document-metadata", filled, document.id), {}).status_code == 403
    assert viewer.post(at("change-fields", filled), {"action": "add", "name": "x"}).status_code == 403
    assert viewer.post(at("change-many", filled), {}).status_code == 403
    assert viewer.post(at("evaluations", filled), {}).status_code == 403
    theirs = create_dataset(team_id=other_team.id, name="Theirs")
    for name in ("search", "queries", "evaluations", "metadata"):
        assert viewer.get(at(name, theirs)).status_code == 404


def test_a_key_is_shown_once_searches_and_is_revoked(member, filled):
    page = text(member.post(at("keys", filled), {"name": "crawler", "scopes": ["datasets:read"]}))
    secret = re.search(r"dataset-[\w-]{20,}", page)[0]
    again = text(member.get(at("keys", filled)))
    assert secret not in again
    assert "crawler" in again
    key = {"Authorization": f"Bearer {secret}"}
    answer = member.post(f"/v1/datasets/{filled.id}/retrieve", {"query": "queen"}, "application/json", headers=key)
    assert answer.json()["records"]
    (made,) = ApiKey.objects.all()
    assert (made.subject_id, made.scopes) == (filled.id, ["datasets:read"])
    assert f'action="{at("revoke-key", filled, made.id)}"' in again
    member.post(at("revoke-key", filled, made.id))
    answer = member.post(f"/v1/datasets/{filled.id}/retrieve", {"query": "queen"}, "application/json", headers=key)
    assert answer.status_code == 401


def test_only_who_manages_a_team_makes_a_key_of_all_its_datasets(member, filled):
    assert "whole_team" not in text(member.get(at("keys", filled)))
    given = {"name": "all", "scopes": ["datasets:read"], "whole_team": "on"}
    member.post(at("keys", filled), given)
    Membership.objects.update(role=Role.OWNER)
    member.post(at("keys", filled), given)
    assert [key.subject_id for key in ApiKey.objects.order_by("created_at")] == [filled.id, filled.team_id]
