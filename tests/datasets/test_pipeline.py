"""The pipeline beside a difficult provider and many teams: pace, patience, turns, and what is never paid for twice."""

import datetime as dt
import threading
import time

import pytest
from django.db import OperationalError
from django.utils import timezone

from apps.datasets import tasks
from apps.datasets.models import CachedVector, Chunk, Document, IndexRun
from apps.datasets.selectors.documents import open_document, progress_of, reason_of
from apps.datasets.services import calling, indexing, runs, scheduling, throttle
from apps.datasets.services.calling import Throttled, vectors_for
from apps.datasets.services.datasets import create_dataset
from apps.datasets.vectorstores.errors import BadVector, StoreMisconfigured, StoreRefused, StoreUnavailable
from model_runtime.errors import (
    BadModelRequest,
    InvalidModelReply,
    ProviderMisconfigured,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    UnauthorizedProvider,
)
from model_runtime.providers.hashing import HashingEmbedder
from model_runtime.types import CallLimits
from support.ids import uuid7
from tests.datasets.making import long_pdf, put


class Provider(HashingEmbedder):
    """An embedding model behind a key, with limits; says what it was told to before it answers."""

    name = "acme/words"
    space = f"acme/words/v1/{HashingEmbedder.dim}"

    def __init__(self, *errors, rpm=0, tpm=0):
        self.errors, self.calls, self.sent = list(errors), 0, []
        self.limits = CallLimits(key=f"test-{uuid7()}", requests_per_minute=rpm, tokens_per_minute=tpm)

    async def embed(self, texts):
        self.calls += 1
        if self.errors and (error := self.errors.pop(0)) is not None:
            raise error
        self.sent.extend(texts)
        return self.embed_now(texts)


@pytest.fixture
def provider(monkeypatch):
    """Let every dataset use this model."""

    def use(*errors, **limits):
        model = Provider(*errors, **limits)
        monkeypatch.setattr(indexing, "open_embedding_model", lambda name, team_id: model)
        return model

    return use


def begin(dataset, pages=4):
    added = put(dataset, "book.pdf", long_pdf(pages), index=False)
    return added.document, added.run_id


def works(document, *, limit=50):
    """Do what the workers would do until nothing is left to do now."""
    for _ in range(limit):
        indexing.work(owner="worker")
        document.refresh_from_db()
        if not scheduling.has_work():
            return


def test_a_busy_provider_is_obeyed_told_of_and_tried_again(dataset, provider):
    model = provider(RateLimited("Slow down.", retry_after=30))
    document, _run_id = begin(dataset)
    indexing.work(owner="worker")
    calls, wait = indexing.work(owner="worker")
    assert calls == 0
    assert 30 <= wait <= 32
    run = IndexRun.objects.get()
    assert (run.waiting["code"], run.retries) == ("rate_limited", 1)
    document = open_document(document.id, team_id=dataset.team_id)
    assert progress_of(document).waiting == "Slow down."
    # Nobody else calls either.
    with pytest.raises(Throttled):
        vectors_for(["other"], model=model, team_id=dataset.team_id)
    throttle.close_for(model.limits, seconds=0.001)
    IndexRun.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    works(document)
    run.refresh_from_db()
    assert (document.status, run.outcome, run.retries, run.waiting) == ("ready", "ready", 0, None)


