"""Finds the sentences of some passages that answer a question best, by the words they share."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from model_runtime.extractive.prompt import Passage, Prompt
from model_runtime.extractive.sentences import Sentence, split_sentences
from model_runtime.words import content_terms, normalise, stem, terms

MAX_QUOTES = 3
MAX_CHARACTERS = 700
_LONGEST_QUOTE = 420
_MIN_COVERAGE = 0.3
_WEIGHT_OF_EARLIER = 0.4
_WEIGHT_OF_CONTEXT = 0.35
_BONUS_OF_DEFINITION = 0.5
#: Verbs that stand in every question; they help, but do not make a sentence an answer.
_WEAK = frozenset(
    map(stem, "need want use used get make work works happen take look find called mean meaning possible".split())  # noqa: SIM905
)
_WEIGHT_OF_WEAK = 0.4

_ASKS_NUMBER = re.compile(
    r"\b(when|how (many|much|long|often|old|far|big)|(what|which) (time|date|year|number|version))\b"
    r"|多少|几|何时|什么时候|多久|多长|多大|版本",
    re.I,
)
_ASKS_REASON = re.compile(r"\bwhy\b|为什么|为何|原因", re.I)
_ASKS_WAY = re.compile(r"\bhow (do|can|to|should|does)\b|如何|怎么|怎样", re.I)
_ASKS_MEANING = re.compile(r"\bwhat (is|are|does)\b|\bdefine\b|是什么|什么是|含义|意思", re.I)
_ASKS_PLACE = re.compile(r"\bwhere\b|哪里|哪儿|何处|什么地方", re.I)
_DEFINED = re.compile(r"^\W*what (?:is|are)(?: an?| the)? (.+?)\W*$|^\W*什么是(.+?)\W*$|^\W*(.+?)是什么\W*$", re.I)
_PLACE = re.compile(
    r"\b(?:in|at|under|below|inside) (?:the|a|an|your|its|`?[.~/]\w)|目录|文件夹|位于|保存在|存放在", re.I
)
_TEMPLATE = re.compile(r"\{\{|^\s*[{<]")
_NUMBER = re.compile(
    r"\d|\b(one|two|three|four|five|six|seven|eight|nine|ten|once|twice|never|always)\b|[一二三四五六七八九十百千两]",
    re.I,
)
_REASON = re.compile(
    r"\b(because|since|so that|therefore|in order|due to|reason)\b|因为|由于|所以|因此|以便|为了", re.I
)
_WAY = re.compile(
    r"^(set|run|use|click|open|choose|select|enter|add|create|call|send|start|go|press|install|type|put|write)\b"
    r"|\b(by \w+ing|must|can|with)\b|`|可以|需要|点击|运行|设置|使用|通过|请",
    re.I,
)
_MEANING = re.compile(r"\b(is|are|means|refers to|stands for)\b|是|指|称为|表示", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A sentence to quote, and the number of its source."""

    number: int
    text: str


@dataclass(slots=True, kw_only=True)
class _Candidate:
    passage_at: int
    sentence_at: int
    number: int
    sentence: Sentence
    own: Counter[str]
    sequence: list[str]
    around: set[str]
    score: float = 0.0
    matched: set[str] = field(default_factory=set)


def best_quotes(prompt: Prompt, *, limit: int = MAX_QUOTES) -> list[Quote]:
    """One to three sentences, those of one passage together and in their order; none when nothing fits."""
    candidates = _candidates(prompt.passages)
    wanted = _wanted(prompt, candidates)
    if not wanted:
        return []
    for candidate in candidates:
        _score(candidate, prompt.question, wanted)
    ranked = sorted((each for each in candidates if each.score > 0), key=lambda each: -each.score)
    chosen = _choose(ranked, limit=limit)
    return [
        Quote(number=each.number, text=_quotable(each, prompt.passages[each.passage_at]))
        for each in _in_reading_order(chosen)
    ]


def _candidates(passages: Sequence[Passage]) -> list[_Candidate]:
    found: list[_Candidate] = []
    for passage_at, passage in enumerate(passages):
        heading: set[str] = set(content_terms(passage.title))
        before: set[str] = set()
        for sentence_at, sentence in enumerate(split_sentences(passage.text)):
            own = set(content_terms(sentence.text))
            if sentence.is_heading:
                heading, before = set(content_terms(passage.title)) | own, set()
                continue
            if not sentence.is_code and not _TEMPLATE.search(sentence.text):
                found.append(
                    _Candidate(
                        passage_at=passage_at,
                        sentence_at=sentence_at,
                        number=passage.number,
                        sentence=sentence,
                        own=Counter(content_terms(sentence.text)),
                        sequence=terms(sentence.text),
                        around=heading | before,
                    )
                )
            before = own
    return found


def _wanted(prompt: Prompt, candidates: Sequence[_Candidate]) -> dict[str, float]:
    """The question's terms and what each is worth: rare ones more, ones that occur nowhere little."""
    asked = {term: _WEIGHT_OF_WEAK if term in _WEAK else 1.0 for term in content_terms(prompt.question)}
    for term in content_terms(prompt.earlier):
        asked.setdefault(term, _WEIGHT_OF_EARLIER)
    count = len(candidates)
    frequency = Counter(term for candidate in candidates for term in candidate.own)
    rarity = {term: math.log(1 + (count - frequency[term] + 0.5) / (frequency[term] + 0.5)) for term in asked}
    present = [rarity[term] for term in asked if frequency[term]]
    if not present:
        return {}
    usual = sum(present) / len(present)
    names = _names_in(prompt.question)
    return {
        # A proper name that no passage mentions is a sign that they are about something else.
        term: weight * (rarity[term] if frequency[term] else usual * (2.0 if term in names else 0.6))
        for term, weight in asked.items()
    }


