"""Cleaning rules as people write them: a line for each, `pattern => replacement`."""

from __future__ import annotations

from collections.abc import Sequence

from apps.datasets.settings_of_dataset import CleaningRule

ARROW = "=>"


def read_rules(text: str) -> list[dict[str, str]]:
    """The rules that the lines are; the last arrow of a line counts, so that a pattern may hold one."""
    return [_rule(line) for line in text.splitlines() if line.strip()]


def written_rules(rules: Sequence[CleaningRule]) -> str:
    """The reverse of `read_rules`."""
    return "\n".join(_line(rule) for rule in rules)


def _rule(line: str) -> dict[str, str]:
    pattern, arrow, replacement = line.rpartition(ARROW)
    if not arrow:
        return {"pattern": line, "replace": ""}
    return {"pattern": pattern.removesuffix(" "), "replace": replacement.removeprefix(" ")}


def _line(rule: CleaningRule) -> str:
    # A line end stands for itself in rules that came over the API, and an arrow may be part of a replacement.
    pattern = rule.pattern.replace("\r", "\\r").replace("\n", "\\n")
    replacement = rule.replace.replace("\r", "\\r").replace("\n", "\\n").replace(ARROW, "=\\076")
    return f"{pattern} {ARROW} {replacement}" if replacement or ARROW in pattern else pattern
