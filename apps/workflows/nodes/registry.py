"""The node types there are: explicit, so that importing a module never registers anything by itself."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from apps.workflows.engine.node import NodeType, Registry
from apps.workflows.nodes.agent import AGENT
from apps.workflows.nodes.answer import ANSWER
from apps.workflows.nodes.assigner import ASSIGNER
from apps.workflows.nodes.code import CODE
from apps.workflows.nodes.document_extractor import DOCUMENT_EXTRACTOR
from apps.workflows.nodes.end import END
from apps.workflows.nodes.http_request import HTTP_REQUEST
from apps.workflows.nodes.human_input import HUMAN_INPUT
from apps.workflows.nodes.if_else import IF_ELSE
from apps.workflows.nodes.iteration import ITERATION
from apps.workflows.nodes.knowledge_retrieval import KNOWLEDGE_RETRIEVAL
from apps.workflows.nodes.list_operator import LIST_OPERATOR
from apps.workflows.nodes.llm import LLM
from apps.workflows.nodes.loop import LOOP, LOOP_END
from apps.workflows.nodes.parameter_extractor import PARAMETER_EXTRACTOR
from apps.workflows.nodes.question_classifier import QUESTION_CLASSIFIER
from apps.workflows.nodes.start import START
from apps.workflows.nodes.template_transform import TEMPLATE_TRANSFORM
from apps.workflows.nodes.tool import TOOL
from apps.workflows.nodes.trigger_schedule import TRIGGER_SCHEDULE
from apps.workflows.nodes.trigger_webhook import TRIGGER_WEBHOOK
from apps.workflows.nodes.unavailable import UNAVAILABLE
from apps.workflows.nodes.variable_aggregator import VARIABLE_AGGREGATOR

_TYPES: Final[tuple[NodeType, ...]] = (
    START,
    TRIGGER_WEBHOOK,
    TRIGGER_SCHEDULE,
    LLM,
    KNOWLEDGE_RETRIEVAL,
    QUESTION_CLASSIFIER,
    PARAMETER_EXTRACTOR,
    IF_ELSE,
    CODE,
    TEMPLATE_TRANSFORM,
    HTTP_REQUEST,
    TOOL,
    AGENT,
    DOCUMENT_EXTRACTOR,
    HUMAN_INPUT,
    ITERATION,
    LOOP,
    LOOP_END,
    VARIABLE_AGGREGATOR,
    ASSIGNER,
    LIST_OPERATOR,
    UNAVAILABLE,
    ANSWER,
    END,
)

REGISTRY: Final[Registry] = MappingProxyType({node_type.name: node_type for node_type in _TYPES})
