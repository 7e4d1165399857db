"""The built-in model: offline, deterministic, and honest about what it is. It quotes; it does not think."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence

import orjson

from model_runtime.extractive import calling, tasks
from model_runtime.extractive.filling import fill
from model_runtime.extractive.prompt import Passage, Prompt, quoted_text, read_prompt
from model_runtime.extractive.ranking import best_quotes
from model_runtime.tokens import estimate_tokens, estimate_usage
from model_runtime.types import PLAIN, Chunk, Format, Message, ModelParameters, Wish
from model_runtime.words import is_chinese

# What it says for itself. Answers are in the language of the question, not of the page around it.
_SAYS = {
    "en": {
        "passages": "From the passages:",
        "tools": "The tool says:",
        "text": "From the text:",
        "summary": "In the text's own words:",
        "nothing": "The passages that I was given say nothing about this. (I am the built-in demo model: "
        "I quote what the search found and know nothing else.)",
        "not_found": "The search found no passages for this question, so I have nothing to quote. (I am the built-in "
        "demo model and know nothing myself; with OPENAI_API_KEY and OPENAI_BASE_URL set, a real model answers.)",
        "no_passages": "I am the built-in demo model: I run offline, quote passages that a search has found, and know "
        "nothing myself. This prompt holds no passages. For real answers, set OPENAI_API_KEY and "
        "OPENAI_BASE_URL and start again.",
    },
    "zh": {
        "passages": "根据资料：",
        "tools": "工具返回：",
        "text": "文中写道：",
        "summary": "原文要点：",
        "nothing": "所给的资料里没有提到这一点。（我是内置的演示模型，只会引用检索到的内容，自己并不具备知识。）",
        "not_found": "没有检索到与这个问题有关的资料，所以无可引用。（我是内置的演示模型，自己并不具备知识；"
        "设置 OPENAI_API_KEY 和 OPENAI_BASE_URL 后，将由真正的模型回答。）",
        "no_passages": "我是内置的演示模型：离线运行，只会引用检索到的资料，自己并不具备知识，而这次提示中没有资料。"
        "要得到真正的回答，请设置 OPENAI_API_KEY 和 OPENAI_BASE_URL 后重新启动。",
    },
}
_EXPECTS_PASSAGES = re.compile(r"\bpassages?\b|\bcontext\b|\bsources?\b|\bexcerpts?\b|资料|上下文|检索|知识库", re.I)
_PIECE = re.compile(r"[\u3000-\u9fff\uff00-\uffef]{1,2}|\s*[^\s\u3000-\u9fff\uff00-\uffef]+|\s+")
_MOST_OF_TOOLS = 2_000


class DemoChatModel:
    """Answers from the numbered passages of the prompt, in their own words.

    Tools are called when the words of the question speak for one and hold what it needs.
    """

    name = "demo"
    provider = "built-in"

    async def stream(
        self, messages: Sequence[Message], *, parameters: ModelParameters, wish: Wish = PLAIN
    ) -> AsyncGenerator[Chunk, None]:
        """The answer word by word; as fast as the reader takes it."""
        call = None if calling.given_by_tools(messages) else calling.choose_call(messages, wish)
        if call is not None:
            usage = estimate_usage(messages, call.name + call.arguments)
            yield Chunk(tool_calls=(call,), finish_reason="tool_calls", usage=usage)
            return
        text, finish_reason = _limited(answer(messages, wish), parameters)
        for piece in _PIECE.findall(text):
            yield Chunk(text=piece)
            await asyncio.sleep(0)  # others in the process have their turn
        yield Chunk(finish_reason=finish_reason, usage=estimate_usage(messages, text))


def answer(messages: Sequence[Message], wish: Wish = PLAIN) -> str:
    """The whole answer to a conversation: data where that is wished for, what tools gave, or quotes."""
    if wish.format is not None:
        return _data(messages, wish.format)
    prompt = read_prompt(messages)
    says = _SAYS["zh" if is_chinese(prompt.question or prompt.instructions) else "en"]
    if given := calling.given_by_tools(messages):
        return _lead(says["tools"], "\n\n".join(given)[:_MOST_OF_TOOLS])
    if prompt.passages:
        return _from_passages(prompt, says)
    if (label := tasks.pick_label(prompt)) is not None:
        return label
    if tasks.asks_for_summary(prompt) and (summary := tasks.summarise(prompt)):
        return _lead(says["summary"], summary)
    if quoted := _from_text(prompt, says):
        return quoted
    return says["not_found" if _EXPECTS_PASSAGES.search(prompt.instructions) else "no_passages"]


def _data(messages: Sequence[Message], wanted: Format) -> str:
    """JSON of the schema with what the text says. Where it says nothing and something must stand, that is empty."""
    text, instructions = calling.subject_of(messages), calling.instructions_of(messages)
    value = fill(wanted.schema, text, instructions=instructions, whole=True)
    return orjson.dumps(value).decode()


def _from_passages(prompt: Prompt, says: dict[str, str]) -> str:
    quotes = best_quotes(prompt)
    if quotes:
        return _lead(says["passages"], " ".join(f"{quote.text} [{quote.number}]" for quote in quotes))
    if tasks.asks_for_summary(prompt) and (summary := tasks.summarise(prompt)):
        return _lead(says["summary"], summary)
    return says["nothing"]


def _from_text(prompt: Prompt, says: dict[str, str]) -> str:
    """Quotes from a text that the prompt carries without numbering it."""
    text = quoted_text(prompt.everything)
    if not text or not prompt.question:
        return ""
    whole = Passage(number=1, title="", text=text)
    question = prompt.question.replace(text, "").strip() or prompt.question
    narrowed = Prompt(question=question, earlier=prompt.earlier, passages=(whole,), instructions="")
    quotes = best_quotes(narrowed)
    return _lead(says["text"], " ".join(quote.text for quote in quotes)) if quotes else ""


def _lead(lead: str, text: str) -> str:
    return f"{lead}{'' if lead.endswith('：') else ' '}{text}"


def _limited(text: str, parameters: ModelParameters) -> tuple[str, str]:
    """The text within the caller's limits, and why it ends."""
    cuts = [at for stop in parameters.stop if stop and (at := text.find(stop)) >= 0]
    text = text[: min(cuts)] if cuts else text
    limit = parameters.max_tokens
    if limit is None or estimate_tokens(text) <= limit:
        return text, "stop"
    kept = ""
    for piece in _PIECE.findall(text):
        if estimate_tokens(kept + piece) > limit:
            break
        kept += piece
    return kept, "length"
