"""Asking the program that keeps an external dataset, over the API that Dify made known.

    POST <endpoint>/retrieval   {knowledge_id, query, retrieval_setting{top_k, score_threshold}, metadata_condition}
    200                         {records: [{content, score, title, metadata}]}

The address is somebody's word, so requests leave through the guarded way out, with limits on time and size, and are
not redirected: the key is for the host that was named.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID, uuid5

import httpx
import orjson
from django.utils.translation import gettext as _

from apps.datasets.models import Dataset, ExternalKnowledge
from apps.datasets.services.errors import ExternalKnowledgeFailed
from apps.datasets.services.importing_fetch import operator_policy
from apps.datasets.services.metadata_filters import SPELLINGS
from apps.datasets.services.retrieve_passages import RetrievedPassage
from apps.datasets.services.waiting import Steps, run_here
from providers.crypto import UnreadableSecret
from support.egress import EgressRefused, open_client, read_bounded

MAX_BYTES = 8 << 20
MAX_TEXT = 100_000
MAX_TITLE = 500
_DIFY = {ours: theirs for theirs, ours in SPELLINGS.items() if theirs != "=="}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What every external dataset of a search is asked."""

    query: str
    top_k: int
    condition: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one of them answered: passages, best first, or why there are none."""

    dataset_name: str
    passages: Sequence[RetrievedPassage] = ()
    error: ExternalKnowledgeFailed | None = None


def ask_external(
    datasets: Sequence[UUID], asked: Question, *, thresholds: Mapping[UUID, float | None]
) -> Steps[list[Answer]]:
    """Ask all of them at once; a failure is part of the answer."""
    rows = list(ExternalKnowledge.objects.select_related("dataset").filter(dataset_id__in=datasets).order_by("id"))
    answers: list[Answer] = yield partial(_ask_all, rows, asked, thresholds)
    return answers


def try_connection(dataset: Dataset) -> ExternalKnowledgeFailed | None:
    """What a question to it meets just now; None when it answers."""
    return run_here(ask_external([dataset.id], Question(query="test", top_k=1), thresholds={}))[0].error


async def _ask_all(
    rows: Sequence[ExternalKnowledge], asked: Question, thresholds: Mapping[UUID, float | None]
) -> list[Answer]:
    return list(await asyncio.gather(*(_ask(row, asked, thresholds.get(row.dataset_id)) for row in rows)))


async def _ask(row: ExternalKnowledge, asked: Question, threshold: float | None) -> Answer:
    try:
        records = await _request(row, asked, threshold)
    except ExternalKnowledgeFailed as exc:
        return Answer(dataset_name=row.dataset.name, error=exc)
    good = [each for each in records if threshold is None or each.score >= threshold]
    best = sorted(good, key=lambda each: -each.score)[: asked.top_k]
    return Answer(dataset_name=row.dataset.name, passages=best)


async def _request(row: ExternalKnowledge, asked: Question, threshold: float | None) -> list[RetrievedPassage]:
    body: dict[str, Any] = {
        "knowledge_id": row.knowledge_id,
        "query": asked.query,
        "retrieval_setting": {"top_k": asked.top_k, "score_threshold": threshold or 0.0},
    }
    if asked.condition is not None:
        body["metadata_condition"] = _as_dify(asked.condition)
    try:
        secret = row.read_secret()
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        headers |= {"Authorization": f"Bearer {secret}"} if secret else {}
        async with asyncio.timeout(row.timeout), open_client(operator_policy(), timeout=row.timeout) as client:
            request = client.stream("POST", f"{row.endpoint}/retrieval", content=orjson.dumps(body), headers=headers)
            async with request as response:
                content, whole = await read_bounded(response, limit=MAX_BYTES)
    except UnreadableSecret as exc:
        raise ExternalKnowledgeFailed(_("Its key cannot be read. Enter the key again."), reason="bad_key") from exc
    except EgressRefused as exc:
        raise ExternalKnowledgeFailed(exc.message, reason=exc.code) from exc
    except (TimeoutError, httpx.TimeoutException) as exc:
        message = _("It did not answer within %(seconds)s seconds.") % {"seconds": row.timeout}
        raise ExternalKnowledgeFailed(message, reason="timeout") from exc
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        message = _("It cannot be reached: %(reason)s.") % {"reason": str(exc) or type(exc).__name__}
        raise ExternalKnowledgeFailed(message, reason="unreachable") from exc
    if not whole:
        raise ExternalKnowledgeFailed(
            _("It answers with more than %(megabytes)s MB.") % {"megabytes": MAX_BYTES >> 20}, reason="too_large"
        )
    if response.status_code != 200:
        raise _refusal(response.status_code, content)
    return _passages(row, content)


def _refusal(status: int, content: bytes) -> ExternalKnowledgeFailed:
    """What the other side says about itself, with Dify's error codes where it uses them."""
    try:
        told = orjson.loads(content)
    except orjson.JSONDecodeError:
        told = None
    code = told.get("error_code") if isinstance(told, dict) else None
    said = str(told.get("error_msg") or told.get("message") or "")[:300] if isinstance(told, dict) else ""
    reason = "bad_key" if status in (401, 403) or code in (1001, 1002) else "no_such_knowledge" if code == 2001 else ""
    message = _("It answers %(status)s.") % {"status": f"{status}: {said}" if said else status}
    return ExternalKnowledgeFailed(message, reason=reason or "http_status", status_of_answer=status)


