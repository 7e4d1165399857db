"""The settings of a search as Dify's clients write them, read and written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.datasets.models import Dataset
from apps.datasets.settings_of_dataset import RetrievalSettings, read_settings
from support.errors import InvalidInput

METHODS = {
    "hybrid_search": "hybrid",
    "semantic_search": "semantic",
    "full_text_search": "full_text",
    "keyword_search": "full_text",
}
_BACK = {"hybrid": "hybrid_search", "semantic": "semantic_search", "full_text": "full_text_search"}


def read_retrieval_model(given: Any) -> dict[str, Any]:
    """The keys of `Dataset.settings["retrieval"]` that a retrieval model sets. Raises InvalidInput."""
    model = _object(given, "/retrieval_model")
    method = model.get("search_method")
    if method is not None and method not in METHODS:
        raise InvalidInput(f"search_method must be one of {', '.join(METHODS)}.", path="/retrieval_model/search_method")
    read: dict[str, Any] = {"method": METHODS[method]} if method else {}
    if model.get("top_k") is not None:
        read["top_k"] = model["top_k"]
    if "score_threshold_enabled" in model:
        read["min_score"] = model.get("score_threshold") if model["score_threshold_enabled"] else None
    keyword = _object(_object(model.get("weights"), "/weights").get("keyword_setting"), "/weights/keyword_setting")
    if keyword.get("keyword_weight") is not None:
        read["weights"] = {"lexical": keyword["keyword_weight"]}
    return read | _read_rerank(model)


def written_retrieval_model(dataset: Dataset) -> dict[str, Any]:
    """The reverse, of what a dataset has chosen."""
    chosen: RetrievalSettings = read_settings(dataset.settings).retrieval
    provider, _slash, name = (chosen.rerank.model if chosen.rerank else "").rpartition("/")
    weight = chosen.lexical_weight
    return {
        "search_method": _BACK[chosen.method],
        "reranking_enable": chosen.rerank is not None,
        "reranking_mode": "reranking_model" if chosen.rerank else "weighted_score",
        "reranking_model": {"reranking_provider_name": provider, "reranking_model_name": name},
        "weights": None
        if weight is None
        else {
            "weight_type": "customized",
            "vector_setting": {
                "vector_weight": round(1 - weight, 6),
                "embedding_provider_name": dataset.embedding_model.rpartition("/")[0],
                "embedding_model_name": dataset.embedding_model.rpartition("/")[2],
            },
            "keyword_setting": {"keyword_weight": weight},
        },
        "top_k": chosen.top_k,
        "score_threshold_enabled": chosen.min_score is not None,
        "score_threshold": chosen.min_score or 0,
    }


def _read_rerank(model: Mapping[str, Any]) -> dict[str, Any]:
    if "reranking_enable" not in model:
        return {}
    if not model["reranking_enable"] or model.get("reranking_mode") == "weighted_score":
        return {"rerank": None}
    named = _object(model.get("reranking_model"), "/reranking_model")
    provider, name = named.get("reranking_provider_name"), named.get("reranking_model_name")
    if not isinstance(name, str) or not name:
        raise InvalidInput("reranking_model needs a reranking_model_name.", path="/retrieval_model/reranking_model")
    provider = provider.rpartition("/")[2] if isinstance(provider, str) else ""
    return {"rerank": {"model": f"{provider}/{name}" if provider and "/" not in name else name}}


def _object(value: Any, path: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidInput("This must be an object.", path=path)
    return value
