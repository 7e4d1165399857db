"""The promises of `apps/datasets/vectorstores/protocol.py`, kept by every adapter."""

import math
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.datasets.vectorstores.errors import BadVector, StoreRefused, UnknownFilter
from apps.datasets.vectorstores.filters import All, AnyOf, Not, Where, matches
from apps.datasets.vectorstores.memory import MemoryVectorStore
from apps.datasets.vectorstores.pgvector import PgVectorStore
from apps.datasets.vectorstores.protocol import Namespace, Record, VectorStore

PAYLOADS = [
    {"lang": "zh", "year": 2023, "draft": True},
    {"lang": "en", "year": 2024, "draft": False},
    {"lang": "en", "year": 2025.5},
    {"lang": "Zürich"},
    {},
]


@pytest.fixture(params=[3, 1024], ids=lambda dim: f"{dim}d")
def ns(request: pytest.FixtureRequest, store: VectorStore) -> Namespace:
    namespace = namespace_of(request.param)
    store.ensure(namespace)
    return namespace


def namespace_of(dim: int = 3, *, space: str = "space") -> Namespace:
    return Namespace(dataset_id=uuid.uuid4(), space=space, dim=dim)


def vector(ns: Namespace, *start: float) -> list[float]:
    return [*start, *[0.0] * (ns.dim - len(start))]


def record(ns: Namespace, *start: float, number: int = 0, document: int = 0, **payload: object) -> Record:
    return Record(
        id=uuid.UUID(int=number), document_id=uuid.UUID(int=document), vector=vector(ns, *start), payload=payload
    )


def orders_texts(condition: object) -> bool:
    return isinstance(condition, Where) and condition.operator in ("gt", "lte") and isinstance(condition.value, str)


def ids(hits: list) -> list[int]:
    return [hit.id.int for hit in hits]


def test_writing_an_id_twice_leaves_one_record_the_later_one(store, ns):
    assert store.upsert(ns, [record(ns, 1, 0, number=1, lang="en")]) == 1
    assert store.upsert(ns, [record(ns, 0, 1, number=1, document=9, lang="zh")]) == 1
    assert store.count(ns) == 1
    (hit,) = store.search(ns, vector(ns, 0, 1), 5)
    assert hit.score == pytest.approx(1, abs=1e-3)
    assert (hit.document_id.int, dict(hit.payload)) == (9, {"lang": "zh"})


def test_an_id_twice_in_one_batch_counts_once(store, ns):
    store.upsert(ns, [record(ns, 1, 0, number=1), record(ns, 0, 1, number=1)])
    assert store.count(ns) == 1
    assert store.search(ns, vector(ns, 0, 1), 1)[0].score == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("by", ["ids", "document_ids", "where"])
def test_what_was_deleted_is_never_found_again(store, ns, by):
    store.upsert(ns, [record(ns, 1, 0, number=1, document=1, lang="en"), record(ns, 1, 1, number=2, document=2)])
    criterion = {"ids": [uuid.UUID(int=1)], "document_ids": [uuid.UUID(int=1)], "where": Where("lang", "eq", "en")}
    assert store.delete(ns, **{by: criterion[by]}) == 1
    assert ids(store.search(ns, vector(ns, 1, 0), 5)) == [2]


def test_deleting_takes_exactly_one_criterion_and_an_empty_one_deletes_nothing(store, ns):
    store.upsert(ns, [record(ns, 1, 0, number=1)])
    assert store.delete(ns, ids=[]) == store.delete(ns, document_ids=[]) == 0
    with pytest.raises(StoreRefused):
        store.delete(ns)
    with pytest.raises(StoreRefused):
        store.delete(ns, ids=[], document_ids=[])
    assert store.count(ns) == 1


def test_a_score_is_the_cosine_clipped_to_zero_and_one(store, ns):
    store.upsert(ns, [record(ns, 2, 0, number=1), record(ns, 3, 3, number=2), record(ns, -1, 0, number=3)])
    hits = store.search(ns, vector(ns, 5, 0), 5)
    assert [hit.score for hit in hits] == pytest.approx([1, math.sqrt(0.5), 0], abs=2e-3)
    assert ids(store.search(ns, vector(ns, 5, 0), 5, min_score=0.7)) == [1, 2]
    exact = hits[1].score
    assert ids(store.search(ns, vector(ns, 5, 0), 5, min_score=exact)) == [1, 2]


