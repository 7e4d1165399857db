"""What the demo model can do without passages: pick a label, pick the central sentences of a text."""

from __future__ import annotations

import math
import re
from collections import Counter

from model_runtime.extractive.prompt import Prompt, quoted_text
from model_runtime.extractive.sentences import split_sentences
from model_runtime.words import content_terms, normalise

_CLASSIFY = re.compile(
    r"\bclassif|\bcategori[sz]e|\bcategor(y|ies)\b|\blabels?\b|\b(exactly )?one of\b|\bwhich of\b|\bsentiment\b"
    r"|\b(answer|reply|respond)( only| just)?( with)?( only| either)?( with)?\b.{0,40}\bor\b"
    r"|分类|归类|类别|标签|之一|情感",
    re.I,
)
_SUMMARISE = re.compile(
    r"\bsummar|\btl;?dr|\bkey points?\b|\bcondense\b|\bshorten\b|总结|摘要|概括|概述|要点|归纳", re.I
)
_ONE = re.compile(r"\b(one|a single) (short )?sentence\b|一句话", re.I)
_LIST = re.compile(
    r"(?:one of(?: the following)?(?: labels| categories| words| options)?|labels?|categor(?:y|ies)|classes|options"
    r"|either|(?:reply|answer|respond)(?: only| just)?(?: with)?(?: only| either| one word)?|\bas|\binto|\bis"
    r"|类别|标签|选项|分类为|分为|之一|回答)\s*(?:are|is|为|是)?\s*[:：]?\s*(?P<list>[^\n.。;；?？]+)",
    re.I,
)
_BULLET = re.compile(r"^\s*[-*•]\s*[`\"'“]?([^:：`\"'”\n]{1,40}?)[`\"'”]?\s*(?:[:：–—-]\s*(.+))?$", re.M)
_SEPARATOR = re.compile(r"\s*(?:,\s*(?:or|and)\s+|,|，|、|\||/|\bor\b|\band\b|或者|或|和)\s*", re.I)
_BEFORE_LIST = re.compile(
    r"^.*?(?:\bone of\b|\beither\b|\bfollowing\b)[^:：,]*?[:：]|^\s*(?:exactly )?one of\b|^\s*either\b", re.I
)
_EDGES = " \t`\"'“”‘’「」『』()[]<>*:："
_TEXT_LABEL = re.compile(
    r"\b(?:message|text|question|input|review|ticket|email|comment)\s*[:：]|(?:文本|消息|问题|内容|评论)\s*[:：]", re.I
)

#: Words that speak for a label without sharing a letter with it. Small on purpose.
_SPEAKS_FOR = {
    "positive": "good great love excellent happy thanks thank wonderful perfect nice best 好 喜欢 满意 感谢 优秀",
    "negative": "bad terrible hate broken awful angry worst poor slow unhappy useless 差 糟糕 生气 失望 讨厌 慢",
    "billing": "invoice charge charged payment pay refund card bill cost subscription money 发票 付款 扣费 退款 账单",
    "refund": "money back return charged twice cancel 退款 退货 退钱",
    "technical": "error crash bug install broken fail login password server slow timeout 错误 崩溃 安装 报错 登录 无法",
    "bug": "error crash broken fail failed exception wrong 错误 崩溃 报错 失败",
    "sales": "buy price quote demo plan upgrade purchase offer 购买 报价 价格 升级",
    "complaint": "bad terrible angry unacceptable disappointed worst complain 投诉 失望 生气 差",
    "urgent": "immediately now asap down outage emergency critical 紧急 立刻 马上",
    "greeting": "hello hi hey morning thanks 你好 您好 早上好",
    "account": "login password email profile username sign 登录 密码 账号 账户 注册",
    "shipping": "delivery deliver package parcel arrive tracking late 快递 发货 物流 配送",
}
_CHINESE_LABELS = {
    "正面": "positive", "积极": "positive", "好评": "positive",
    "负面": "negative", "消极": "negative", "差评": "negative",
    "账单": "billing", "财务": "billing", "退款": "refund", "技术": "technical", "销售": "sales", "投诉": "complaint",
    "紧急": "urgent", "问候": "greeting", "账户": "account", "物流": "shipping",
}  # fmt: skip
_REST = (
    "other",
    "others",
    "none",
    "neutral",
    "general",
    "unknown",
    "else",
    "其他",
    "其它",
    "无",
    "中性",
    "一般",
    "未知",
)
_YES, _NO = ("yes", "true", "是"), ("no", "false", "否", "不是")


