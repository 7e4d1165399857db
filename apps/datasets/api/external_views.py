"""The external knowledge API from the other side: another program (Dify, say) searches a dataset of ours.

It is given the address `/v1/external` and a dataset key; the knowledge id is a dataset's id or its name in apps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import Q
from rest_framework.request import Request
from rest_framework.response import Response

from apps.datasets.api.shapes import document_metadata
from apps.datasets.api.views import DatasetView, body_of, text_in
from apps.datasets.models import Dataset, Document
from apps.datasets.selectors.errors import DatasetNotFound
from apps.datasets.services.queries import log_query
from apps.datasets.services.retrieve import MAX_QUERY_CHARS, MAX_TOP_K, Search, search
from apps.datasets.services.retrieve_passages import RetrievedPassage
from support.errors import InvalidInput, NotAuthenticated

#: The codes that the API has besides the status.
WRONG_HEADER, WRONG_KEY, NO_SUCH_KNOWLEDGE = 1001, 1002, 2001


class ExternalRetrieval(DatasetView):
    """POST /v1/external/retrieval."""

    reads = True

    def post(self, request: Request) -> Response:
        body = body_of(request)
        dataset = self._named(text_in(body, "knowledge_id", most=300, required=True).strip())
        query = text_in(body, "query", most=MAX_QUERY_CHARS, required=True)
        found = search(Search(team_id=dataset.team_id, datasets=[str(dataset.id)], query=query, **_options(body)))
        log_query(found, query=query, team_id=dataset.team_id, source="api")
        keys = [UUID(hit.document_id) for hit in found.passages]
        documents = Document.objects.select_related("dataset").in_bulk(keys)
        by_id = {str(key): document for key, document in documents.items()}
        return Response({"records": [_record(hit, by_id.get(hit.document_id)) for hit in found.passages]})

    def handle_exception(self, exc: Exception) -> Response:
        """The usual answer, with the error_code and error_msg that callers of this API look for."""
        answer: Response = super().handle_exception(exc)
        if isinstance(answer.data, dict):
            answer.data = {"error_code": _code(exc), "error_msg": answer.data.get("message", ""), **answer.data}
        return answer

    def _named(self, name: str) -> Dataset:
        # One that is kept elsewhere is not passed on: two programs could ask each other for ever.
        opened = self.caller().datasets().filter(kind=Dataset.Kind.OWN)
        try:
            chosen = Q(id=UUID(name)) | Q(slug=name)
        except ValueError:
            chosen = Q(slug=name)
        found = opened.filter(chosen).first()
        if found is None:
            raise DatasetNotFound([name], known=[each.slug for each in opened[:20]])
        return found


def _options(body: Mapping[str, Any]) -> dict[str, Any]:
    setting = body.get("retrieval_setting") or {}
    if not isinstance(setting, Mapping):
        raise InvalidInput("This must be an object.", path="/retrieval_setting")
    top_k, threshold = setting.get("top_k"), setting.get("score_threshold")
    if top_k is not None and (not isinstance(top_k, int) or isinstance(top_k, bool) or not 1 <= top_k <= MAX_TOP_K):
        raise InvalidInput(f"This must be a number from 1 to {MAX_TOP_K}.", path="/retrieval_setting/top_k")
    if threshold is not None and (not isinstance(threshold, (int, float)) or isinstance(threshold, bool)):
        raise InvalidInput("This must be a number.", path="/retrieval_setting/score_threshold")
    condition = body.get("metadata_condition")
    if condition is not None and not isinstance(condition, Mapping):
        raise InvalidInput("This must be an object.", path="/metadata_condition")
    # A threshold of zero is how callers say that they want none.
    return {"top_k": top_k, "min_score": threshold or None, "filter": _filter(condition) if condition else None}


def _filter(condition: Mapping[str, Any]) -> dict[str, Any]:
    """The condition with one name each; several names in one are several conditions."""
    conditions: list[Any] = []
    for each in condition.get("conditions") or ():
        names = each.get("name") if isinstance(each, Mapping) else None
        conditions.extend([{**each, "name": name} for name in names] if isinstance(names, list) else [each])
    return {**condition, "conditions": conditions}


def _record(hit: RetrievedPassage, document: Document | None) -> dict[str, Any]:
    told: dict[str, Any] = {"document_id": hit.document_id, "segment_id": hit.chunk_id, "dataset_id": hit.dataset_id}
    told |= {} if hit.page is None else {"page": hit.page}
    if document is not None and isinstance(url := document.metadata.get("url"), str):
        told["url"] = url
    return {
        "content": hit.text,
        "score": hit.score,
        "title": hit.document_name,
        "metadata": {**(document_metadata(document) or {}), **told},
    }


def _code(exc: Exception) -> int:
    if isinstance(exc, DatasetNotFound):
        return NO_SUCH_KNOWLEDGE
    if isinstance(exc, NotAuthenticated):
        return WRONG_HEADER if "Bearer" in exc.message else WRONG_KEY
    return 0