@pytest.mark.parametrize(
    "bad",
    [[1.0, 0.0], [math.nan, 1.0, 0.0], [math.inf, 1.0, 0.0], [0.0, 0.0, 0.0]],
    ids=["short", "nan", "inf", "zero"],
)
def test_one_bad_vector_refuses_the_whole_batch(store, bad):
    ns = namespace_of(3)
    store.ensure(ns)
    good = record(ns, 1, 0, number=1)
    with pytest.raises(BadVector):
        store.upsert(ns, [good, Record(id=uuid.UUID(int=2), document_id=uuid.UUID(int=0), vector=bad)])
    assert store.count(ns) == 0
    with pytest.raises(BadVector):
        store.search(ns, bad, 1)


def test_pgvector_keeps_numbers_as_halves_and_refuses_what_is_too_large_for_one(db):
    store, ns = PgVectorStore(), namespace_of()
    store.ensure(ns)
    key = uuid.uuid4()
    store.upsert(ns, [Record(id=key, document_id=key, vector=[0.1, -2.00049, 6e-5])])
    (kept,) = store.fetch(ns, [key])
    assert kept.vector == pytest.approx([0.1, -2.00049, 6e-5], rel=2**-11)
    with pytest.raises(StoreRefused):
        store.upsert(ns, [Record(id=uuid.uuid4(), document_id=key, vector=[1.0, 1e6, 0.0])])
    assert store.count(ns) == 1


def test_namespaces_never_see_each_other_even_under_equal_ids(store, ns):
    other = Namespace(dataset_id=uuid.uuid4(), space=ns.space, dim=ns.dim)
    newer = Namespace(dataset_id=ns.dataset_id, space="another space", dim=ns.dim)
    for namespace, start in ((ns, (1, 0)), (other, (0, 1)), (newer, (1, 1))):
        store.ensure(namespace)
        store.upsert(namespace, [record(namespace, *start, number=1, document=1)])
    store.delete(other, document_ids=[uuid.UUID(int=1)])
    assert [store.count(each) for each in (ns, other, newer)] == [1, 0, 1]
    assert store.search(ns, vector(ns, 1, 0), 5)[0].score == pytest.approx(1, abs=1e-3)
    store.drop(newer)
    assert (store.exists(ns), store.exists(newer)) == (True, False)


CONDITIONS = [
    Where("lang", "eq", "en"),
    Where("lang", "ne", "en"),
    Where("lang", "in", ("zh", "en")),
    Where("lang", "nin", ("zh", "en")),
    Where("lang", "in", ()),
    Where("lang", "gt", "b"),
    Where("lang", "lte", "en"),
    Where("year", "gt", 2023),
    Where("year", "gte", 2025.5),
    Where("year", "lt", 2024),
    Where("year", "lte", 2024),
    Where("year", "eq", 2024.0),
    Where("draft", "eq", True),
    Where("draft", "eq", 1),
    Where("draft", "exists", True),
    Where("draft", "exists", False),
    Where("lang'; DROP TABLE datasets_chunk; --", "exists", False),
    All((Where("lang", "eq", "en"), Where("year", "gt", 2024))),
    AnyOf((Where("lang", "eq", "zh"), Where("year", "gt", 2024))),
    Not(AnyOf((Where("lang", "eq", "en"), Where("draft", "eq", True)))),
    All(()),
    AnyOf(()),
]


@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
def test_filters_mean_the_same_in_every_store(store, condition):
    ns = namespace_of(3)
    store.ensure(ns)
    store.upsert(ns, [record(ns, 1, n, number=n, **payload) for n, payload in enumerate(PAYLOADS, start=1)])
    if orders_texts(condition) and not store.capabilities().text_order:
        with pytest.raises(UnknownFilter):
            store.search(ns, vector(ns, 1, 0), 10, where=condition)
        return
    expected = [n for n, payload in enumerate(PAYLOADS, start=1) if matches(condition, payload)]
    assert sorted(ids(store.search(ns, vector(ns, 1, 0), 10, where=condition))) == expected
    assert store.count(ns, where=condition) == len(expected)