def test_patience_ends_after_eight_failures_in_a_row_with_the_providers_reason(dataset, provider):
    provider(*[RateLimited("Slow down.")] * 20)
    document, _run_id = begin(dataset)
    for _ in range(30):
        IndexRun.objects.filter(finished_at=None).update(lease_owner="", lease_until=timezone.now())
        indexing.work(owner="worker")
    document.refresh_from_db()
    assert (document.status, document.error["code"]) == ("error", "rate_limited")
    assert reason_of(document).startswith("Slow down. Try again later.")
    assert indexing.MAX_RETRIES == 8


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (InvalidModelReply("acme sent 0 vectors for 2 texts."), "Check the address and the model"),
        (ProviderMisconfigured("acme makes vectors of 7 dimensions; it is set up with 8."), "dimension"),
        (ProviderUnavailable("acme does not answer."), "can be reached"),
        (ProviderTimeout("acme does not answer in time."), "can be reached"),
        (BadVector("Vector 0 is all zeros: it has no direction."), "Move the dataset"),
        (StoreUnavailable("Qdrant does not answer (ConnectError)."), "once the vector store runs"),
        (StoreRefused("Qdrant refused the call with status 400."), "vector store's log"),
        (StoreMisconfigured("Qdrant refuses the key: check QDRANT_API_KEY."), "administrator of the installation"),
    ],
    ids=lambda value: getattr(value, "code", None),
)
def test_whatever_ends_a_run_is_told_with_what_to_do_next(dataset, provider, error, says):
    provider(*[error] * 20)
    document, _run_id = begin(dataset)
    for _ in range(30):
        IndexRun.objects.filter(finished_at=None).update(lease_owner="", lease_until=timezone.now())
        indexing.work(owner="worker")
    document.refresh_from_db()
    assert (document.status, document.error["code"], document.version) == ("error", error.code, 0)
    assert reason_of(document).startswith(error.message)
    assert says in reason_of(document).removeprefix(error.message)


def test_a_refused_key_stops_at_once_and_says_what_to_do(dataset, provider):
    model = provider(UnauthorizedProvider("acme refuses the key that is stored for it."))
    document, _ = begin(dataset)
    works(document)
    assert (document.status, document.error["code"], model.calls) == ("error", "unauthorized_provider", 1)
    assert "Enter a working key" in reason_of(document)


def test_a_request_that_is_too_large_is_halved_until_it_fits(provider, dataset):
    model = provider(BadModelRequest("too many inputs"), BadModelRequest("too many inputs"))
    document, _ = begin(dataset)
    works(document)
    run = IndexRun.objects.get()
    assert (document.status, run.without_vector) == ("ready", 0)
    assert sorted(model.sent) == sorted(set(model.sent))
    assert model.calls > 2


def test_a_text_is_paid_for_once_whichever_document_or_attempt_it_stands_in(dataset, provider):
    model = provider()
    document, _ = begin(dataset)
    works(document)
    sent = len(model.sent)
    assert sent == CachedVector.objects.count() == len(set(model.sent)) > 5
    copy = create_dataset(team_id=dataset.team_id, name="Copy")
    other = put(copy, "copy.pdf", long_pdf(4), index=False).document
    works(other)
    assert (other.status, len(model.sent)) == ("ready", sent)
    assert IndexRun.objects.order_by("-id").first().embedded == 0
    CachedVector.objects.update(used_on=timezone.now().date() - dt.timedelta(days=40))
    assert tasks.forget_old_vectors() == sent


