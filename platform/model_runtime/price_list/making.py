"""Makes the list of prices from a published model price map, and keeps what a newer map says differently apart."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

#: Section of the map -> whose list prices these are. Later sections only add names that earlier ones lack.
_VENDORS = {
    "openai": "openai",
    "text-completion-openai": "openai",
    "anthropic": "anthropic",
    "gemini": "google",
    "mistral": "mistral",
    "deepseek": "deepseek",
    "dashscope": "qwen",
    "moonshot": "moonshot",
    "zai": "zhipu",
    "cohere": "cohere",
    "cohere_chat": "cohere",
    "voyage": "voyage",
    "vertex_ai-embedding-models": "google",
    "vertex_ai-language-models": "google",
    "bedrock_converse": "anthropic",
    "bedrock": "anthropic",
}
_MODES = ("chat", "responses", "completion", "embedding")
#: Not priced by the token of text alone, or nothing that a console calls.
_LEFT_OUT = re.compile(
    r"audio|realtime|image|search|tts|live|lyria|robotics|computer-use|omni|veo|imagen|container|"
    r"cyber|rosalind|daybreak|labs-|vibe|multimodal|ft:|nano-banana|zai-|chat-bison|text-bison|code-|voxtral|^chat-latest|"
    # What the map has wrong: a thousandfold price, and a date before the model was made.
    r"^embed-multilingual-light-v3|^claude-3-7-sonnet-20240620|nightly|gemini-gemma|-exp-|learnlm"
)
_OF_OTHERS = {"qwen": ("deepseek", "glm", "kimi"), "mistral": ("glm", "deepseek")}
_OPEN = re.compile(
    r"gpt-oss|gemma|^deepseek|^glm-|^kimi-|^qwen.*-\d+b|^open-|mixtral|ministral|devstral|^command-|aya-|nemo"
)
_RATES = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cache_read": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
    "reasoning": "output_cost_per_reasoning_token",
}
_ABOVE = re.compile(r"^input_cost_per_token_above_(\d+)k_tokens$")
_DATE = re.compile(r"^(.+?)-(?:20\d\d-\d\d-\d\d|20\d{6})$")


def entries_of(published: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The entries of the list for a map of models; dated names that cost what the undated one costs are left out."""
    found: dict[str, dict[str, Any]] = {}
    for section, vendor in _VENDORS.items():
        for written, facts in published.items():
            if facts.get("litellm_provider") != section or facts.get("mode") not in _MODES:
                continue
            name = _plain(written, section)
            if name and name not in found and (entry := _entry(name, vendor, facts)):
                found[name] = entry
    return sorted(_without_repeats(found), key=lambda entry: (entry["vendor"], entry["model"]))


def merged(old: Iterable[Mapping[str, Any]], new: Iterable[Mapping[str, Any]], *, on: dt.date) -> list[dict[str, Any]]:
    """The new entries after the old ones: where a price changed, the old holds until this day and the new from it."""
    kept = [dict(entry) for entry in old]
    latest: dict[str, dict[str, Any]] = {}
    for known in sorted(kept, key=lambda entry: entry.get("since", "")):
        latest[known["model"]] = known
    for entry in new:
        before = latest.get(entry["model"])
        if before is None:
            kept.append(dict(entry))
        elif _said(before) != _said(entry):
            kept.append({**entry, "since": on.isoformat()})
    return sorted(kept, key=lambda entry: (entry["vendor"], entry["model"], entry.get("since", "")))


def _said(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != "since"}


def _plain(written: str, section: str) -> str:
    name = written.rpartition("/")[2].lower()
    if section.startswith("bedrock"):
        fits = re.fullmatch(r"anthropic\.(claude-[\w.-]+?)-v\d+(?::\d+)?", name)
        name = fits[1] if fits else ""
    name = name.replace("@default", "").replace("@", "-")
    others = _OF_OTHERS.get(_VENDORS[section], ())
    return "" if _LEFT_OUT.search(name) or name.startswith(others) else name


def _entry(name: str, vendor: str, facts: Mapping[str, Any]) -> dict[str, Any] | None:
    entry: dict[str, Any] = {"model": name, "vendor": vendor}
    tiers = facts.get("tiered_pricing")
    if tiers:
        first, *rest = [{**_rates(tier), "above": int(tier["range"][0])} for tier in tiers]
        first.pop("above")
        entry |= first
    else:
        entry |= _rates(facts)
        sizes = sorted(int(fits[1]) for key in facts if (fits := _ABOVE.match(key)))
        rest = [{**_rates(facts, f"_above_{size}k_tokens"), "above": size * 1000} for size in sizes]
    if not entry.get("input") or (entry["input"] == "0" and vendor != "google" and entry.get("output") != "0"):
        return None
    if entry["input"] == "0" and not name.endswith("flash"):
        return None  # a preview without a price is not a model that costs nothing
    entry.setdefault("output", "0")
    if rest:
        entry["tiers"] = rest
    return {**entry, "open": True} if _OPEN.search(name) else entry


def _rates(facts: Mapping[str, Any], suffix: str = "") -> dict[str, str]:
    """Prices of a million tokens as decimal text; a cache that costs nothing to write has no price of its own."""
    found = {}
    for name, key in _RATES.items():
        value = facts.get(key + suffix)
        if value is None or (name == "cache_write" and not value):
            continue
        found[name] = f"{(Decimal(str(value)) * 1_000_000).normalize():f}"
    if found.get("reasoning") == found.get("output"):
        found.pop("reasoning", None)
    return found


def _without_repeats(found: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Without dated names that cost what the undated one does; the latest stands for a missing undated one."""
    kept = {name: dict(entry) for name, entry in found.items()}
    for name in sorted(found, reverse=True):
        if fits := _DATE.match(name):
            base = kept.setdefault(fits[1], {**kept[name], "model": fits[1]})
            if {**base, "model": name} == kept[name]:
                del kept[name]
    return list(kept.values())
