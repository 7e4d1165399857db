"""Every code with which an evaluator or a model fails has words that a person understands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from apps.annotations.selectors.reasons import reason_of

ERRORS = (Path(__file__).parents[2] / "docs" / "errors.md").read_text()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    error_code: str
    error_message: str = ""


def codes_of(heading: str) -> list[str]:
    """The codes in the table below a heading of the page of errors."""
    section = ERRORS.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return [code for cell in cells for code in re.findall(r"`([a-z_]+)`", cell)]


def evaluator_codes() -> list[str]:
    rows = re.findall(r"^\| (`.+?) \| evaluator \|", ERRORS, re.MULTILINE)
    return [code for cell in rows for code in re.findall(r"`([a-z_]+)`", cell)]


KNOWN = [*evaluator_codes(), *codes_of("A model cannot answer"), *codes_of("Code cannot run")]


@pytest.mark.parametrize("code", KNOWN)
def test_a_documented_code_has_words_of_its_own(code: str) -> None:
    reason = reason_of(Row(error_code=code, error_message="Traceback: boom"))
    assert reason is not None
    assert reason.words not in ("", "The evaluator failed.")
    assert "boom" not in reason.words
    assert (reason.code, reason.technical) == (code, "Traceback: boom")


def test_the_page_of_errors_was_read() -> None:
    assert {"bad_verdict", "rate_limited", "code_error", "sandbox_off", "pattern_too_slow"} <= set(KNOWN)


def test_an_unknown_fault_of_an_evaluator_shows_no_raw_text_and_one_of_an_app_what_its_node_says() -> None:
    unknown = Row(error_code="brand_new", error_message="Node “say” has no text.")
    judged, answered = reason_of(unknown), reason_of(unknown, who="app")
    assert judged is not None
    assert answered is not None
    assert (judged.words, judged.technical) == ("The evaluator failed.", unknown.error_message)
    assert (answered.words, answered.technical) == (unknown.error_message, "")
    assert reason_of(Row(error_code="")) is None
