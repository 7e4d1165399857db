"""Which kind of span each node type makes."""

from __future__ import annotations

RUN = "run"
LLM = "llm"
OTHER = "other"
#: Kinds whose node calls a model and so leaves a thought.
THINKING = frozenset({LLM, "agent"})

KIND_OF_TYPE = {
    "start": "start",
    "end": "end",
    "answer": "answer",
    "llm": LLM,
    "parameter-extractor": LLM,
    "knowledge-retrieval": "retrieval",
    "if-else": "branch",
    "question-classifier": "branch",
    "variable-aggregator": "aggregate",
    "assigner": "aggregate",
    "list-operator": "aggregate",
    "code": "code",
    "template-transform": "template",
    "http-request": "http",
    "tool": "tool",
    "agent": "agent",
    "iteration": "loop",
    "loop": "loop",
    "loop-end": "loop",
    "human-input": "human",
}


def kind_of(node_type: str) -> str:
    """The kind of span for a node type; types that are not known here are `other`."""
    return KIND_OF_TYPE.get(node_type, OTHER)
