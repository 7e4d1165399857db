"""Metadata of documents: fields, values, and searches that are kept to documents by them."""

import datetime as dt
import json

import pytest

from accounts.models import Team
from apps.datasets.models import Dataset, Document, MetadataField
from apps.datasets.selectors.candidates import chosen_documents, count_chosen
from apps.datasets.selectors.filters import OPERATORS, fields_by_name
from apps.datasets.selectors.metadata import built_in_values, fields_with_counts, values_of
from apps.datasets.services.datasets import create_dataset, delete_dataset, purge_dataset
from apps.datasets.services.errors import MetadataFieldExists
from apps.datasets.services.metadata import add_field, delete_field, rename_field, set_values
from apps.datasets.services.metadata_filters import as_given, read_filter
from apps.datasets.services.retrieve import Search, search
from support.errors import InvalidInput
from tests.datasets.making import put
from tests.model_runtime.openai_server import Completion, OpenAIServer, Refusal

PAPERS = {
    "ann.txt": ("The queen lays eggs. Ann saw it.", {"author": "Ann", "year": 2024, "read": "2026-05-01"}),
    "bob.txt": ("The queen lays eggs. Bob saw it.", {"author": "Bob Anderson", "year": 2025, "read": "2026-05-02"}),
    "zoe.txt": ("The queen lays eggs. Zoe saw it.", {"author": "zoë", "year": 2025.5}),
    "bare.txt": ("The queen lays eggs. Nobody saw it.", {}),
}


@pytest.fixture
def fields(dataset) -> dict[str, MetadataField]:
    kinds = {"author": "string", "year": "number", "read": "time"}
    return {name: add_field(dataset, name=name, kind=kind) for name, kind in kinds.items()}


@pytest.fixture
def papers(dataset, fields) -> Dataset:
    for name, (text, values) in PAPERS.items():
        document = put(dataset, name, text).document
        set_values(dataset, document_ids=[document.id], values={fields[key].id: value for key, value in values.items()})
    return dataset


def names(dataset: Dataset, *conditions: tuple, logical: str = "and") -> set[str]:
    """The papers that meet conditions, by the vectors, by the words, and by asking the documents themselves."""
    given = [dict(zip(("name", "op", "value"), condition, strict=False)) for condition in conditions]
    condition = {"logical": logical, "conditions": given}
    found = []
    for method in ("semantic", "full_text", "hybrid"):
        asked = Search(
            team_id=dataset.team_id, datasets=["handbook"], query="queen eggs", method=method, filter=condition
        )
        found.append({hit.document_name for hit in search(asked).passages})
    chosen = read_filter(condition, fields=fields_by_name([dataset.id]))
    assert chosen is not None
    documents = Document.objects.filter(id__in=chosen_documents(dataset.id, chosen))
    found.append(set(documents.values_list("name", flat=True)))
    assert count_chosen(dataset.id, chosen)[0] == len(found[-1])
    assert all(each == found[0] for each in found), found
    return {name.removesuffix(".txt") for name in found[0]}


CASES = [
    (("author", "is", "Ann"), {"ann"}),
    (("author", "is_not", "Ann"), {"bob", "zoe", "bare"}),
    (("author", "contains", "AN"), {"ann", "bob"}),
    (("author", "not contains", "an"), {"zoe", "bare"}),
    (("author", "start with", "bob"), {"bob"}),
    (("author", "end with", "SON"), {"bob"}),
    (("author", "contains", "%"), set()),
    (("author", "empty"), {"bare"}),
    (("author", "not empty"), {"ann", "bob", "zoe"}),
    (("author", "in", ["Ann", "zoë"]), {"ann", "zoe"}),
    (("author", "in", "Ann, zoë"), {"ann", "zoe"}),
    (("author", "not in", ["Ann"]), {"bob", "zoe", "bare"}),
    (("year", "=", 2024), {"ann"}),
    (("year", "≠", "2024"), {"bob", "zoe", "bare"}),
    (("year", ">", 2024), {"bob", "zoe"}),
    (("year", "<", 2025), {"ann"}),
    (("year", "≥", 2025), {"bob", "zoe"}),
    (("year", "≤", 2025), {"ann", "bob"}),
    (("year", "empty"), {"bare"}),
    (("read", "before", "2026-05-02"), {"ann"}),
    (("read", "after", "2026-05-01T12:00"), {"bob"}),
    (("read", "is", dt.datetime(2026, 5, 1, tzinfo=dt.UTC).timestamp()), {"ann"}),
    (("document_name", "start with", "z"), {"zoe"}),
    (("source", "is", "file_upload"), {"ann", "bob", "zoe", "bare"}),
    (("uploader", "empty"), {"ann", "bob", "zoe", "bare"}),
    (("upload_date", "after", "2100-01-01"), set()),
    (("last_update_date", "after", "2020-01-01"), {"ann", "bob", "zoe", "bare"}),
]


