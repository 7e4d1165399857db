"""Datasets over the API: list, make, change, delete, search."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from apps.datasets.api.retrieval_model import read_retrieval_model
from apps.datasets.api.shapes import dataset_body, hits_of_chunks, record_body
from apps.datasets.api.views import DatasetView, body_of, paged, text_in
from apps.datasets.models import Dataset, Document
from apps.datasets.services.datasets import create_dataset, delete_dataset, describe_dataset
from apps.datasets.services.queries import log_query
from apps.datasets.services.retrieve import MAX_QUERY_CHARS, Search, search
from apps.datasets.settings_of_dataset import RerankSettings, checked_settings
from support.errors import InvalidInput, NotAllowed


class Datasets(DatasetView):
    """GET and POST /v1/datasets."""

    def get(self, request: Request) -> Response:
        found: QuerySet[Dataset] = self.caller().datasets().order_by("-id")
        if keyword := request.query_params.get("keyword", "").replace("\x00", "").strip():
            found = found.filter(name__icontains=keyword)
        return paged(request, found, dataset_body)

    def post(self, request: Request) -> Response:
        if not self.caller().opens_all:
            raise NotAllowed("This key opens one dataset; only a key of the whole team makes new ones.")
        body = body_of(request)
        made = create_dataset(
            team_id=self.caller().team_id,
            name=text_in(body, "name", most=200, required=True),
            description=text_in(body, "description", most=2_000),
            embedding_model=_model_name(body),
            settings=_settings(body, {}),
        )
        return Response(dataset_body(self.dataset(made.id)))


class DatasetDetail(DatasetView):
    """GET, PATCH and DELETE /v1/datasets/<id>."""

    def get(self, request: Request, dataset_id: UUID) -> Response:
        return Response(dataset_body(self.dataset(dataset_id)))

    def patch(self, request: Request, dataset_id: UUID) -> Response:
        dataset, body = self.dataset(dataset_id), body_of(request)
        settings = _settings(body, dataset.settings)
        describe_dataset(
            dataset,
            name=text_in(body, "name", most=200) or dataset.name,
            description=text_in(body, "description", most=2_000) if "description" in body else dataset.description,
        )
        if settings != dataset.settings:
            Dataset.objects.filter(id=dataset.id).update(settings=settings, updated_at=timezone.now())
        return Response(dataset_body(self.dataset(dataset_id)))

    def delete(self, request: Request, dataset_id: UUID) -> Response:
        delete_dataset(self.dataset(dataset_id))
        return Response(status=204)


class Retrieve(DatasetView):
    """POST /v1/datasets/<id>/retrieve, and its other name /hit-testing."""

    reads = True

    def post(self, request: Request, dataset_id: UUID) -> Response:
        dataset, body = self.dataset(dataset_id), body_of(request)
        query = text_in(body, "query", most=MAX_QUERY_CHARS, required=True)
        found = search(Search(team_id=dataset.team_id, datasets=[str(dataset.id)], query=query, **_options(body)))
        log_query(found, query=query, team_id=dataset.team_id, source="api")
        documents = Document.objects.select_related("dataset").in_bulk(
            [UUID(hit.document_id) for hit in found.passages]
        )
        counted = hits_of_chunks(UUID(hit.chunk_id) for hit in found.passages if not hit.is_external)
        by_id = {str(key): document for key, document in documents.items()}
        return Response(
            {
                "query": {"content": query},
                "records": [record_body(hit, by_id, hits=counted.get(UUID(hit.chunk_id), 0)) for hit in found.passages],
                "notes": [{"code": note.code, "message": note.message} for note in found.notes],
            }
        )


def _options(body: dict[str, Any]) -> dict[str, Any]:
    """What a request says about how to search; what it leaves out is as the dataset's settings say."""
    model = body.get("retrieval_model")
    chosen = checked_settings({"retrieval": read_retrieval_model(model)}) if model else {}
    read = chosen.get("retrieval", {})
    options: dict[str, Any] = {}
    if isinstance(model, dict):
        options["method"] = read["method"] if "search_method" in model else None
        options["top_k"] = read["top_k"] if model.get("top_k") is not None else None
        options["min_score"] = read["min_score"]
        options["weight"] = (read["weights"] or {}).get("lexical")
        if "reranking_enable" in model:
            options["rerank"] = RerankSettings(**read["rerank"]) if read["rerank"] else "off"
        conditions = model.get("metadata_filtering_conditions")
        if conditions is not None and not isinstance(conditions, dict):
            raise InvalidInput("This must be an object.", path="/retrieval_model/metadata_filtering_conditions")
        options["filter"] = conditions
    return options


def _settings(body: dict[str, Any], stored: dict[str, Any]) -> dict[str, Any]:
    if body.get("retrieval_model") is None:
        return stored
    before = stored.get("retrieval") if isinstance(stored.get("retrieval"), dict) else {}
    return checked_settings(
        {**stored, "retrieval": {**(before or {}), **read_retrieval_model(body["retrieval_model"])}}
    )


def _model_name(body: dict[str, Any]) -> str:
    name, provider = text_in(body, "embedding_model", most=200), text_in(body, "embedding_model_provider", most=200)
    provider = provider.rpartition("/")[2]
    return f"{provider}/{name}" if name and provider and "/" not in name else name
