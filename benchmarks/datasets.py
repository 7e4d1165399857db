"""How good and how fast retrieval is. Two figures are promised, and this measures both; it prints JSON.

    quality   a collection of questions with known answers, indexed as uploads are and searched with the defaults:
              nDCG@10 of words and of words with vectors has to be 0.97 on the Chinese collection of the design
    speed     a hybrid search among 100,000 chunks takes at most twice as long as the two SQL statements it needs;
              of the ten nearest vectors 98 in 100 are found; where a filter keeps one passage in a hundred, as many
              passages come as were asked for, and 99 in 100 of the nearest

Starts its own PostgreSQL and Redis in a temporary folder. A collection is a folder with `documents.jsonl` (id, title,
text) and `questions.jsonl` (question, relevant ids); none comes with the code.

    python benchmarks/datasets.py --collection FOLDER [--collection FOLDER] [--questions 400]
    python benchmarks/datasets.py [--chunks 100000]

`RETRIEVAL_COLLECTIONS` names folders for `make bench`, which measures them before the speed; between two stands the
sign that stands between folders in PATH. A collection may say in `expected.json` how good its ways of searching have to
be, and with which model: {"full_text": 0.37, "hybrid": 0.42, "embedding_model": "local/all-minilm-l6-v2"}.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]
LEAST_NDCG = {"full_text": 0.97, "hybrid": 0.97}
MOST_RATIO = 2.0
LEAST_RECALL, LEAST_FILTERED = 0.98, 0.99
K = 10
VOCABULARY = 30_000
WORDS_PER_CHUNK = 85
BATCH = 1_000
"""Chunks of a document: with 100,000 chunks a filter that keeps one document keeps one in a hundred."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collection", type=Path, action="append", help="measure the quality on it alone")
    parser.add_argument("--embedding-model", help="default: that of the collection, else hashing")
    parser.add_argument("--least", type=float, nargs=2, metavar=("WORDS", "HYBRID"))
    parser.add_argument("--documents", type=int, default=0, help="index the first so many (default: all)")
    parser.add_argument("--questions", type=int, default=0, help="ask so many of them, spread evenly (default: all)")
    parser.add_argument("--chunks", type=int, help="measure the speed among so many chunks (0: not at all)")
    parser.add_argument("--searches", type=int, default=60)
    arguments = parser.parse_args()
    if arguments.chunks is None:
        arguments.chunks = 0 if arguments.collection else 100_000
    collections = arguments.collection or collections_named(os.environ.get("RETRIEVAL_COLLECTIONS", ""))
    from tests.services import _services

    with _services():
        os.environ["DJANGO_SETTINGS_MODULE"] = "console.settings.dev"
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        report: dict[str, Any] = {"benchmark": "datasets", "load": os.getloadavg()[0]}
        if collections:
            report["quality"] = [quality(folder, arguments) for folder in collections]
        if arguments.chunks:
            report["speed"] = speed(arguments.chunks, arguments.searches)
        print(json.dumps(report, indent=2))


def collections_named(folders: str) -> list[Path]:
    """The collections that the environment names; stops at one that is none, before anything is started."""
    found = [Path(name).expanduser() for name in folders.split(os.pathsep) if name.strip()]
    for folder in found:
        for name in ("documents.jsonl", "questions.jsonl"):
            if not (folder / name).is_file():
                raise SystemExit(f"RETRIEVAL_COLLECTIONS: {folder / name} is not there.")
    return found


