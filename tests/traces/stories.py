"""Runs told as event logs, made with the real event classes: what the recorder's tests and the demo screens are fed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from apps.workflows.engine.events import (
    AnswerReplaced,
    AnswerText,
    ErrorInfo,
    Event,
    NodeFailed,
    NodeStarted,
    NodeSucceeded,
    NodeText,
    RunFinished,
    RunStarted,
    RunStatus,
    Usage,
)
from apps.workflows.hooks import RunInfo
from support.ids import uuid7

#: Not a round number, so that lost microseconds show.
BEGINNING = 1_790_000_000.123457

CHAT_NODES = {
    "start": ("start", "Start"),
    "find": ("knowledge-retrieval", "Find passages"),
    "enough": ("if-else", "Enough found?"),
    "answer_it": ("llm", "Answer from the passages"),
    "say": ("answer", "Say it"),
    "sorry": ("answer", "Say that nothing was found"),
}


def run_info(nodes: Mapping[str, tuple[str, str]], **changes: Any) -> RunInfo:
    """A run of somebody's app with the nodes `{id: (type, title)}`."""
    values: dict[str, Any] = {
        "run_id": uuid7(),
        "team_id": uuid7(),
        "application_id": uuid7(),
        "application_name": "Ask the handbook",
        "application_slug": "ask-the-handbook",
        "version_id": uuid7(),
        "version_number": 4,
        "kind": "chat",
        "source": "api",
        "end_user": "mei.lin",
        "query": "",
        "conversation_id": uuid7(),
        "message_id": uuid7(),
        "nodes": {node_id: {"type": kind, "title": title} for node_id, (kind, title) in nodes.items()},
    }
    return RunInfo(**{**values, **changes})


@dataclass
class Story:
    """Tells a run event by event; `after` moves the clock, in seconds."""

    run: RunInfo
    now: float = BEGINNING
    log: list[tuple[int, Event]] = field(default_factory=list)
    began: dict[str, float] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    spoken: str = ""

    def add(self, event: Event) -> Story:
        self.log.append((len(self.log) + 1, event))
        return self

    def after(self, seconds: float) -> Story:
        self.now += seconds
        return self

    def begin(self, inputs: Mapping[str, Any] | None = None) -> Story:
        return self.add(RunStarted(at=self.now, inputs=inputs or {}, query=self.run.query))

    def start(self, node_id: str, *, predecessor: str | None = None) -> Story:
        self.began[node_id] = self.now
        known = self.run.nodes[node_id]
        index = len(self.began)
        return self.add(
            NodeStarted(
                at=self.now,
                node_id=node_id,
                node_type=known["type"],
                title=known["title"],
                index=index,
                predecessor_id=predecessor,
            )
        )

    def write(self, node_id: str, *pieces: str, pause: float = 0.021) -> Story:
        """A model's tokens."""
        for piece in pieces:
            self.after(pause).add(NodeText(at=self.now, node_id=node_id, text=piece))
        return self

    def say(self, node_id: str, *pieces: str, source: str | None = None) -> Story:
        """Text that reaches the reader."""
        for piece in pieces:
            self.spoken += piece
            self.add(AnswerText(at=self.now, node_id=node_id, text=piece, source_id=source))
        return self

    def replace(self, text: str, *, reason: str, **details: Any) -> Story:
        self.spoken = text
        return self.add(AnswerReplaced(at=self.now, text=text, reason=reason, details=details))

    def succeed(self, node_id: str, outputs: Mapping[str, Any] | None = None, **more: Any) -> Story:
        self.usage += more.get("usage") or Usage()
        elapsed = self.now - self.began[node_id]
        return self.add(NodeSucceeded(at=self.now, node_id=node_id, outputs=outputs or {}, elapsed=elapsed, **more))

    def fail(self, node_id: str, error: ErrorInfo, **more: Any) -> Story:
        elapsed = self.now - self.began[node_id]
        return self.add(NodeFailed(at=self.now, node_id=node_id, error=error, elapsed=elapsed, **more))

    def finish(
        self,
        status: RunStatus = "succeeded",
        *,
        outputs: Mapping[str, Any] | None = None,
        error: ErrorInfo | None = None,
    ) -> Story:
        return self.add(
            RunFinished(
                at=self.now,
                status=status,
                outputs=outputs if outputs is not None else {"answer": self.spoken},
                error=error,
                steps=len(self.began),
                usage=self.usage,
                elapsed=self.now - BEGINNING,
            )
        )


