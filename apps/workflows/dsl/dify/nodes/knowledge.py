"""knowledge-retrieval: which datasets, how many passages, filters on metadata."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from apps.workflows.dsl.dify.incoming import Here
from apps.workflows.dsl.dify.nodes.mapping import Config, Data, Mapped
from apps.workflows.dsl.dify.outgoing import Writing
from apps.workflows.dsl.dify.reading import as_word, bounded, filled, flag_at, list_at, number_at, object_at, text_at
from apps.workflows.dsl.dify.words import OPERATORS, operator_of, reversed_of


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
    if flag_at(data, "multiple_retrieval_config", "reranking_enable"):
        config["rerank"] = True
    return config | _read_filters(data, here)


def _read_filters(data: Data, here: Here) -> dict[str, Any]:
    mode = text_at(data, "metadata_filtering_mode")
    if mode == "automatic":
        here.warn("not_used", _("Filters that a model chooses are kept, but not used."), "metadata_filtering_mode")
    if mode != "manual":
        return {}
    at = ("metadata_filtering_conditions", "conditions")
    conditions = []
    for place, one in enumerate(list_at(data, *at)):
        op, _exact = operator_of(text_at(one, "comparison_operator"))
        name = text_at(one, "name")
        if op is None or not name:
            here.warn("bad_condition", _("This condition compares nothing; it is left out."), *at, place)
            continue
        value = one.get("value")
        conditions.append(
            filled(name=name, op=op, right=here.text(value, *at, place, "value") if isinstance(value, str) else value)
        )
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
        reranking_enable=True if config.get("rerank") else None,
    )
    if multiple:
        data["multiple_retrieval_config"] = multiple
    filters = config.get("filters")
    if isinstance(filters, dict):
        data["metadata_filtering_mode"] = "manual"
        data["metadata_filtering_conditions"] = {
            "logical_operator": text_at(filters, "logical") or "and",
            "conditions": [_condition(one, writing) for one in list_at(filters, "conditions")],
        }
    return data


def _condition(one: Any, writing: Writing) -> dict[str, Any]:
    right = one.get("right") if isinstance(one, dict) else None
    op = text_at(one, "op")
    return filled(
        name=text_at(one, "name"),
        comparison_operator=reversed_of(OPERATORS).get(op, op),
        value=writing.text(right) if isinstance(right, str) else right,
    )


KNOWLEDGE_RETRIEVAL = Mapped(read=_read, write=_write)
