"""Datasets, documents, segments and passages as Dify's clients read them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery, Sum

from apps.datasets.api.retrieval_model import written_retrieval_model
from apps.datasets.models import Chunk, ChunkHit, Document
from apps.datasets.selectors.documents import reason_of
from apps.datasets.selectors.metadata import FieldValue, built_in_values, fields_of, values_of
from apps.datasets.services.retrieve import RetrievedPassage
from apps.datasets.settings_of_dataset import read_settings, settings_of_document
from apps.datasets.text.scripts import estimate_tokens

STATUS = {
    "uploaded": "waiting",
    "extracting": "parsing",
    "chunking": "splitting",
    "embedding": "indexing",
    "paused": "paused",
    "ready": "completed",
    "error": "error",
    "cancelled": "error",
}
FORMS = {"general": "text_model", "parent_child": "hierarchical_model", "qa": "qa_model"}


def dataset_body(dataset: Any) -> dict[str, Any]:
    """A dataset; it comes with the counts of `datasets_of`."""
    provider, _slash, model = dataset.embedding_model.rpartition("/")
    return {
        "id": str(dataset.id),
        "name": dataset.name,
        "description": dataset.description,
        "provider": "external" if dataset.kind == "external" else "vendor",
        "permission": "all_team_members",
        "data_source_type": "upload_file",
        "indexing_technique": "high_quality",
        "app_count": 0,
        "document_count": dataset.document_count,
        "total_documents": dataset.document_count,
        "total_available_documents": dataset.document_count - dataset.indexing_count - dataset.error_count,
        "word_count": 0,
        "created_by": str(dataset.created_by_id or ""),
        "author_name": str(dataset.created_by or ""),
        "created_at": _seconds(dataset.created_at),
        "updated_by": "",
        "updated_at": _seconds(dataset.updated_at),
        "embedding_model": model,
        "embedding_model_provider": provider,
        "embedding_available": True,
        "retrieval_model_dict": written_retrieval_model(dataset),
        "summary_index_setting": None,
        "tags": [],
        "doc_form": FORMS[read_settings(dataset.settings).chunking.mode],
        "external_knowledge_info": None,
        "external_retrieval_model": None,
        "doc_metadata": [{"id": str(field.id), "name": field.name, "type": field.kind} for field in fields_of(dataset)],
        "built_in_field_enabled": True,
        "pipeline_id": None,
        "enable_api": True,
        "is_multimodal": False,
    }


def form_of(document: Document) -> str:
    """How a document is cut, in Dify's word."""
    return FORMS[settings_of_document(document.dataset.settings, document.settings).chunking.mode]


def with_hits(documents: QuerySet[Document]) -> QuerySet[Document]:
    """The documents with how often chunks of each were handed out, in one query."""
    counted = ChunkHit.objects.filter(document_id=OuterRef("id")).order_by().values("document_id")
    return documents.annotate(hits=Subquery(counted.annotate(total=Sum("count")).values("total")))


def hits_of(document: Document) -> int:
    """How often chunks of a document were handed out to apps and programs."""
    if hasattr(document, "hits"):
        return int(document.hits or 0)
    total = ChunkHit.objects.filter(document_id=document.id).aggregate(total=Sum("count"))["total"]
    return int(total or 0)


def hits_of_chunks(keys: Iterable[UUID]) -> dict[UUID, int]:
    """The same for single chunks."""
    return dict(ChunkHit.objects.filter(chunk_id__in=list(keys)).values_list("chunk_id", "count"))


def document_body(document: Document) -> dict[str, Any]:
    """A document with how far it is."""
    return {
        "id": str(document.id),
        "position": 1,
        "data_source_type": "website_crawl" if document.metadata.get("source") == "website" else "upload_file",
        "data_source_info": {
            "upload_file": {"name": document.name, "size": document.size},
            **({"url": document.metadata["url"]} if document.metadata.get("url") else {}),
        },
        "data_source_detail_dict": {},
        "dataset_process_rule_id": "",
        "name": document.name,
        "created_from": "api",
        "created_by": str(document.created_by_id or ""),
        "created_at": _seconds(document.created_at),
        "updated_at": _seconds(document.updated_at),
        "tokens": 0,
        "indexing_status": STATUS[document.status],
        "error": reason_of(document) or None,
        "enabled": document.is_enabled,
        "disabled_at": None,
        "disabled_by": None,
        "archived": False,
        "display_status": display_status(document),
        "word_count": document.characters,
        "hit_count": hits_of(document),
        "segment_count": document.chunk_count,
        "doc_form": form_of(document),
        "doc_metadata": metadata_body(document),
        "need_summary": False,
        "summary_index_status": None,
    }