def test_every_operator_chooses_the_same_documents_by_words_by_vectors_and_in_the_table(papers):
    for condition, expected in CASES:
        assert names(papers, condition) == expected, condition
    asked = {condition[1] for condition, _ in CASES}
    spelled = {"not contains", "start with", "end with", "not empty", "not in", "≠", "≥", "≤"}
    assert asked >= spelled
    assert {"is", "empty", "in", "=", ">", "<", "before", "after", "contains"} <= asked


def test_conditions_are_joined_by_and_or_by_or(papers):
    young, ann = ("year", ">", 2024), ("author", "is", "Ann")
    assert names(papers, young, ann) == set()
    assert names(papers, young, ann, logical="or") == {"ann", "bob", "zoe"}


def test_a_filter_that_cannot_be_applied_is_refused_with_what_is_known(papers):
    known = fields_by_name([papers.id])
    wrong = [
        ({"name": "colour", "op": "is", "value": "red"}, "Known are: author"),
        ({"name": "author", "op": ">", "value": "a"}, "contains"),
        ({"name": "year", "op": "=", "value": "soon"}, "a number"),
        ({"name": "read", "op": "before", "value": "soon"}, "2026-05-31"),
        ({"name": "year", "op": "=", "value": float("nan")}, "a number"),
        ({"name": "author", "op": "in", "value": 3}, "a list"),
        ("author", "an object"),
    ]
    for condition, expected in wrong:
        with pytest.raises(InvalidInput, match=expected):
            read_filter({"conditions": [condition]}, fields=known)
    with pytest.raises(InvalidInput, match="and"):
        read_filter({"logical": "xor", "conditions": [{"name": "author", "op": "empty"}]}, fields=known)


def test_a_filter_is_written_down_as_it_is_read(papers):
    known = fields_by_name([papers.id])
    chosen = read_filter({"conditions": [{"name": "year", "comparison_operator": "≥", "value": "2025"}]}, fields=known)
    assert chosen is not None
    assert as_given(chosen) == {"logical": "and", "conditions": [{"name": "year", "op": ">=", "value": 2025.0}]}
    assert read_filter(as_given(chosen), fields=known) == chosen
    assert read_filter({"conditions": []}, fields=known) is None
    assert set(OPERATORS) == {"string", "number", "time"}


def test_a_renamed_field_keeps_its_values_and_a_deleted_one_takes_them_along(papers, fields):
    rename_field(fields["author"], name="writer")
    assert names(papers, ("writer", "is", "Ann")) == {"ann"}
    assert {each.field.name: each.count for each in fields_with_counts(papers)} == {"writer": 3, "year": 3, "read": 2}
    delete_field(fields["author"])
    assert all(str(fields["author"].id) not in row.attributes for row in Document.objects.all())
    assert {value.name for value in values_of(Document.objects.first())} == {"year", "read"}


def test_names_are_unique_and_built_in_ones_are_taken(dataset, fields):
    for name in ("author", "source"):
        with pytest.raises(MetadataFieldExists):
            add_field(dataset, name=name, kind="string")
    with pytest.raises(MetadataFieldExists):
        rename_field(fields["year"], name="author")
    with pytest.raises(InvalidInput):
        add_field(dataset, name=" ", kind="string")
    with pytest.raises(InvalidInput):
        add_field(dataset, name="size", kind="colour")


