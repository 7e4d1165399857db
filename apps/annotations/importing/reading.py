"""Reads questions and answers from CSV and JSONL, row by row; a row that cannot be used says why."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any, Final

import orjson
from django.utils.translation import gettext as _

from apps.annotations.text.questions import question_key

MAX_QUESTION: Final = 8_000
MAX_ANSWER: Final = 60_000
#: What the columns may be called.
NAMES: Final = {
    "question": ("question", "query", "prompt", "问题", "提问"),
    "answer": ("answer", "response", "completion", "答案", "回答"),
    "enabled": ("enabled", "is_enabled", "in use", "启用"),
}
_NO: Final = frozenset({"false", "no", "0", "off", "否"})
#: Before these, spreadsheets take a text for a formula; what we write has an apostrophe in front.
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


class UnreadableFile(Exception):
    """The file as a whole is not what it should be; the message is for the person who brought it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of the file: a question with its answer, or (`fault`) why it is none."""

    line: int
    question: str = ""
    answer: str = ""
    is_enabled: bool = True
    fault: str = ""

    @property
    def key(self) -> str:
        """What equal questions share."""
        return question_key(self.question)


def read_rows(file: IO[bytes], *, format: str) -> Iterator[Row]:
    """The rows of a file from its beginning. Raises UnreadableFile, also half way."""
    encoding = "utf-16" if file.read(2) in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=encoding, newline="")
    try:
        yield from _of_csv(text) if format == "csv" else _of_jsonl(text)
    except UnicodeDecodeError as exc:
        raise UnreadableFile(_("The file is not in UTF-8. Save it as “CSV UTF-8” and bring it again.")) from exc
    except csv.Error as exc:
        raise UnreadableFile(_("The file cannot be read as CSV: %(why)s.") % {"why": exc}) from exc
    finally:
        text.detach()


def format_of(name: str) -> str | None:
    """`csv` or `jsonl` by the ending of a file's name; None for another one."""
    ending = name.lower().rpartition(".")[2]
    return {"csv": "csv", "tsv": "csv", "txt": "csv", "jsonl": "jsonl", "ndjson": "jsonl"}.get(ending)


def _of_csv(text: IO[str]) -> Iterator[Row]:
    first = text.readline()
    text.seek(0)
    separator = max(",;\t", key=first.count)
    csv.field_size_limit(1_000_000)
    lines = csv.reader(text, delimiter=separator)
    places = _places(next(lines, []))
    began = lines.line_num + 1
    for values in lines:
        line, began = began, lines.line_num + 1
        if not any(value.strip() for value in values):
            continue
        found = {name: values[at] for name, at in places.items() if at < len(values)}
        yield _row(line, {name: _plain(value) for name, value in found.items()})


def _places(head: list[str]) -> dict[str, int]:
    """Which column holds what."""
    named = [name.strip().lower() for name in head]
    places = {
        meaning: named.index(name) for meaning, names in NAMES.items() for name in reversed(names) if name in named
    }
    if not {"question", "answer"} <= places.keys():
        raise UnreadableFile(_("The first line must name the columns: question, answer."))
    return places


def _of_jsonl(text: IO[str]) -> Iterator[Row]:
    for line, written in enumerate(text, start=1):
        if not written.strip():
            continue
        try:
            body = orjson.loads(written)
        except orjson.JSONDecodeError as exc:
            yield Row(line=line, fault=_("This is not JSON: %(why)s.") % {"why": exc})
            continue
        if not isinstance(body, dict):
            yield Row(line=line, fault=_("This is not a JSON object."))
            continue
        lowered = {str(name).strip().lower(): value for name, value in body.items()}
        yield _row(
            line,
            {
                meaning: lowered[name]
                for meaning, names in NAMES.items()
                for name in reversed(names)
                if lowered.get(name) is not None
            },
        )


def _row(line: int, found: Mapping[str, Any]) -> Row:
    question, answer = found.get("question", ""), found.get("answer", "")
    if not isinstance(question, str) or not isinstance(answer, str):
        return Row(line=line, fault=_("Question and answer must be texts."))
    question, answer = (text.replace("\x00", "").strip() for text in (question, answer))
    return Row(
        line=line,
        question=question[:MAX_QUESTION],
        answer=answer[:MAX_ANSWER],
        is_enabled=str(found.get("enabled", "")).strip().lower() not in _NO,
        fault=_fault(question, answer),
    )


def _fault(question: str, answer: str) -> str:
    if not question:
        return _("There is no question.")
    if not answer:
        return _("There is no answer.")
    if len(question) > MAX_QUESTION:
        return _("The question is longer than %(n)s characters.") % {"n": f"{MAX_QUESTION:,}"}
    if len(answer) > MAX_ANSWER:
        return _("The answer is longer than %(n)s characters.") % {"n": f"{MAX_ANSWER:,}"}
    return ""


def _plain(value: str) -> str:
    """A cell without the apostrophe that keeps spreadsheets from calculating it."""
    return value[1:] if value.startswith("'") and value[1:].lstrip(" \n").startswith(FORMULA) else value
