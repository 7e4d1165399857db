"""knowledge-retrieval: which datasets, how many passages, filters on metadata."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from apps.workflows.dsl.dify.incoming import Here
from apps.workflows.dsl.dify.nodes.mapping import Config, Data, Mapped
from apps.workflows.dsl.dify.nodes.models import write_model
from apps.workflows.dsl.dify.outgoing import Writing
from apps.workflows.dsl.dify.reading import as_word, bounded, filled, flag_at, list_at, number_at, object_at, text_at
from apps.workflows.dsl.dify.words import OPERATORS, operator_of, reversed_of
from apps.workflows.nodes.knowledge_retrieval import OPERATORS as METADATA_OPERATORS
from apps.workflows.nodes.knowledge_retrieval import UNARY


def read_retrieval(data: Data) -> dict[str, Any]:
    """How many passages and how good: `multiple_retrieval_config`, or the settings of a simple app."""
    score = number_at(data, "score_threshold")
    if "score_threshold_enabled" in data and not flag_at(data, "score_threshold_enabled"):
        score = None
    top_k = number_at(data, "top_k")
    return filled(
        top_k=None if top_k is None else bounded(top_k, 1, 50, 5),
        min_score=None if score is None else max(0, min(1, score)),
    )


def _read(data: Data, here: Here) -> dict[str, Any]:
    datasets = [name for one in list_at(data, "dataset_ids") if (name := as_word(one))]
    if not datasets:
        message = _("No dataset is chosen: one called %s will be searched.") % here.node.id
        here.warn("no_dataset", message, "dataset_ids")
    config = {
        "query": here.reference(data.get("query_variable_selector"), "query_variable_selector"),
        "datasets": datasets or [here.node.id],
        **read_retrieval(object_at(data, "multiple_retrieval_config")),
    }
    return config | _read_ranking(object_at(data, "multiple_retrieval_config")) | _read_filters(data, here)


def _read_ranking(multiple: Data) -> dict[str, Any]:
    """Who decides the order: a model, or weights of words and vectors; nobody where it is switched off."""
    if not flag_at(multiple, "reranking_enable"):
        return {"rerank": False} if "reranking_enable" in multiple else {}
    weight = number_at(multiple, "weights", "keyword_setting", "keyword_weight")
    if text_at(multiple, "reranking_mode") == "weighted_score":
        return filled(rerank=False, lexical_weight=None if weight is None else max(0, min(1, weight)))
    name = _model_name(object_at(multiple, "reranking_model"))
    return {"rerank": {"model": name} if name else True}


def _model_name(model: Data) -> str:
    """`provider/model`: the name of the provider as it is here, if somebody chose the same."""
    name = text_at(model, "model") or text_at(model, "reranking_model_name")
    provider = (text_at(model, "provider") or text_at(model, "reranking_provider_name")).rpartition("/")[2]
    return (f"{provider}/{name}" if provider and name and "/" not in name else name)[:200]


def _read_filters(data: Data, here: Here) -> dict[str, Any]:
    mode = text_at(data, "metadata_filtering_mode")
    if mode == "automatic":
        model = text_at(data, "metadata_model_config", "name").strip()[:200]
        return {"filters": {"mode": "automatic", **({"model": model} if model else {})}}
    if mode != "manual":
        return {}
    at = ("metadata_filtering_conditions", "conditions")
    conditions = []
    for place, one in enumerate(list_at(data, *at)):
        op = _operator(text_at(one, "comparison_operator"))
        name = text_at(one, "name")[:100]
        if op is None or not name:
            here.warn("bad_condition", _("This condition compares nothing; it is left out."), *at, place)
            continue
        value = one.get("value")
        right = here.text(value, *at, place, "value") if isinstance(value, str) else value
        conditions.append({"name": name, "op": op} | ({} if op in UNARY else {"right": "" if right is None else right}))
    logical = "or" if text_at(data, "metadata_filtering_conditions", "logical_operator") == "or" else "and"
    return {"filters": {"logical": logical, "conditions": conditions}} if conditions else {}


def _write(config: Config, writing: Writing) -> dict[str, Any]:
    datasets = [name for name in list_at(config, "datasets") if name != writing.node.id]
    data: dict[str, Any] = {
        "query_variable_selector": writing.selector(config.get("query")),
        "dataset_ids": datasets,
        "retrieval_mode": "multiple",
    }
    multiple = filled(
        top_k=config.get("top_k"),
        score_threshold=config.get("min_score"),
    )
    multiple |= _write_ranking(config)
    if multiple:
        data["multiple_retrieval_config"] = multiple
    filters = config.get("filters")
    if isinstance(filters, dict) and filters.get("mode") == "automatic":
        data["metadata_filtering_mode"] = "automatic"
        if filters.get("model"):
            data["metadata_model_config"] = write_model({"name": filters["model"]})
    elif isinstance(filters, dict) and filters.get("conditions"):
        data["metadata_filtering_mode"] = "manual"
        data["metadata_filtering_conditions"] = {
            "logical_operator": text_at(filters, "logical") or "and",
            "conditions": [_condition(one, writing) for one in list_at(filters, "conditions")],
        }
    return data


def _write_ranking(config: Config) -> dict[str, Any]:
    rerank, weight = config.get("rerank"), config.get("lexical_weight")
    if isinstance(rerank, dict):
        provider, _slash, name = text_at(rerank, "model").rpartition("/")
        model = {"provider": provider, "model": name}
        return {"reranking_enable": True, "reranking_mode": "reranking_model", "reranking_model": model}
    if isinstance(weight, (int, float)):
        return {
            "reranking_enable": True,
            "reranking_mode": "weighted_score",
            "weights": {
                "vector_setting": {"vector_weight": round(1 - weight, 6)},
                "keyword_setting": {"keyword_weight": weight},
            },
        }
    return filled(reranking_enable=None if rerank is None else bool(rerank))


def _operator(written: str) -> str | None:
    """Our operator for metadata; None for those that only lists and files have."""
    op = written if written in ("before", "after") else operator_of(written)[0]
    return op if op in METADATA_OPERATORS else None


def _condition(one: Any, writing: Writing) -> dict[str, Any]:
    right = one.get("right") if isinstance(one, dict) else None
    op = text_at(one, "op")
    return filled(
        name=text_at(one, "name"),
        comparison_operator=reversed_of(OPERATORS).get(op, op),  # before and after are called so by both
        value=writing.text(right) if isinstance(right, str) else right,
    )


KNOWLEDGE_RETRIEVAL = Mapped(read=_read, write=_write)