def test_many_documents_are_changed_by_one_statement(papers, fields, django_assert_num_queries):
    ids = list(Document.objects.values_list("id", flat=True))
    with django_assert_num_queries(2):
        assert set_values(papers, document_ids=ids, values={fields["year"].id: "2030", fields["read"].id: None}) == 4
    assert names(papers, ("year", "=", 2030)) == {"ann", "bob", "zoe", "bare"}
    assert names(papers, ("read", "not empty")) == set()
    with pytest.raises(InvalidInput):
        set_values(papers, document_ids=ids, values={fields["year"].id: "many"})


def test_a_dataset_without_the_field_has_nothing_in_it(papers, team):
    other = create_dataset(team_id=team.id, name="Other")
    put(other, "other.txt", "The queen lays eggs elsewhere.")
    condition = {"conditions": [{"name": "author", "op": "is_not", "value": "Ann"}]}
    asked = Search(team_id=team.id, datasets=["handbook", str(other.id)], query="queen", filter=condition, top_k=10)
    assert {hit.document_name for hit in search(asked).passages} == {"bob.txt", "zoe.txt", "bare.txt", "other.txt"}


def test_a_filter_among_many_documents_finds_all_there_is_to_find(dataset):
    near = [put(dataset, f"near{n}.txt", f"Queens lay eggs, {n} a day.").document for n in range(12)]
    far = [put(dataset, f"far{n}.txt", f"Honey is sold in glasses of {n} grams.").document for n in range(6)]
    kind = add_field(dataset, name="kind", kind="string")
    set_values(dataset, document_ids=[row.id for row in near], values={kind.id: "near"})
    set_values(dataset, document_ids=[row.id for row in far], values={kind.id: "far"})
    condition = {"conditions": [{"name": "kind", "op": "is", "value": "far"}]}
    asked = Search(
        team_id=dataset.team_id,
        datasets=["handbook"],
        query="queens lay eggs",
        method="semantic",
        filter=condition,
        top_k=6,
    )
    found = search(asked)
    assert {hit.document_name for hit in found.passages} == {row.name for row in far}


def test_a_model_reads_the_filter_out_of_the_question(papers, settings):
    with OpenAIServer().in_thread() as server:
        settings.ENV_PROVIDERS, settings.MODEL_MAP = [server.as_env_provider()], {}
        said = {"conditions": [{"name": "author", "op": "is", "value": "Ann"}]}
        server.script(Completion(f"```json\n{json.dumps(said)}\n```"))
        asked = Search(
            team_id=papers.team_id, datasets=["handbook"], query="What did Ann see?", filter_model="openai/gpt-4o-mini"
        )
        found = search(asked)
        assert [hit.document_name for hit in found.passages] == ["ann.txt"]
        assert found.filter == {"logical": "and", **said}
        assert found.notes == ()
        prompt = server.requests[0].body["messages"][0]["content"]
        assert '"year" (number)' in prompt


@pytest.mark.parametrize(
    "answer",
    [
        Completion("I would look for Ann."),
        Completion('{"conditions": [{"name": "colour", "op": "is", "value": 1}]}'),
        Refusal(500),
    ],
    ids=["prose", "a field that is not there", "a failure"],
)
def test_where_no_filter_can_be_made_everything_is_searched_and_a_note_says_so(papers, settings, answer):
    with OpenAIServer().in_thread() as server:
        settings.ENV_PROVIDERS, settings.MODEL_MAP = [server.as_env_provider()], {}
        server.script(answer)
        asked = Search(team_id=papers.team_id, datasets=["handbook"], query="What did Ann see?", filter_model="")
        found = search(asked)
    assert len(found.passages) == 4
    assert [note.code for note in found.notes] == ["filter_failed"]
    assert found.filter is None


def test_what_everybody_has_is_read_from_the_document(papers, editor):
    document = put(papers, "by.txt", "The queen lays eggs for the editor.", by=editor).document
    values = {value.name: value.value for value in built_in_values(document)}
    assert values["uploader"] == "editor"
    assert values["source"] == "file_upload"
    assert names(papers, ("uploader", "is", "editor")) == {"by"}


def test_a_deleted_dataset_leaves_no_fields(papers):
    delete_dataset(papers)
    purge_dataset(papers.id)
    assert not MetadataField.objects.exists()
    assert not Dataset.objects.filter(id=papers.id).exists()
    assert Team.objects.filter(id=papers.team_id).exists()