def test_two_workers_share_the_requests_of_a_minute():
    limits = CallLimits(key=f"test-{uuid7()}", requests_per_minute=120)
    taken: list[float] = []

    def call():
        until = time.monotonic() + 3
        while time.monotonic() < until:
            wait = throttle.take(limits, tokens=10)
            if wait == 0:
                taken.append(time.monotonic())
            else:
                time.sleep(min(wait, 0.2))

    threads = [threading.Thread(target=call) for _ in range(2)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.monotonic() - began
    assert len(taken) <= 120 / 6 + 2 * elapsed + 1
    assert len(taken) >= 120 / 6


def test_tokens_of_a_minute_are_counted_too_and_a_large_call_waits_for_a_full_bucket():
    limits = CallLimits(key=f"test-{uuid7()}", tokens_per_minute=6_000)
    assert throttle.take(limits, tokens=5_000) == 0
    wait = throttle.take(limits, tokens=5_000)
    assert 30 < wait < 60


def test_one_teams_many_documents_do_not_keep_another_team_waiting(dataset, other_team):
    for number in range(12):
        put(dataset, f"{number}.txt", f"Bees number {number}.", index=False)
    theirs = create_dataset(team_id=other_team.id, name="Theirs")
    late = put(theirs, "late.txt", "Wasps.", index=False).document
    for _ in range(5):
        indexing.work(owner="worker")
    late.refresh_from_db()
    assert late.status == "ready"
    assert Document.objects.filter(dataset=dataset, status="ready").count() < 4


def test_a_thousand_uploads_put_no_more_than_a_handful_of_calls_into_the_queue(
    dataset, monkeypatch, django_capture_on_commit_callbacks
):
    sent: list[str] = []
    monkeypatch.setattr("support.jobs.enqueue", lambda name, *args, countdown=0: sent.append(name))
    monkeypatch.setattr(runs, "CALLS", 4)
    with django_capture_on_commit_callbacks(execute=True):
        for number in range(10):
            put(dataset, f"{number}.txt", f"Bees number {number}.", index=False)
    assert sent == []
    from apps.datasets.services.documents import add_document

    IndexRun.objects.all().delete()
    with django_capture_on_commit_callbacks(execute=True):
        for number in range(10):
            add_document(dataset=dataset, name=f"n{number}.txt", content=[f"Wasps {number}.".encode()])
    assert sent == ["datasets.index_document"] * 4


def test_the_sweep_calls_workers_when_all_messages_were_lost_and_only_then(dataset, monkeypatch):
    sent: list[tuple[str, ...]] = []
    monkeypatch.setattr(tasks, "enqueue", lambda name, *args, countdown=0: sent.append((name, *args)))
    _document, run_id = begin(dataset)
    tasks.sweep_indexing()
    assert sent == [("datasets.index_document",)]
    sent.clear()
    assert runs.claim_run(run_id, owner="worker") is not None
    tasks.sweep_indexing()
    assert sent == []
    IndexRun.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    tasks.sweep_indexing()
    assert ("datasets.index_document", str(run_id)) in sent
    assert Chunk.objects.count() == 0


def test_a_sweep_comes_back_when_the_lease_of_somebody_silent_ends(dataset, monkeypatch):
    sent: list[tuple[str, float]] = []
    monkeypatch.setattr(tasks, "enqueue", lambda name, *args, countdown=0: sent.append((name, countdown)))
    _document, run_id = begin(dataset)
    runs.claim_run(run_id, owner="worker")
    tasks.sweep_indexing()
    assert sent == []
    IndexRun.objects.update(lease_until=timezone.now() + dt.timedelta(seconds=6))
    tasks.sweep_indexing()
    ((name, seconds),) = sent
    assert name == "datasets.sweep_indexing"
    assert 0 < seconds <= 6.1
    IndexRun.objects.update(lease_owner=runs.NOBODY_YET)
    assert runs.seconds_to_next_sweep() == 0


@pytest.mark.parametrize("stage", ["_read", "_embed"])
def test_a_piece_that_loses_the_database_is_done_again_without_waiting_for_its_lease(dataset, monkeypatch, stage):
    monkeypatch.setattr(tasks, "enqueue", lambda *args, **more: None)
    document, run_id = begin(dataset)
    calm, lost = getattr(indexing, stage), []

    def lose_it_once(*args, **more):
        if not lost:
            lost.append(True)
            raise OperationalError("the connection is gone")
        return calm(*args, **more)

    monkeypatch.setattr(indexing, stage, lose_it_once)
    if stage == "_embed":
        indexing.work(run_id, owner="worker")
    tasks.index_document.apply()
    works(document)
    assert lost
    assert (document.status, IndexRun.objects.get().outcome) == ("ready", "ready")


def test_the_end_is_estimated_by_the_pace_of_the_last_minute(dataset):
    document, _run_id = begin(dataset)
    now = time.time()
    IndexRun.objects.update(stage="embed", total=100, done=40, marks=[[now - 10, 4, 20], [now, 4, 40]])
    progress = progress_of(open_document(document.id, team_id=dataset.team_id))
    assert (progress.done, progress.total, progress.seconds_left) == (40, 100, 30)


def test_batches_are_packed_by_number_and_by_tokens():
    model = Provider()
    short = [f"word {number}" for number in range(calling.CALL + 1)]
    assert [len(batch) for batch in calling._batches(short, model)] == [calling.CALL, 1]
    long = ["word " * 30_000] * 3
    assert [len(batch) for batch in calling._batches(long, model)] == [1, 1, 1]