def _passages(row: ExternalKnowledge, content: bytes) -> list[RetrievedPassage]:
    try:
        told = orjson.loads(content)
    except orjson.JSONDecodeError as exc:
        raise ExternalKnowledgeFailed(_("Its answer is not JSON."), reason="bad_answer") from exc
    records = told.get("records") if isinstance(told, dict) else None
    if not isinstance(records, list):
        raise ExternalKnowledgeFailed(_("Its answer has no list of records."), reason="bad_answer")
    return [_passage(row, each) for each in records if isinstance(each, dict) and _text(each.get("content"))]


def _passage(row: ExternalKnowledge, record: Mapping[str, Any]) -> RetrievedPassage:
    given = record.get("metadata")
    metadata = {str(key): value for key, value in given.items()} if isinstance(given, dict) else {}
    url = next((str(link) for link in map(metadata.get, ("url", "source", "path")) if _is_link(link)), "")
    text, title = _text(record.get("content")), _text(record.get("title"))[:MAX_TITLE]
    source = str(metadata.get("document_id") or title or url)
    score = record.get("score")
    worth = float(score) if isinstance(score, (int, float)) and not isinstance(score, bool) else 0.0
    return RetrievedPassage(
        chunk_id=str(uuid5(row.dataset_id, f"{source}\n{text}")),
        document_id=str(uuid5(row.dataset_id, source)),
        document_name=title or url or row.dataset.name,
        dataset_id=str(row.dataset_id),
        dataset_name=row.dataset.name,
        text=text,
        score=round(worth, 6),
        scores={"external": round(worth, 6)},
        url=url,
        is_external=True,
    )


def _text(value: object) -> str:
    return value[:MAX_TEXT].replace("\x00", "").strip() if isinstance(value, str) else ""


def _is_link(value: object) -> bool:
    return isinstance(value, str) and value.startswith(("http://", "https://")) and len(value) < 2_000


def _as_dify(condition: Mapping[str, Any]) -> dict[str, Any]:
    """A filter as the API has it: names are lists, operators are words."""
    return {
        "logical_operator": condition.get("logical", condition.get("logical_operator")) or "and",
        "conditions": [
            {
                "name": each["name"] if isinstance(each.get("name"), list) else [each.get("name")],
                "comparison_operator": _operator(each),
                "value": each.get("value"),
            }
            for each in condition.get("conditions") or ()
            if isinstance(each, Mapping)
        ],
    }


def _operator(condition: Mapping[str, Any]) -> str:
    written = str(condition.get("op", condition.get("comparison_operator")))
    return _DIFY.get(written, written)