def display_status(document: Document) -> str:
    """The one word that clients show."""
    if document.status == Document.Status.READY:
        return "available" if document.is_enabled else "disabled"
    if document.status == Document.Status.UPLOADED:
        return "queuing"
    if document.status in (Document.Status.ERROR, Document.Status.CANCELLED):
        return "error"
    return "paused" if document.status == Document.Status.PAUSED else "indexing"


def metadata_body(document: Document) -> list[dict[str, Any]]:
    """What a document has in its fields, and what every document has."""
    return [_value(each) for each in (*values_of(document), *built_in_values(document))]


def segment_body(chunk: Chunk, *, hits: int = 0) -> dict[str, Any]:
    """A chunk as a segment."""
    return {
        "id": str(chunk.id),
        "position": chunk.ordinal + 1,
        "document_id": str(chunk.document_id),
        "content": chunk.text,
        "sign_content": chunk.text,
        "answer": chunk.answer,
        "word_count": len(chunk.text),
        "tokens": round(estimate_tokens(chunk.text)),
        "keywords": [],
        "index_node_id": str(chunk.id),
        "index_node_hash": chunk.key,
        "hit_count": hits,
        "enabled": chunk.is_enabled,
        "disabled_at": None,
        "disabled_by": None,
        "status": "completed" if chunk.status == Chunk.Status.READY else "indexing",
        "created_by": "",
        "created_at": _seconds(chunk.document.created_at),
        "updated_at": _seconds(chunk.document.updated_at),
        "indexing_at": None,
        "completed_at": None,
        "error": None,
        "stopped_at": None,
        "child_chunks": [],
        "attachments": [],
        "summary": None,
        "page": chunk.page,
        "heading_path": list(chunk.heading_path),
    }


def record_body(hit: RetrievedPassage, documents: Mapping[str, Document], *, hits: int = 0) -> dict[str, Any]:
    """A passage that a search found, with where it stands and the score of every leg.

    Where children were found the segment is their parent, as in the list of segments.
    """
    document = documents.get(hit.document_id)
    return {
        "segment": {
            "id": hit.parent_id or hit.chunk_id,
            "position": hit.ordinal + 1,
            "document_id": hit.document_id,
            "content": hit.text,
            "sign_content": hit.text,
            "answer": hit.answer,
            "word_count": len(hit.text),
            "tokens": round(estimate_tokens(hit.text)),
            "keywords": [],
            "index_node_id": hit.chunk_id,
            "index_node_hash": "",
            "hit_count": hits,
            "enabled": True,
            "disabled_at": None,
            "disabled_by": None,
            "status": "completed",
            "created_by": "",
            "created_at": _seconds(document.created_at) if document else 0,
            "indexing_at": None,
            "completed_at": None,
            "error": None,
            "stopped_at": None,
            "document": {
                "id": hit.document_id,
                "data_source_type": "upload_file",
                "name": hit.document_name,
                "doc_type": None,
                "doc_metadata": document_metadata(document),
            },
            "page": hit.page,
            "char_start": hit.char_start,
            "char_end": hit.char_end,
            "heading_path": list(hit.heading_path),
        },
        "child_chunks": [
            {"id": child.chunk_id, "content": child.text, "position": child.ordinal + 1, "score": child.score}
            for child in hit.children
        ],
        "score": hit.score,
        "scores": dict(hit.scores),
        "tsne_position": None,
        "files": [],
        "summary": None,
    }


def document_metadata(document: Document | None) -> dict[str, Any] | None:
    """What is written down about a document, by name; None where there is nothing."""
    if document is None:
        return None
    return {each.name: each.value for each in values_of(document) if each.value is not None} or None


def _value(value: FieldValue) -> dict[str, Any]:
    return {"id": value.id, "name": value.name, "type": value.kind, "value": value.value}


def _seconds(moment: dt.datetime) -> int:
    return int(moment.timestamp())
