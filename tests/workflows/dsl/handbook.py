"""A document that is right, to be made wrong in one place at a time."""

from __future__ import annotations

from typing import Any

from apps.workflows.dsl import load

TEXT = """\
skep: 1
app: {name: Ask the handbook, kind: chat, description: Answers from the handbook, icon: "📘"}
inputs:
  - {name: tone, label: Tone, type: select, options: [plain, formal], default: plain}
variables:
  conversation: [{name: topic, type: string, default: ""}]
  environment: [{name: crm_token, type: secret}]
features: {opening: Ask me., suggested: [How do I start?], citations: true, annotation_reply: {threshold: 0.92}}
nodes:
  - {id: start, type: start}
  - id: find
    type: knowledge-retrieval
    title: Find passages
    config: {query: sys.query, datasets: [handbook], method: hybrid, top_k: 5}
  - id: answer_it
    type: llm
    config:
      model: {name: gpt-4o-mini, temperature: 0.2}
      context: find.result
      memory: {window: 6}
      prompt:
        - {role: system, text: "Answer in a {{ inputs.tone }} tone, only from the context.\\n{{ context }}"}
        - {role: user, text: "{{ sys.query }}"}
    on_error:
      retry: {times: 3, backoff: exponential, first: 1s, on: [rate_limited, unavailable]}
      then: branch
    timeout: 60s
  - {id: say, type: answer, config: {text: "{{ answer_it.text }}"}}
  - {id: sorry, type: answer, config: {text: "The model is not available right now."}}
edges:
  - {from: start, to: find}
  - {from: find, to: answer_it}
  - {from: answer_it, to: say}
  - {from: answer_it, to: sorry, when: error}
canvas: {start: [40, 120], find: [320, 120]}
"""


def handbook() -> dict[str, Any]:
    """A fresh copy."""
    return load(TEXT)


def changed(path: str, value: Any) -> dict[str, Any]:
    """The document with one value set, or removed when it is `...`; `-` appends to a list."""
    document: Any = handbook()
    target = document
    *way, last = path.strip("/").split("/")
    for part in way:
        target = target[int(part)] if isinstance(target, list) else target.setdefault(part, {})
    if isinstance(target, list):
        if last == "-":
            target.append(value)
        else:
            target[int(last)] = value
    elif value is ...:
        del target[last]
    else:
        target[last] = value
    return document
