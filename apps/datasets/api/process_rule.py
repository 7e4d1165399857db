"""How a document is cut as Dify's clients write it (`process_rule`, `doc_form`), read and written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.datasets.models import Dataset, Document
from apps.datasets.settings_of_dataset import (
    PARENT_SIZES,
    SIZES,
    DatasetSettings,
    as_stored,
    checked_settings,
    read_settings,
    settings_of_document,
)
from apps.datasets.text.scripts import LATIN_CHARS_PER_TOKEN
from support.errors import InvalidInput

FORMS = {"text_model": "general", "hierarchical_model": "parent_child", "qa_model": "qa"}
MODES = ("automatic", "custom", "hierarchical")
PARENT_MODES = {"paragraph": "paragraph", "full-doc": "document"}
#: A parent's size is in characters here and in tokens there.
CHARACTERS_PER_TOKEN = LATIN_CHARS_PER_TOKEN
_RULE = "/process_rule"


def read_process_rule(body: Mapping[str, Any], dataset: Dataset) -> dict[str, Any] | None:
    """The own settings of a document that a request asks for; None where it asks for none. Raises InvalidInput."""
    rule, form = body.get("process_rule"), body.get("doc_form")
    if rule is None and form is None:
        return None
    if form is not None and form not in FORMS:
        raise InvalidInput(f"doc_form must be one of {', '.join(FORMS)}.", path="/doc_form")
    given = _object(rule, _RULE)
    mode = given.get("mode", "automatic")
    if mode not in MODES:
        raise InvalidInput(f"mode must be one of {', '.join(MODES)}.", path=f"{_RULE}/mode")
    stored = as_stored(read_settings(dataset.settings))
    own = {"chunking": dict(stored["chunking"]), "cleaning": dict(stored["cleaning"])}
    if form is not None or mode == "hierarchical":
        own["chunking"]["mode"] = FORMS[form] if form is not None else "parent_child"
    if mode != "automatic":
        rules = _object(given.get("rules"), f"{_RULE}/rules")
        own["cleaning"] |= _cleaning(rules)
        own["chunking"] |= _hierarchical(rules) if own["chunking"]["mode"] == "parent_child" else _plain(rules)
    return checked_settings(own)


def written_process_rules(document: Document) -> dict[str, Any]:
    """The reverse: how a document is cut, and how the others of its dataset are."""
    dataset = document.dataset
    return {
        "dataset_process_rule": _written(read_settings(dataset.settings)),
        "document_process_rule": _written(settings_of_document(dataset.settings, document.settings)),
    }


def _written(settings: DatasetSettings) -> dict[str, Any]:
    chunking, parent = settings.chunking, settings.chunking.parent
    # Ours are characters in any case.
    overlap = chunking.overlap // CHARACTERS_PER_TOKEN if chunking.unit == "tokens" else chunking.overlap
    cut = {
        "separator": chunking.separators[0] if chunking.separators else "",
        "max_tokens": chunking.size,
        "chunk_overlap": overlap,
    }
    rules: dict[str, Any] = {"pre_processing_rules": _written_cleaning(settings), "segmentation": cut}
    if chunking.mode == "parent_child":
        rules["parent_mode"] = "full-doc" if parent.mode == "document" else "paragraph"
        rules["subchunk_segmentation"] = cut
        rules["segmentation"] = {"separator": "", "max_tokens": parent.size // CHARACTERS_PER_TOKEN, "chunk_overlap": 0}
    mode = "hierarchical" if chunking.mode == "parent_child" else "custom"
    return {"mode": mode, "rules": rules, "unit": chunking.unit}


def _cleaning(rules: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    names = {"remove_extra_spaces": "spaces", "remove_urls_emails": "urls_emails"}  # stop words stay, as with Dify
    listed = rules.get("pre_processing_rules") or []
    if not isinstance(listed, list):
        raise InvalidInput("This must be a list.", path=f"{_RULE}/rules/pre_processing_rules")
    for at, each in enumerate(listed):
        rule = _object(each, f"{_RULE}/rules/pre_processing_rules/{at}")
        if rule.get("id") in names:
            found[names[rule["id"]]] = rule.get("enabled", False)
    return found


def _plain(rules: Mapping[str, Any]) -> dict[str, Any]:
    return _segmentation(rules, "segmentation")


def _hierarchical(rules: Mapping[str, Any]) -> dict[str, Any]:
    mode = rules.get("parent_mode", "paragraph")
    if mode not in PARENT_MODES:
        raise InvalidInput(f"parent_mode must be one of {', '.join(PARENT_MODES)}.", path=f"{_RULE}/rules/parent_mode")
    parent: dict[str, Any] = {"mode": PARENT_MODES[mode]}
    of_parent = _object(rules.get("segmentation"), f"{_RULE}/rules/segmentation")
    if of_parent.get("max_tokens") is not None:
        size = _number(of_parent, "max_tokens", f"{_RULE}/rules/segmentation") * CHARACTERS_PER_TOKEN
        parent["size"] = min(max(size, PARENT_SIZES[0]), PARENT_SIZES[1])
    return {**_segmentation(rules, "subchunk_segmentation"), "parent": parent}


def _segmentation(rules: Mapping[str, Any], name: str) -> dict[str, Any]:
    path = f"{_RULE}/rules/{name}"
    given = _object(rules.get(name), path)
    if not given:
        return {}
    found: dict[str, Any] = {"unit": "tokens"}
    if given.get("max_tokens") is not None:
        # What the embedding model reads at once is the limit in any case.
        found["size"] = min(max(_number(given, "max_tokens", path), SIZES[0]), SIZES[1])
    if given.get("chunk_overlap") is not None:
        overlap = _number(given, "chunk_overlap", path)
        found["overlap"] = min(overlap * CHARACTERS_PER_TOKEN, found.get("size", SIZES[0]))
    separator = given.get("separator")
    if separator is not None and not isinstance(separator, str):
        raise InvalidInput("This must be a text.", path=f"{path}/separator")
    if separator is not None:
        found["separators"] = [separator] if separator else []
    return found


def _written_cleaning(settings: DatasetSettings) -> list[dict[str, Any]]:
    cleaning = settings.cleaning
    return [
        {"id": "remove_extra_spaces", "enabled": cleaning.spaces},
        {"id": "remove_urls_emails", "enabled": cleaning.urls_emails},
    ]


def _number(given: Mapping[str, Any], name: str, path: str) -> int:
    value = given[name]
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidInput("This must be a whole number.", path=f"{path}/{name}")
    return value


def _object(value: Any, path: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidInput("This must be an object.", path=path)
    return value
