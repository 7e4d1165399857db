"""Owns questions with their answers: found in the columns of a table, or read from what a model wrote."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby

from apps.datasets.text.chunk import Chunk, placed
from apps.datasets.text.sections import Section

QUESTION_NAMES = ("question", "questions", "q", "query", "prompt", "问题", "问", "提问")
ANSWER_NAMES = ("answer", "answers", "a", "reply", "response", "completion", "答案", "回答", "答")
MAX_PAIRS = 15
"""Pairs that a model may write for one passage."""
_RULE = re.compile(r"\|(?:\s*:?-{3,}:?\s*\|)+\s*$")
_CELL = re.compile(r"(?<!\\)\|")
_LINE = re.compile(r"[^\n]+")
_WRITTEN = re.compile(
    r"(?:^|\n)\s*(?:[-*]\s*)?(?:Q|Question|问题?)\s*\d*\s*[:：.]\s*(?P<question>.+?)"
    r"\s*\n\s*(?:A|Answer|答案?)\s*\d*\s*[:：.]\s*(?P<answer>.+?)"
    r"(?=\n\s*(?:[-*]\s*)?(?:Q|Question|问题?)\s*\d*\s*[:：.]|\Z)",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A question and its answer."""

    question: str
    answer: str

    @property
    def key(self) -> str:
        """Equal for an equal pair, however often it is found or written."""
        words = json.dumps([" ".join(self.question.split()).casefold(), " ".join(self.answer.split())])
        return "pair-" + sha256(words.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Row:
    start: int
    end: int
    cells: tuple[str, ...]
    header: tuple[str, ...]


def chunk_pairs(sections: Iterable[Section], *, question: str = "", answer: str = "") -> Iterator[Chunk]:
    """One chunk for each pair in the tables of cleaned sections; a pair that comes again is left out.

    The columns are those that are named, else those that are called like it, else the first two.
    """
    seen: set[str] = set()
    for page, group in groupby(sections, key=lambda section: section.page):
        for block in placed(group):
            for row in _rows(block.text):
                pair = _pair(row, question=question, answer=answer)
                if pair is None or pair.key in seen:
                    continue
                yield Chunk(
                    ordinal=len(seen),
                    text=pair.question,
                    answer=pair.answer,
                    page=page,
                    char_start=block.start + row.start,
                    char_end=block.start + row.end,
                    heading_path=block.heading_path,
                    key=pair.key,
                )
                seen.add(pair.key)


def holds_table(text: str) -> bool:
    """Whether there is a table with at least two columns in it."""
    return any(len(row.cells) > 1 for row in _rows(text))


def read_pairs(reply: str) -> list[Pair]:
    """The pairs in a model's reply: JSON when it kept to the form, else lines that begin with Q and A."""
    found = _from_json(reply) or [
        Pair(question=_one_line(match["question"]), answer=match["answer"].strip())
        for match in _WRITTEN.finditer(reply)
    ]
    unique = {pair.key: pair for pair in found if pair.question and pair.answer}
    return list(unique.values())[:MAX_PAIRS]


def _from_json(reply: str) -> list[Pair]:
    begin, end = reply.find("["), reply.rfind("]")
    if not 0 <= begin < end:
        return []
    try:
        items = json.loads(reply[begin : end + 1])
    except ValueError:
        return []
    return [
        Pair(question=_one_line(item["question"]), answer=item["answer"].strip())
        for item in items
        if isinstance(item, dict) and isinstance(item.get("question"), str) and isinstance(item.get("answer"), str)
    ]


def _rows(text: str) -> Iterator[_Row]:
    """The rows of the tables in a text, each under its header."""
    header: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    for line in _LINE.finditer(text):
        words = line[0].strip()
        if not (words.startswith("|") and words.endswith("|") and len(words) > 1):
            header = before = ()
        elif _RULE.fullmatch(words):
            header = before or header
        elif header:
            yield _Row(line.start(), line.end(), _cells(words), header)
        else:
            before = _cells(words)


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip().replace("\\|", "|") for cell in _CELL.split(line)[1:-1])


def _pair(row: _Row, *, question: str, answer: str) -> Pair | None:
    asked, told = _columns(row.header, question=question, answer=answer)
    if max(asked, told) >= len(row.cells) or row.cells == row.header:
        return None
    pair = Pair(question=row.cells[asked], answer=row.cells[told])
    return pair if pair.question and pair.answer else None


def _columns(header: Sequence[str], *, question: str, answer: str) -> tuple[int, int]:
    names = [name.casefold().strip() for name in header]
    asked = _column(names, (question.casefold().strip(),) if question else QUESTION_NAMES)
    told = _column(names, (answer.casefold().strip(),) if answer else ANSWER_NAMES)
    if asked is None:
        asked = 1 if told == 0 else 0
    if told is None:
        told = 0 if asked == 1 else 1
    return asked, told


def _column(names: Sequence[str], wanted: Sequence[str]) -> int | None:
    return next((names.index(name) for name in wanted if name in names), None)


def _one_line(text: str) -> str:
    return " ".join(text.split())
