"""Reads a prompt: which numbered passages it holds, what is asked, and what else is written there.

A passage is a line `[1] Title, page 3` and the text below it; blank lines separate one from the next.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from model_runtime.types import Message
from model_runtime.words import content_terms

_MARK = re.compile(r"^\s*\[(\d{1,3})\](?:\s+(.*))?$")
_QUESTION = re.compile(r"^\W*(?:question|user question|query|q|问题|提问|用户问题)\s*[:：]\s*", re.I | re.M)
_ANSWER_CUE = re.compile(r"\n\W*(?:answer|a|回答|答案)\s*[:：]\s*$", re.I)
_CLOSING = re.compile(r"^\s*(</\w+>|-{3,}|={3,}|```|\"\"\")\s*$")
#: How the text behind the passages begins; a passage may hold blank lines itself, so those alone end nothing.
_ADDRESSES_MODEL = re.compile(
    r"\W*(?:(?:user(?:'s)? )?question|query|answer|approved answers|examples?:|cite|reply|respond|only (?:use|answer)"
    r"|use (?:only|the (?:passages|context|sources))|based on (?:the|these)|if (?:none|nothing|the (?:passages|answer))"
    r"|do not (?:make|invent|use|answer)|don't (?:make|invent)|you (?:are|must)|please (?:answer|cite|reply)"
    r"|summari[sz]e|classify|translate"
    r"|用户问题|问题[:：]|回答|答案|请(?:引用|回答|根据|用|只)|如果资料|不要编造|[只仅]根据|根据以上|基于以上)(?![a-z])",
    re.I,
)
_TAGGED = re.compile(r"<(\w+)>\s*(.+?)\s*</\1>|\"\"\"\s*(.+?)\s*\"\"\"|```\w*\n(.+?)```", re.S)
_LABELLED = re.compile(
    r"^\W*(?:context|text|document|article|content|passage|transcript|notes|message|input|email|review"
    r"|正文|资料|上下文|文档|内容|文章|文本|原文|消息|邮件)\s*[:：]\s*(.+?)(?=\n\s*\n\W*(?:question|q|问题)\s*[:：]|\Z)",
    re.I | re.M | re.S,
)
_FOLLOW_UP = re.compile(
    r"\b(it|its|they|them|that|this|those|these|he|she|one|more|else|same)\b|[它这那其他她]|还有|另外|呢[?？]?$", re.I
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One numbered source."""

    number: int
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What was understood of the messages."""

    question: str
    earlier: str
    """The question before this one, when this one leans on it."""
    passages: tuple[Passage, ...]
    instructions: str
    """The system text without passages."""
    asked: str = ""
    """The whole last message without passages; the question is a part of it."""

    @property
    def everything(self) -> str:
        """All that is written outside the passages, in the order in which it is read."""
        return f"{self.instructions}\n\n{self.asked or self.question}".strip()


def read_prompt(messages: Sequence[Message]) -> Prompt:
    """Take the messages apart. Earlier turns serve a follow-up question as context and nothing else."""
    turns = [message for message in messages if message.role == "user"]
    passages: list[Passage] = []
    outside: list[str] = []
    for message in [each for each in messages if each.role == "system"] + turns[-1:]:
        found, rest = split_passages(message.text)
        passages += found
        outside.append(rest)
    asked = outside.pop() if turns else ""
    question = _question_in(asked)
    earlier = _question_in(split_passages(turns[-2].text)[1]) if len(turns) > 1 else ""
    leans = len(content_terms(question)) <= 1 or (len(question) < 120 and bool(_FOLLOW_UP.search(question)))
    return Prompt(
        question=question,
        earlier=earlier if leans else "",
        passages=tuple(passages),
        instructions="\n\n".join(outside).strip(),
        asked=asked,
    )


def split_passages(text: str) -> tuple[list[Passage], str]:
    """The passages of a text, and the text without them."""
    lines = text.splitlines()
    marks = _marks(lines)
    if not marks:
        return [], text.strip()
    passages: list[Passage] = []
    outside = lines[: marks[0][0]]
    for (start, number, title), following in zip(marks, [*marks[1:], None], strict=True):
        end = following[0] if following else _end_of_last(lines, start + 1)
        body = "\n".join(lines[start + 1 : end]).strip()
        # Retrieval writes the text below its title; a lone line is a text without one.
        passages.append(Passage(number=number, title=title if body else "", text=body or title))
        if following is None:
            outside += lines[end:]
    return [passage for passage in passages if passage.text], "\n".join(outside).strip()


def _marks(lines: Sequence[str]) -> list[tuple[int, int, str]]:
    """Lines that begin a passage. A footnote `[1]` inside a passage does not count upwards, so it is not one."""
    marks: list[tuple[int, int, str]] = []
    for at, line in enumerate(lines):
        found = _MARK.match(line)
        if not found:
            continue
        number = int(found[1])
        last = marks[-1][1] if marks else None
        after_blank = at == 0 or not lines[at - 1].strip()
        if last is None or number == last + 1 or (number > last and after_blank):
            marks.append((at, number, (found[2] or "").strip()))
    return marks


def _end_of_last(lines: Sequence[str], start: int) -> int:
    """Where the last passage ends: at a closing tag, or where a new paragraph speaks to the model again."""
    for at in range(start, len(lines)):
        begins_paragraph = at > start and not lines[at - 1].strip()
        if _CLOSING.match(lines[at]) or (begins_paragraph and _ADDRESSES_MODEL.match(lines[at])):
            return at
    return len(lines)


def _question_in(text: str) -> str:
    labels = list(_QUESTION.finditer(text))
    if labels:
        text = text[labels[-1].end() :]
    return _ANSWER_CUE.sub("", text).strip()


def quoted_text(text: str) -> str:
    """A text that a prompt carries along in tags, in quotes or behind a label; empty if there is none."""
    tagged = max((next(filter(None, found[1:]), "") for found in _tagged(text)), key=len, default="")
    if tagged:
        return tagged
    labelled = _LABELLED.search(text)
    return labelled[1].strip() if labelled else ""


def _tagged(text: str) -> list[tuple[str, ...]]:
    return [("", found[2] or "", found[3] or "", found[4] or "") for found in _TAGGED.finditer(text)]