def moved(story: Story, *, ago: float) -> Story:
    """The same run, begun so many seconds ago."""
    by = time.time() - ago - BEGINNING
    story.log = [(seq, replace(event, at=event.at + by)) for seq, event in story.log]
    return story


def passage(position: int, text: str, *, page: int, score: float, **scores: float) -> dict[str, Any]:
    """A hit as a retrieval node gives it."""
    return {
        "chunk_id": str(UUID(int=position)),
        "document_id": str(UUID(int=7)),
        "document_name": "Handbook 2026.pdf",
        "dataset_id": str(UUID(int=8)),
        "dataset_name": "Handbook",
        "text": text,
        "score": score,
        "scores": scores,
        "page": page,
        "char_start": 120 * position,
        "char_end": 120 * position + len(text),
        "heading_path": ["Working here", "Leave"],
        "position": position,
    }


PASSAGES = [
    passage(
        1,
        "Every employee has 30 days of paid leave a year. Up to five days that were not taken move into the next "
        "year; they lapse at the end of March. Ask for leave in the calendar at least two weeks ahead.",
        page=12,
        score=0.0325,
        semantic=0.8124,
        full_text=11.42,
    ),
    passage(
        2,
        "In the first year, leave grows by two and a half days with every full month of work.",
        page=13,
        score=0.0318,
        semantic=0.7712,
        full_text=7.91,
    ),
    passage(
        3,
        "Public holidays are those of the office where you work, and do not count as leave.",
        page=15,
        score=0.0161,
        semantic=0.7033,
    ),
]
SYSTEM_PROMPT = (
    "You answer questions about the company handbook. Use only the passages below, and name the page you took each "
    "fact from. If the passages do not answer the question, say so.\n\n"
    + "\n\n".join(
        f"[{each['position']}] {each['document_name']}, page {each['page']}\n{each['text']}" for each in PASSAGES
    )
)
PARAMETERS = {"temperature": 0.2, "top_p": 0.9, "max_tokens": 800, "stop": ["\n\nUser:"], "seed": 7}


def retrieval_chat(query: str = "How many days of leave do I have, and do they carry over?", **changes: Any) -> Story:
    """A chat over documents that goes well: six nodes, one of them skipped."""
    story = Story(run_info(CHAT_NODES, query=query, **changes)).begin({"tone": "plain"})
    story.after(0.000_213).start("start").after(0.000_101).succeed("start", {"query": query, "tone": "plain"})
    story.after(0.000_09).start("find", predecessor="start").after(0.184_3).succeed(
        "find",
        {"result": PASSAGES},
        inputs={"query": query, "datasets": ["handbook"]},
        process={
            "method": "hybrid",
            "top_k": 5,
            "legs": {"semantic": 24, "full_text": 18},
            "elapsed": {"embed": 0.041},
        },
    )
    story.after(0.000_12).start("enough", predecessor="find").after(0.000_3).succeed(
        "enough", {"case": "found"}, handle="found", inputs={"find.result": 3}
    )
    story.after(0.000_1).start("answer_it", predecessor="enough").after(0.41)
    pieces = [
        "You have ",
        "30 days ",
        "of paid leave ",
        "a year [1]. ",
        "Up to five days ",
        "that you did not take ",
        "move into the next year ",
        "and lapse at the end of March [1]. ",
        "In your first year ",
        "leave grows by two and a half days ",
        "with every full month [2].",
    ]
    text = "".join(pieces)
    first = None
    for piece in pieces:
        story.write("answer_it", piece, pause=0.085)
        first = story.now - story.began["answer_it"] if first is None else first
        if "say" not in story.began:
            story.start("say", predecessor="answer_it")
        story.say("say", piece, source="answer_it")
    story.after(0.012).succeed(
        "answer_it",
        {"text": text},
        inputs={"context": "find.result", "query": query},
        process={
            "model": "gpt-4o-mini",
            "provider": "openai",
            "parameters": PARAMETERS,
            "messages": [{"role": "system", "text": SYSTEM_PROMPT}, {"role": "user", "text": query}],
            "finish_reason": "stop",
        },
        usage=Usage(input_tokens=812, output_tokens=64, cached_input_tokens=512, reasoning_tokens=0),
        first_text=first,
    )
    return story.after(0.000_4).succeed("say", {"text": text}, inputs={"text": text}).after(0.000_2).finish()