def _names_in(question: str) -> set[str]:
    words = re.findall(r"(?<=[a-z,;] )[A-Z][\w-]+", question)
    return {stem(normalise(word)) for word in words}


def _score(candidate: _Candidate, question: str, wanted: dict[str, float]) -> None:
    total = sum(wanted.values())
    candidate.matched = wanted.keys() & candidate.own.keys()
    own = sum(wanted[term] for term in candidate.matched) / total
    around = sum(wanted[term] for term in wanted.keys() & candidate.around - candidate.matched) / total
    if candidate.matched <= _WEAK and wanted.keys() - _WEAK:
        return
    if not candidate.matched or own + _WEIGHT_OF_CONTEXT * around < _MIN_COVERAGE:
        return
    score = own + _WEIGHT_OF_CONTEXT * around
    neighbours = set(pairwise(candidate.sequence))
    asked = terms(question)
    score += 0.06 * sum(pair in neighbours for pair in pairwise(asked))
    score += _fit(candidate.sentence.text, question)
    score += 0.06 / (1 + candidate.passage_at)
    length = len(candidate.own)
    score += 0.1 * len(candidate.matched) / max(4, length)  # of two that say it, the one that says little else
    candidate.score = score * (0.7 if length < 4 else 0.85 if length > 60 else 1.0)


def _fit(sentence: str, question: str) -> float:
    """A small bonus when the sentence looks like the kind of answer that is asked for."""
    kinds = (
        (_ASKS_NUMBER, _NUMBER, 0.12),
        (_ASKS_REASON, _REASON, 0.12),
        (_ASKS_WAY, _WAY, 0.08),
        (_ASKS_MEANING, _MEANING, 0.06),
        (_ASKS_PLACE, _PLACE, 0.12),
    )
    fit = sum(bonus for asks, gives, bonus in kinds if asks.search(question) and gives.search(sentence))
    return fit + (_BONUS_OF_DEFINITION if _defines(sentence, question) else 0.0)


def _defines(sentence: str, question: str) -> bool:
    """Whether the sentence begins with the very thing that is asked for, and says what it is."""
    asked = _DEFINED.search(question)
    if not asked:
        return False
    name = re.escape(next(filter(None, asked.groups())))
    return bool(re.match(rf"(?:an? |the )?{name}(?: (?:is|are|means)\b|是|指)", sentence, re.I))


def _choose(ranked: Sequence[_Candidate], *, limit: int) -> list[_Candidate]:
    if not ranked:
        return []
    best = ranked[0]
    chosen = [best]
    for candidate in ranked[1:]:
        if len(chosen) == limit or candidate.score < 0.6 * best.score:
            break
        seen: set[str] = set().union(*(each.matched for each in chosen))
        adds = bool(candidate.matched - seen - _WEAK)
        as_good = len(candidate.matched) > 1 and candidate.score > 0.9 * best.score
        length = sum(len(each.sentence.text) for each in (*chosen, candidate))
        repeats = any(_overlap(candidate.own, each.own) > 0.6 for each in chosen)
        if (adds or as_good) and length <= MAX_CHARACTERS and not repeats:
            chosen.append(candidate)
    return chosen


def _overlap(first: Iterable[str], second: Iterable[str]) -> float:
    one, two = set(first), set(second)
    return len(one & two) / max(1, min(len(one), len(two)))


def _in_reading_order(chosen: Sequence[_Candidate]) -> list[_Candidate]:
    """Passages by their best sentence, sentences of a passage as they stand in it."""
    first = {each.passage_at: at for at, each in reversed(list(enumerate(chosen)))}
    return sorted(chosen, key=lambda each: (first[each.passage_at], each.sentence_at))


def _quotable(candidate: _Candidate, passage: Passage) -> str:
    """The sentence, with the list or the command that it announces, cut where it is longer than anyone reads."""
    text = candidate.sentence.text
    if text.endswith((":", "：")):
        following = split_sentences(passage.text)[candidate.sentence_at + 1 :]
        items: list[str] = []
        for each in following[:4]:
            if not (each.is_item or each.is_code):
                break
            items.append(each.text.rstrip(".;；。"))
        joiner = "；" if text.endswith("：") else "; "
        text = f"{text} {joiner.join(items)}" if items else text
    return _window(text, candidate.matched)


def _window(text: str, matched: Iterable[str]) -> str:
    """A text that is too long to read, cut to the part around the first word that matched."""
    if len(text) <= _LONGEST_QUOTE:
        return text
    lowered = text.lower()
    first = min((at for term in matched if (at := lowered.find(term[:6])) >= 0), default=0)
    start = 0 if first < _LONGEST_QUOTE - 60 else text.rfind(" ", 0, first - 100) + 1
    end = start + _LONGEST_QUOTE
    return f"{'…' if start else ''}{text[start:end].rstrip()}{'…' if end < len(text) else ''}"