def quality(folder: Path, asked_for: argparse.Namespace) -> dict[str, Any]:
    """Index a collection through the whole pipeline and measure every method with the defaults."""
    from accounts.services import ensure_team
    from apps.datasets.services.datasets import create_dataset
    from apps.datasets.services.documents import add_document
    from apps.datasets.services.evaluate import DEFAULT_VARIANTS, Measured, measure, read_questions, summary
    from apps.datasets.services.indexing import index_now

    stated = folder / "expected.json"
    expected: dict[str, Any] = json.loads(stated.read_bytes()) if stated.is_file() else {}
    model = asked_for.embedding_model or expected.get("embedding_model", "hashing")
    words, hybrid = asked_for.least or (expected.get(n, least) for n, least in LEAST_NDCG.items())
    team = ensure_team(slug="bench", name="Bench")
    dataset = create_dataset(team_id=team.id, name=f"Collection {folder.name}", embedding_model=model)
    started = time.perf_counter()
    lines = (folder / "documents.jsonl").read_bytes().splitlines()[: asked_for.documents or None]
    for number, line in enumerate(lines, start=1):
        document = json.loads(line)
        content = document["text"].encode()
        added = add_document(dataset=dataset, name=f"{document['id']}.txt", content=[content], enqueue=False)
        if added.run_id:
            index_now(added.run_id)
        say(f"indexed {number}/{len(lines)}", every=number % 100 == 0)
    indexed = time.perf_counter() - started
    if failed := dataset.documents.filter(error__isnull=False).first():
        raise SystemExit(f"{failed.name} was not indexed: {failed.error}")
    asked = read_questions((folder / "questions.jsonl").read_bytes().splitlines())
    known = {json.loads(line)["id"] for line in lines}
    asked = [question for question in asked if known.issuperset(question.relevant)]
    asked = asked[:: max(1, len(asked) // asked_for.questions)] if asked_for.questions else asked
    measured = [Measured(variant=variant) for variant in DEFAULT_VARIANTS]
    for each in measured:
        for question in asked:
            measure(each, team_id=team.id, dataset=dataset.slug, question=question)
        say(f"asked by {each.variant.name}")
    dataset.refresh_from_db()
    rows = summary(measured)
    reached = {row["variant"]["name"]: row["measures"]["ndcg@10"]["mean"] for row in rows}
    return {
        "collection": folder.name,
        "embedding_model": dataset.embedding_model,
        "documents": len(lines),
        "chunks": dataset.chunk_count,
        "questions": len(asked),
        "indexing_s": round(indexed, 1),
        "methods": rows,
        "least_ndcg": {"full_text": words, "hybrid": hybrid},
        "passed": reached["full_text"] >= words and reached["hybrid"] >= hybrid,
    }


def speed(chunks: int, searches: int) -> dict[str, Any]:
    """Time searches, and the statements that they sent by themselves."""
    from django.db import connection

    from apps.datasets.services.retrieve import Search, search

    dataset, texts = fill(chunks)
    chance = random.Random(7)
    calls: list[float] = []
    statements: list[float] = []
    for number in range(searches + 5):
        words = texts[chance.randrange(len(texts))].split()
        query = " ".join(chance.sample(words, 8))
        asked = Search(team_id=dataset.team_id, datasets=[dataset.slug], query=query, method="hybrid", top_k=5)
        sent: list[tuple[Any, Any]] = []

        def note(execute: Any, sql: Any, params: Any, many: bool, context: Any, sent: list[Any] = sent) -> Any:
            sent.append((sql, params))
            return execute(sql, params, many, context)

        with connection.execute_wrapper(note):
            search(asked)
        started = time.perf_counter()
        found = search(asked)
        elapsed = (time.perf_counter() - started) * 1000
        raw = run_again(sent)
        if number >= 5 and found.passages:  # the first ones warm up
            calls.append(elapsed)
            statements.append(raw)
    calls.sort()
    statements.sort()
    ratio = calls[len(calls) // 2] / statements[len(statements) // 2]
    found_of_nearest = recall(dataset, texts, searches)
    good = (
        found_of_nearest["recall_at_10"] >= LEAST_RECALL
        and found_of_nearest["filtered_recall_at_10"] >= LEAST_FILTERED
        and found_of_nearest["filtered_rows"] == K
    )
    return {
        "chunks": chunks,
        "searches": len(calls),
        "search_p50_ms": round(calls[len(calls) // 2], 2),
        "search_p95_ms": round(calls[int(len(calls) * 0.95)], 2),
        "statements_p50_ms": round(statements[len(statements) // 2], 2),
        "statements_p95_ms": round(statements[int(len(statements) * 0.95)], 2),
        "ratio": round(ratio, 2),
        "most": MOST_RATIO,
        **found_of_nearest,
        "passed": ratio <= MOST_RATIO and good,
    }


def recall(dataset: Any, texts: list[str], searches: int) -> dict[str, float]:
    """How many of the nearest the vector leg finds, among all and among one document in a hundred; truth is exact."""
    from apps.datasets.models import Document
    from apps.datasets.services.retrieve import Search, search
    from apps.datasets.vectorstores.pgvector import PgVectorStore
    from apps.datasets.vectorstores.protocol import Namespace
    from model_runtime.providers.hashing import HashingEmbedder

    chance, embedder = random.Random(11), HashingEmbedder()
    exact = PgVectorStore(exact_limit=dataset.chunk_count)
    ns = Namespace(dataset_id=dataset.id, space=dataset.space, dim=dataset.dim, size=dataset.chunk_count)
    documents = list(Document.objects.filter(dataset=dataset).order_by("id"))
    right = {"all": 0, "filtered": 0}
    rows = 0
    for _ in range(searches):
        query = " ".join(chance.sample(texts[chance.randrange(len(texts))].split(), 20))
        (vector,) = embedder.embed_now([query])
        kept = documents[chance.randrange(len(documents))]
        condition = {"conditions": [{"name": "document_name", "op": "is", "value": kept.name}]}
        for name, only, chosen in (("all", None, None), ("filtered", [kept.id], condition)):
            nearest = {str(hit.id) for hit in exact.search(ns, vector, K, document_ids=only)}
            asked = Search(
                team_id=dataset.team_id,
                datasets=[dataset.slug],
                query=query,
                method="semantic",
                top_k=K,
                filter=chosen,
            )
            found = [passage.chunk_id for passage in search(asked).passages]
            right[name] += len(nearest & set(found))
            rows += len(found) if chosen else 0
    return {
        "recall_at_10": round(right["all"] / (K * searches), 4),
        "filtered_recall_at_10": round(right["filtered"] / (K * searches), 4),
        "filtered_rows": round(rows / searches, 2),
    }


def run_again(sent: list[tuple[Any, Any]]) -> float:
    """Milliseconds that the statements for vectors and passages take, with what they need set as it was."""
    from django.db import connection, transaction

    needed = [(sql, params) for sql, params in sent if "chunk_vector_" in str(sql) or "wanted" in str(sql)]
    total = 0.0
    with transaction.atomic(), connection.cursor() as cursor:
        for sql, params in sent:
            if "hnsw" in str(sql):
                cursor.execute(sql, params)
        for sql, params in needed:
            started = time.perf_counter()
            cursor.execute(sql, params)
            cursor.fetchall()
            total += (time.perf_counter() - started) * 1000
    return total


def fill(chunks: int) -> tuple[Any, list[str]]:
    """A dataset of so many chunks of made-up words as common as words are, written past the pipeline."""
    from accounts.services import ensure_team
    from apps.datasets.models import Chunk, DatasetTerm, Document
    from apps.datasets.services.datasets import create_dataset
    from apps.datasets.text.analyze import term_counts, tsvector_literal
    from apps.datasets.vectorstores.protocol import Namespace, Record
    from apps.datasets.vectorstores.registry import open_vector_store
    from model_runtime.providers.hashing import HashingEmbedder
    from support.ids import uuid7

    team, embedder, store = ensure_team(slug="bench", name="Bench"), HashingEmbedder(), open_vector_store()
    dataset = create_dataset(team_id=team.id, name=f"Speed {chunks}")
    dataset.space, dataset.dim = embedder.space, embedder.dim
    ns = Namespace(dataset_id=dataset.id, space=dataset.space, dim=dataset.dim, size=chunks)
    store.ensure(ns)
    chance, texts, df, total = random.Random(1), [], dict[str, int](), 0
    weights = [1 / (rank + 10) for rank in range(VOCABULARY)]
    words = [f"{'bcdfghklmnprst'[n % 14]}{'aeiou'[n % 5]}{n:x}" for n in range(VOCABULARY)]
    for start in range(0, chunks, BATCH):
        document = Document.objects.create(
            team=team, dataset=dataset, name=f"{start}.txt", status="ready", version=1, chunk_count=BATCH
        )
        rows, records = [], []
        batch = [" ".join(chance.choices(words, weights, k=WORDS_PER_CHUNK)) for _ in range(min(BATCH, chunks - start))]
        for ordinal, (text, vector) in enumerate(zip(batch, embedder.embed_now(batch), strict=True)):
            terms = term_counts(text)
            total += sum(terms.values())
            for term in terms:
                df[term] = df.get(term, 0) + 1
            row = Chunk(
                id=uuid7(),
                version=1,
                team=team,
                dataset=dataset,
                document=document,
                ordinal=ordinal,
                key=f"{start}-{ordinal}",
                text=text,
                char_start=0,
                char_end=len(text),
                terms=terms,
                term_count=sum(terms.values()),
                lexemes=tsvector_literal(terms),
                status="ready",
            )
            rows.append(row)
            records.append(Record(id=row.id, document_id=document.id, vector=vector))
        write(rows)
        store.upsert(ns, records)
        texts += batch[:20]
        say(f"{start + len(batch)}/{chunks} chunks", every=start % (10 * BATCH) == 0)
    DatasetTerm.objects.bulk_create(
        [DatasetTerm(dataset=dataset, term=term, df=count) for term, count in df.items()], batch_size=5_000
    )
    dataset.chunk_count, dataset.term_total = chunks, total
    dataset.save()
    say("building the index of vectors")
    store.optimise(ns)
    analyse_tables(ns)
    return dataset, texts


def write(rows: list[Any]) -> None:
    from django.db import connection

    columns = "id, version, team_id, dataset_id, document_id, ordinal, key, text, char_start, char_end, heading_path, "
    columns += "terms, term_count, lexemes, is_enabled, status"
    with connection.cursor() as cursor, cursor.copy(f"COPY datasets_chunk ({columns}) FROM STDIN") as copy:
        for row in rows:
            place = (row.ordinal, row.key, row.text, row.char_start, row.char_end, "[]", json.dumps(row.terms))
            owner = (row.id, row.version, row.team_id, row.dataset_id, row.document_id)
            copy.write_row((*owner, *place, row.term_count, row.lexemes, True, "ready"))


def analyse_tables(ns: Any) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for table in ("datasets_chunk", "datasets_document", f"chunk_vector_{ns.dim}"):
            cursor.execute(f"VACUUM ANALYZE {table}")


def say(words: str, *, every: bool = True) -> None:
    if every:
        print(words, file=sys.stderr)


if __name__ == "__main__":
    main()