def broken_stream(**changes: Any) -> Story:
    """A chat whose model breaks off after half a sentence."""
    query = "What is the notice period after five years?"
    story = Story(run_info(CHAT_NODES, query=query, **{"source": "public", **changes})).begin()
    story.start("start").after(0.000_2).succeed("start", {"query": query})
    story.start("find", predecessor="start").after(0.121).succeed(
        "find", {"result": PASSAGES[:2]}, inputs={"query": query}, process={"method": "hybrid", "top_k": 5}
    )
    story.start("enough", predecessor="find").after(0.000_2).succeed("enough", {"case": "found"}, handle="found")
    story.start("answer_it", predecessor="enough").after(0.38)
    for piece in ("After five years ", "the notice period ", "is two mon"):
        story.write("answer_it", piece, pause=0.06)
        if "say" not in story.began:
            story.start("say", predecessor="answer_it")
        story.say("say", piece, source="answer_it")
    error = ErrorInfo(
        code="model_unavailable",
        message="The model stopped answering: the connection was closed before the end of the stream.",
        node_id="answer_it",
        details={"model": "gpt-4o-mini", "provider": "openai", "attempts": 3, "http_status": 502},
    )
    story.after(30.0).fail(
        "answer_it",
        error,
        outputs={"text": "After five years the notice period is two mon"},
        process={
            "model": "gpt-4o-mini",
            "provider": "openai",
            "parameters": PARAMETERS,
            "messages": [{"role": "system", "text": SYSTEM_PROMPT}, {"role": "user", "text": query}],
        },
    )
    return story.finish("failed", outputs={"answer": story.spoken}, error=error)


def stopped_run(**changes: Any) -> Story:
    """A run that somebody stopped while the model was about to answer."""
    story = Story(run_info(CHAT_NODES, query="Tell me everything.", **changes)).begin()
    story.start("start").after(0.000_1).succeed("start", {})
    story.start("find", predecessor="start").after(0.8)
    return story.finish("stopped", outputs={})


def annotated_reply(**changes: Any) -> Story:
    """A chat that an approved answer answered before any node ran."""
    story = Story(run_info(CHAT_NODES, query="Can I take my dog to the office?", **changes)).begin()
    story.after(0.011).replace(
        "Yes, on Fridays, if everyone in your room agrees.", reason="annotation", id="a-17", score=0.972
    )
    return story.after(0.000_6).finish()


BRANCH_NODES = {
    "start": ("start", "Start"),
    "classify": ("llm", "Classify the ticket"),
    "route": ("if-else", "Route"),
    "refund": ("llm", "Draft a refund letter"),
    "bug": ("llm", "Draft a bug report"),
    "search": ("knowledge-retrieval", "Find similar bugs"),
    "lookup": ("http-request", "Look up the order"),
    "join": ("variable-aggregator", "Take the draft"),
    "end": ("end", "End"),
}