def pick_label(prompt: Prompt) -> str | None:
    """The best of the labels that the prompt lists; None when it is no such prompt."""
    everything = prompt.everything
    if not _CLASSIFY.search(everything):
        return None
    labels = _labels(prompt.instructions) or _labels(everything)
    if len(labels) < 2:
        return None
    return best_label(labels, _subject(prompt), criterion=_CLASSIFY.sub(" ", prompt.instructions))


def best_label(labels: dict[str, str], text: str, *, criterion: str = "", sure: bool = False) -> str | None:
    """The label that a text speaks for most, given what is told about each.

    Where it speaks for none, one for the rest, or with `sure` none.
    """
    subject = set(content_terms(text))
    scores = {label: _support(label, told, subject, criterion, labels) for label, told in labels.items()}
    best = max(scores, key=lambda label: scores[label])
    if scores[best] > 0:
        return best
    return None if sure else next((label for label in labels if normalise(label) in (*_REST, *_NO)), best)


def told_labels(text: str) -> dict[str, str]:
    """Label -> what a list in the text says about it."""
    return {found[1].strip(_EDGES): found[2] or "" for found in _BULLET.finditer(text)}


def _labels(text: str) -> dict[str, str]:
    """Label -> what the prompt says about it."""
    bulleted = {label: told for label, told in told_labels(text).items() if label and len(label.split()) <= 4}
    if len(bulleted) > 1:
        return bulleted
    for found in _LIST.finditer(text):
        parts = [part.strip(_EDGES) for part in _SEPARATOR.split(_BEFORE_LIST.sub("", found["list"]))]
        parts = [part for part in parts if part]
        if len(parts) > 1 and all(len(part) <= 30 and len(part.split()) <= 3 for part in parts):
            return dict.fromkeys(parts, "")
    return {}


def _subject(prompt: Prompt) -> str:
    """What is to be classified: the user's text, unless the instructions are in the same message."""
    text = prompt.question
    if found := list(_TEXT_LABEL.finditer(text)):
        return text[found[-1].end() :]
    if not prompt.instructions or _CLASSIFY.search(text):
        return quoted_text(text) or text.rpartition("\n\n")[2]
    return text


def _support(label: str, told: str, subject: set[str], criterion: str, labels: dict[str, str]) -> float:
    name = normalise(label)
    if name in _YES and any(normalise(other) in _NO for other in labels):
        return float(bool(subject & set(content_terms(criterion))))
    key = _CHINESE_LABELS.get(name, name)
    spoken = " ".join(words for topic, words in _SPEAKS_FOR.items() if topic in key.split() or topic == key)
    return (
        2.0 * len(subject & set(content_terms(label)))
        + 1.0 * len(subject & set(content_terms(spoken)))
        + 0.7 * len(subject & set(content_terms(told)))
    )


def asks_for_summary(prompt: Prompt) -> bool:
    """Whether the prompt wants a text made shorter."""
    return bool(_SUMMARISE.search(prompt.everything))


def summarise(prompt: Prompt) -> str:
    """The most central sentences of the given text, in their order; empty when there is no text to speak of."""
    text = _given_text(prompt)
    sentences = [each for each in split_sentences(text) if not each.is_heading and not _SUMMARISE.search(each.text)]
    if len(sentences) < 2:
        return sentences[0].text if sentences and len(sentences[0].text) > 60 else ""
    counts = Counter(term for each in sentences for term in content_terms(each.text))
    scores: list[tuple[float, int]] = []
    for at, each in enumerate(sentences):
        own = set(content_terms(each.text))
        weight = sum(math.log1p(counts[term] - 1) for term in own) / math.sqrt(len(own) + 4)
        scores.append((weight * (1.25 if at == 0 else 1.0) + (0.3 if at == 0 else 0), at))
    wanted = 1 if _ONE.search(prompt.everything) else min(3, 1 + len(sentences) // 4)
    kept = sorted(at for _, at in sorted(scores, reverse=True)[:wanted])
    joiner = "" if re.search(r"[。！？]$", sentences[kept[0]].text) else " "
    return joiner.join(sentences[at].text for at in kept)


def _given_text(prompt: Prompt) -> str:
    if prompt.passages:
        return "\n\n".join(passage.text for passage in prompt.passages)
    candidates = [quoted_text(prompt.everything), _without_instruction(prompt.question), prompt.instructions]
    return next((text for text in candidates if len(split_sentences(text)) > 1), max(candidates, key=len))


def _without_instruction(text: str) -> str:
    """A message without its first line, when that is where the instruction stands."""
    first, newline, rest = text.partition("\n")
    if newline and _SUMMARISE.search(first):
        return rest.strip()
    before, colon, after = re.split(r"([:：])", text, maxsplit=1) if re.search(r"[:：]", text[:200]) else ("", "", "")
    return after.strip() if colon and _SUMMARISE.search(before) else text
