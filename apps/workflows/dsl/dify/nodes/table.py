"""The mappings there are, by node type; both sides call their types alike."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from apps.workflows.dsl.dify.nodes.agents import AGENT
from apps.workflows.dsl.dify.nodes.asking import PARAMETER_EXTRACTOR, QUESTION_CLASSIFIER
from apps.workflows.dsl.dify.nodes.branching import IF_ELSE
from apps.workflows.dsl.dify.nodes.containers import ITERATION, LOOP, LOOP_END
from apps.workflows.dsl.dify.nodes.knowledge import KNOWLEDGE_RETRIEVAL
from apps.workflows.dsl.dify.nodes.lists import DOCUMENT_EXTRACTOR, LIST_OPERATOR
from apps.workflows.dsl.dify.nodes.llm import LLM
from apps.workflows.dsl.dify.nodes.mapping import Mapped
from apps.workflows.dsl.dify.nodes.people import HUMAN_INPUT
from apps.workflows.dsl.dify.nodes.programs import CODE, TEMPLATE_TRANSFORM
from apps.workflows.dsl.dify.nodes.speech import ANSWER, END, START
from apps.workflows.dsl.dify.nodes.tools import TOOL
from apps.workflows.dsl.dify.nodes.triggers import TRIGGER_SCHEDULE, TRIGGER_WEBHOOK
from apps.workflows.dsl.dify.nodes.variables import ASSIGNER, VARIABLE_AGGREGATOR
from apps.workflows.dsl.dify.nodes.web import HTTP_REQUEST

MAPPED: Final[Mapping[str, Mapped]] = MappingProxyType(
    {
        "start": START,
        "answer": ANSWER,
        "end": END,
        "llm": LLM,
        "knowledge-retrieval": KNOWLEDGE_RETRIEVAL,
        "question-classifier": QUESTION_CLASSIFIER,
        "parameter-extractor": PARAMETER_EXTRACTOR,
        "if-else": IF_ELSE,
        "code": CODE,
        "template-transform": TEMPLATE_TRANSFORM,
        "http-request": HTTP_REQUEST,
        "tool": TOOL,
        "agent": AGENT,
        "variable-aggregator": VARIABLE_AGGREGATOR,
        "assigner": ASSIGNER,
        "list-operator": LIST_OPERATOR,
        "document-extractor": DOCUMENT_EXTRACTOR,
        "iteration": ITERATION,
        "loop": LOOP,
        "loop-end": LOOP_END,
        "human-input": HUMAN_INPUT,
        "trigger-webhook": TRIGGER_WEBHOOK,
        "trigger-schedule": TRIGGER_SCHEDULE,
    }
)
CONTAINERS: Final = frozenset({"iteration", "loop"})