def branching_run(**changes: Any) -> Story:
    """A workflow that takes one of two ways, works on two things at once, and survives a failed lookup."""
    run = run_info(
        BRANCH_NODES,
        kind="workflow",
        application_name="Triage tickets",
        application_slug="triage",
        conversation_id=None,
        message_id=None,
        source="console",
        end_user="",
        **changes,
    )
    ticket = "The export button does nothing since the update. I have paid for this and want it fixed."
    story = Story(run).begin({"ticket": ticket, "customer": {"id": 4711, "plan": "team"}})
    story.start("start").after(0.000_1).succeed("start", {"ticket": ticket})
    story.start("classify", predecessor="start").after(0.62).write("classify", "b", "u", "g").succeed(
        "classify",
        {"text": "bug"},
        inputs={"ticket": ticket},
        process={
            "model": "demo",
            "provider": "demo",
            "parameters": {"temperature": 0},
            "messages": [{"role": "user", "text": f"Is this a refund or a bug?\n\n{ticket}"}],
            "finish_reason": "stop",
        },
        usage=Usage(input_tokens=48, output_tokens=1),
        first_text=0.64,
    )
    story.start("route", predecessor="classify").after(0.000_2).succeed("route", {"case": "bug"}, handle="bug")
    story.start("search", predecessor="route").start("lookup", predecessor="route").after(0.21)
    story.succeed("search", {"result": PASSAGES[:1]}, inputs={"query": "export button"}, process={"method": "semantic"})
    story.after(0.4).fail(
        "lookup",
        ErrorInfo(code="http_timeout", message="The order service did not answer within 0.6 s.", node_id="lookup"),
        handled=True,
        inputs={"url": "https://orders.example/4711"},
    )
    story.start("bug", predecessor="search").after(0.5).write("bug", "Export ", "button ", "is dead.").after(0.9)
    story.succeed(
        "bug",
        {"text": "Export button is dead."},
        process={
            "model": "demo",
            "provider": "demo",
            "parameters": {"temperature": 0.7},
            "messages": [{"role": "system", "text": "Write a bug report."}, {"role": "user", "text": ticket}],
        },
        usage=Usage(input_tokens=130, output_tokens=42, reasoning_tokens=12),
        first_text=0.52,
    )
    story.start("join", predecessor="bug").after(0.000_1).succeed("join", {"output": "Export button is dead."})
    story.start("end", predecessor="join").after(0.000_1).succeed("end", {"report": "Export button is dead."})
    return story.finish("partial-succeeded", outputs={"report": "Export button is dead."})


def failing_code(**changes: Any) -> Story:
    """A workflow whose code raises, goes on with a default, and fills a template in."""
    nodes = {
        "start": ("start", "Start"),
        "sums": ("code", "Add it up"),
        "page": ("template-transform", "Write the invoice"),
        "end": ("end", "Result"),
    }
    trace = 'Traceback (most recent call last):\n  File "main.py", line 4, in main\nValueError: no <price> here\n'
    about = {"language": "python3", "profile": "base"}
    story = Story(run_info(nodes, kind="workflow", application_name="Invoices", **changes)).begin({"lines": "x"})
    story.start("start").after(0.000_1).succeed("start", {})
    story.start("sums", predecessor="start").after(0.003)
    story.fail(
        "sums",
        ErrorInfo(code="code_error", message="ValueError: no <price> here (line 4)", details={"line": 4}),
        handled=True,
        inputs={"lines": "x"},
        process={
            **about,
            "stdout": "1 line <read>\n",
            "traceback": trace,
            "usage": {"wall_ms": 2.5, "cpu_ms": 1.5, "peak_kb": 9_000},
        },
    )
    story.start("page", predecessor="sums").after(0.002)
    story.succeed(
        "page", {"output": "Nothing to pay"}, process={"usage": {"wall_ms": 1.5, "cpu_ms": 1.0, "peak_kb": 1}}
    )
    story.start("end", predecessor="page").after(0.000_1).succeed("end", {"invoice": "Nothing to pay"})
    return story.finish("partial-succeeded", outputs={"invoice": "Nothing to pay"})


def long_run(steps: int = 300, **changes: Any) -> Story:
    """A run of very many nodes, every fourth of them a model call."""
    kinds = ("template-transform", "code", "http-request", "llm")
    nodes = {f"n{place}": (kinds[place % 4], f"Step {place + 1} of the pipeline") for place in range(steps)}
    story = Story(run_info(nodes, kind="workflow", application_name="Nightly digest", **changes)).begin(
        {"day": "2026-09-21"}
    )
    for place in range(steps):
        node_id = f"n{place}"
        story.start(node_id, predecessor=f"n{place - 1}" if place else None).after(0.004 + (place * 7919 % 97) / 1000)
        if place % 4 == 3:
            story.succeed(
                node_id,
                {"text": f"Summary {place}"},
                process={"model": "demo", "provider": "demo"},
                usage=Usage(input_tokens=90, output_tokens=20),
            )
        elif place == 201:
            story.fail(
                node_id, ErrorInfo(code="sandbox_timeout", message="The code ran longer than 5 s."), handled=True
            )
        else:
            story.succeed(node_id, {"value": place}, inputs={"items": [place] * 5})
    return story.finish(outputs={"digest": "Done."})