def test_a_filter_that_cannot_be_applied_is_refused_and_not_ignored(store, ns):
    for make in (
        lambda: Where("a", "like", "%"),
        lambda: Where("a", "in", "text"),
        lambda: Where("a", "eq", ("one", "two")),
        lambda: Where("a", "eq", {"nested": 1}),
        lambda: Where("a", "gt", True),
        lambda: Where("a", "exists", "yes"),
    ):
        with pytest.raises(UnknownFilter):
            make()
    with pytest.raises(UnknownFilter):
        store.search(ns, vector(ns, 1, 0), 1, where="year > 2000")


def test_k_hits_come_back_whenever_k_matching_records_exist(store, ns):
    other = Namespace(dataset_id=uuid.uuid4(), space=ns.space, dim=ns.dim)
    store.upsert(other, [record(other, 1, n / 1000, number=n) for n in range(300)])
    store.upsert(ns, [record(ns, 0.1, 1, n / 50, number=n, odd=bool(n % 2)) for n in range(40)])
    hits = store.search(ns, vector(ns, 1, 0), 15, where=Where("odd", "eq", True))
    assert len(hits) == 15
    assert all(hit.id.int % 2 for hit in hits)
    assert len(store.search(ns, vector(ns, 1, 0), 100)) == 40


def test_equal_scores_come_in_the_order_of_their_ids(store, ns):
    store.upsert(ns, [record(ns, 1, 0, number=n) for n in (5, 3, 9, 1)])
    store.upsert(ns, [record(ns, 1, 1, number=2)])
    assert ids(store.search(ns, vector(ns, 1, 0), 5)) == [1, 3, 5, 9, 2]
    assert ids(store.search(ns, vector(ns, 1, 0), 2)) == [1, 3]


def test_everything_can_be_carried_to_another_store(store, ns):
    store.upsert(ns, [record(ns, 1, n, number=n, document=n % 2, n=n) for n in range(1, 8)])
    copy = MemoryVectorStore()
    batches = list(store.iterate(ns, batch=3))
    assert sorted(len(batch) for batch in batches) == [1, 3, 3]
    for batch in batches:
        copy.upsert(ns, batch)
    query = vector(ns, 1, 2.3)
    assert ids(copy.search(ns, query, 7)) == ids(store.search(ns, query, 7))


def test_single_records_can_be_asked_for_and_fetched(store, ns):
    store.upsert(ns, [record(ns, 1, n, number=n, document=7, n=n) for n in (1, 2, 3)])
    asked = [uuid.UUID(int=n) for n in (3, 9, 1)]
    assert store.held(ns, asked) == {uuid.UUID(int=1), uuid.UUID(int=3)}
    fetched = store.fetch(ns, asked)
    assert [(each.id.int, each.document_id.int, dict(each.payload)) for each in fetched] == [
        (1, 7, {"n": 1}),
        (3, 7, {"n": 3}),
    ]
    first = fetched[0].vector
    assert first[0] / first[1] == pytest.approx(1, abs=1e-2)
    assert (store.held(ns, []), store.fetch(ns, [])) == (set(), [])
    (batch,) = store.iterate(ns, vectors=False)
    assert sorted(each.id.int for each in batch) == [1, 2, 3]
    assert not any(each.vector for each in batch)


def test_a_search_can_be_kept_to_some_documents_and_a_filter_at_once(store, ns):
    store.upsert(ns, [record(ns, 1, n, number=n, document=n % 3, odd=bool(n % 2)) for n in range(1, 10)])
    query, some = vector(ns, 1, 0), [uuid.UUID(int=0), uuid.UUID(int=2)]
    assert sorted(ids(store.search(ns, query, 9, document_ids=some))) == [2, 3, 5, 6, 8, 9]
    assert sorted(ids(store.search(ns, query, 9, document_ids=some, where=Where("odd", "eq", True)))) == [3, 5, 9]
    assert store.search(ns, query, 9, document_ids=[]) == []


def test_a_namespace_that_was_never_made_is_empty(store):
    ns = namespace_of(7)
    assert not store.exists(ns)
    assert store.count(ns) == store.delete(ns, ids=[uuid.uuid4()]) == 0
    assert store.held(ns, [uuid.uuid4()]) == set()
    assert store.search(ns, [1.0] * 7, 3) == store.fetch(ns, [uuid.uuid4()]) == list(store.iterate(ns)) == []
    store.drop(ns)


def test_each_store_says_what_it_can_do_and_that_it_answers(store):
    store.health()
    assert store.capabilities().filters
    assert isinstance(store, VectorStore)