CHINESE_QUESTION = (
    "请根据员工手册说明：入职满一年但不足三年的员工，每年可以享受多少天带薪年假？"
    "未休完的假期能否顺延到下一年？如果可以，最晚需要在什么时候休完？"
)
CHINESE_ANSWER = (
    "根据手册第 12 页，每位员工每年享有 30 天带薪年假[1]。当年未休完的假期最多可顺延 5 天至下一年度，"
    "并须在次年 3 月底之前休完，逾期作废[1]。\n\n需要注意的是："
    "\n\n1. 入职第一年的年假按月累计，每满一个月增加两天半[2]；\n"
    "2. 法定节假日以所在办公室为准，不计入年假[3]；\n"
    "3. 请至少提前两周在日历中提交申请[1]。"
)


def chinese_chat(**changes: Any) -> Story:
    """The same in Chinese, with an app name and a user as long as they get."""
    name = "人力资源与行政服务中心员工手册智能问答助手（华东区域试运行版本）" * 4
    run = run_info(
        CHAT_NODES, query=CHINESE_QUESTION, application_name=name[:120], end_user="王小明（上海）", **changes
    )
    story = Story(run).begin()
    story.start("start").after(0.000_1).succeed("start", {"query": CHINESE_QUESTION})
    story.start("find", predecessor="start").after(0.25).succeed(
        "find", {"result": PASSAGES}, inputs={"query": CHINESE_QUESTION}
    )
    story.start("enough", predecessor="find").after(0.000_2).succeed("enough", {"case": "found"}, handle="found")
    story.start("answer_it", predecessor="enough").after(0.9)
    for place in range(0, len(CHINESE_ANSWER), 8):
        story.write("answer_it", CHINESE_ANSWER[place : place + 8])
        if "say" not in story.began:
            story.start("say", predecessor="answer_it")
        story.say("say", CHINESE_ANSWER[place : place + 8], source="answer_it")
    story.succeed(
        "answer_it",
        {"text": CHINESE_ANSWER},
        process={
            "model": "qwen-plus",
            "provider": "dashscope",
            "parameters": {"temperature": 0.3},
            "messages": [
                {"role": "system", "text": "只根据给出的段落回答。"},
                {"role": "user", "text": CHINESE_QUESTION},
            ],
        },
        usage=Usage(input_tokens=1_204, output_tokens=188),
        first_text=0.921,
    )
    return story.succeed("say", {"text": CHINESE_ANSWER}).finish()


ATTACK = (
    '<script>document.title = "owned"</script><img src=x onerror="document.title=\'owned\'">[x](javascript:alert(1))'
)


def hostile_chat(**changes: Any) -> Story:
    """A model, a user and a document that all try to run a script in the reader's browser."""
    run = run_info(
        {node_id: (kind, f"{title} {ATTACK}") for node_id, (kind, title) in CHAT_NODES.items()},
        query=ATTACK,
        end_user=ATTACK,
        application_name=f"App {ATTACK}",
        **changes,
    )
    story = Story(run).begin({ATTACK: ATTACK})
    story.start("find").after(0.1).succeed(
        "find", {"result": [{**PASSAGES[0], "text": ATTACK, "document_name": ATTACK}]}, inputs={"query": ATTACK}
    )
    story.start("answer_it").after(0.1).write("answer_it", ATTACK).start("say").say("say", ATTACK)
    story.succeed(
        "answer_it",
        {"text": ATTACK},
        process={"model": ATTACK, "parameters": {ATTACK: ATTACK}, "messages": [{"role": ATTACK, "text": ATTACK}]},
        usage=Usage(input_tokens=3, output_tokens=9),
    )
    story.fail("say", ErrorInfo(code=ATTACK, message=ATTACK, details={ATTACK: ATTACK}))
    return story.finish("failed", error=ErrorInfo(code=ATTACK, message=ATTACK))