@pytest.mark.django_db(transaction=True)
def test_pgvector_builds_its_index_for_a_grown_dataset_and_searches_through_it():
    store, ns = PgVectorStore(exact_limit=50), Namespace(dataset_id=uuid.uuid4(), space="s", dim=5)
    store.ensure(ns)
    store.upsert(ns, [record(ns, 1, n / 10, number=n) for n in range(60)])
    store.optimise(ns)
    store.optimise(ns)
    with connection.cursor() as cursor:
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = 'chunk_vector_5_hnsw'::regclass")
        assert cursor.fetchall() == [(True,)]
        cursor.execute("SET enable_seqscan = off")
        try:
            assert ids(store.search(ns, vector(ns, 1, 0), 3)) == [0, 1, 2]
        finally:
            cursor.execute("RESET enable_seqscan; DROP TABLE chunk_vector_5")


@pytest.mark.django_db(transaction=True)
def test_datasets_that_grow_at_the_same_time_have_their_shared_index_built_once():
    spaces = [Namespace(dataset_id=uuid.uuid4(), space="s", dim=6) for _ in range(4)]
    store = PgVectorStore(exact_limit=50)
    store.ensure(spaces[0])
    for ns in spaces:
        store.upsert(ns, [record(ns, 1, n / 10, number=n) for n in range(60)])

    def build(ns: Namespace) -> None:
        try:
            store.optimise(ns)
        finally:
            connection.close()

    assert not store.is_optimised(spaces[0])
    with ThreadPoolExecutor(len(spaces)) as pool:
        outcomes = list(pool.map(build, spaces))
    assert store.is_optimised(spaces[0])
    assert outcomes == [None] * 4
    with connection.cursor() as cursor:
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = 'chunk_vector_6_hnsw'::regclass")
        assert cursor.fetchall() == [(True,)]
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
        assert cursor.fetchone() == (0,)
        cursor.execute("DROP TABLE chunk_vector_6")


def test_a_search_can_be_kept_to_some_documents(store, ns):
    store.upsert(ns, [record(ns, 1, 0.1 * number, number=number, document=number % 3) for number in range(1, 13)])
    found = store.search(ns, vector(ns, 1, 0), 3, document_ids=[uuid.UUID(int=1), uuid.UUID(int=2)])
    assert ids(found) == [1, 2, 4]
    assert store.search(ns, vector(ns, 1, 0), 3, document_ids=[]) == []
    assert store.search(ns, vector(ns, 1, 0), 3, document_ids=[uuid.UUID(int=77)]) == []


@pytest.mark.django_db(transaction=True)
def test_a_search_beside_writers_finds_whole_records_and_nothing_that_was_deleted_before_it_began(store):
    ns, gone, ended = namespace_of(), set(), threading.Event()
    store.ensure(ns)

    def write() -> None:
        try:
            for document in range(1, 60):
                store.upsert(ns, [record(ns, 1, n / 9, number=document * 10 + n, document=document) for n in range(3)])
                if document % 2:
                    store.delete(ns, document_ids=[uuid.UUID(int=document)])
                    gone.add(document)
        finally:
            ended.set()
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        while not ended.is_set():
            before = set(gone)
            found = [(hit.id.int, hit.document_id.int) for hit in store.search(ns, vector(ns, 1, 0), 100)]
            assert len(set(found)) == len(found)
            assert all(number // 10 == document for number, document in found)
            assert before.isdisjoint(document for _number, document in found)
        writing.result()
    assert store.count(ns) == 29 * 3
    store.drop(ns)


def test_hashed_words_are_compared_one_by_one_because_a_graph_of_them_leads_nowhere(db):
    store = PgVectorStore(exact_limit=1)
    hashed, learned = namespace_of(7, space="hashing/v1/7"), namespace_of(7, space="acme/v1/7")
    statements = {}
    for ns in (hashed, learned):
        store.ensure(ns)
        store.upsert(ns, [record(ns, 1, n / 10, number=n) for n in range(12)])
        with CaptureQueriesContext(connection) as sent:
            assert ids(store.search(ns, vector(ns, 1, 0), 3)) == [0, 1, 2]
        statements[ns] = " ".join(query["sql"] for query in sent)
    assert "hnsw" in statements[learned]
    assert "hnsw" not in statements[hashed]
