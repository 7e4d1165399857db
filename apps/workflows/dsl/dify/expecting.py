"""What the settings of Dify's nodes are made of: anything else is not used, and that is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from django.utils.translation import gettext as _

from apps.workflows.dsl.dify.reading import as_number, object_at, text_at
from apps.workflows.dsl.problems import Problem

Check = Callable[[Any], bool]
Place = tuple[str | int, ...]


def _text(value: Any) -> bool:
    return isinstance(value, (str, int, float))


def _number(value: Any) -> bool:
    return value == "" or as_number(value) is not None


def _flag(value: Any) -> bool:
    return isinstance(value, bool) or value in ("true", "false", "True", "False", 0, 1, "")


def _list(value: Any) -> bool:
    return isinstance(value, list)


def _object(value: Any) -> bool:
    return isinstance(value, dict)


def _selector(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(part, (str, int)) for part in value)


def _given(value: Any) -> bool:
    """The value of a parameter: plain, or an object that says which kind of value it is."""
    return not isinstance(value, dict) or not value or "value" in value or "type" in value


def _any(_value: Any) -> bool:
    return True


def _one_of(*words: str) -> Check:
    return lambda value: isinstance(value, str) and (value == "" or value.lower() in words)


_LOGICAL: Final = _one_of("and", "or")
_KIND: Final = _one_of("constant", "variable", "mixed")
_MODEL: Final[Mapping[str, Check]] = {
    "model": _object,
    "model.provider": _text,
    "model.mode": _one_of("chat", "completion"),
    "model.completion_params": _object,
    "memory": _object,
    "memory.window": _object,
    "memory.window.enabled": _flag,
    "memory.window.size": _number,
    "memory.query_prompt_template": _text,
    "memory.role_prefix": _object,
    "memory.role_prefix.user": _text,
    "memory.role_prefix.assistant": _text,
    "vision": _object,
    "vision.enabled": _flag,
    "vision.configs": _object,
    "vision.configs.variable_selector": _selector,
    "vision.configs.detail": _one_of("high", "low", "auto"),
}
_CONDITIONS: Final[Mapping[str, Check]] = {
    "logical_operator": _LOGICAL,
    "conditions": _list,
    "conditions.*.value": _any,
}
_EVERYWHERE: Final[Mapping[str, Check]] = {
    "error_strategy": _one_of("fail-branch", "default-value", "none"),
    "default_value": _list,
    "retry_config": _object,
    "retry_config.retry_enabled": _flag,
    "retry_config.max_retries": _number,
    "retry_config.retry_interval": _number,
    "version": _text,
    "tool_node_version": _text,
    "plugin_unique_identifier": _text,
}
_BY_TYPE: Final[Mapping[str, Mapping[str, Check]]] = {
    "llm": {
        **_MODEL,
        "prompt_template.*.role": _one_of("system", "user", "assistant"),
        "prompt_template.*.text": _text,
        "prompt_template.*.jinja2_text": _text,
        "context": _object,
        "context.enabled": _flag,
        "context.variable_selector": _selector,
        "structured_output": _object,
        "structured_output_enabled": _flag,
        "structured_output_switch_on": _flag,
    },
    "code": {
        "code_language": _one_of("python3", "javascript", "json"),
        "outputs": _object,
        "outputs.*.type": _text,
        "outputs.*.children": _object,
    },
    "if-else": {
        **_CONDITIONS,
        "cases": _list,
        "cases.*.logical_operator": _LOGICAL,
        "cases.*.conditions": _list,
        "cases.*.conditions.*.value": lambda value: not isinstance(value, dict),
    },
    "question-classifier": {**_MODEL, "instruction": _text, "instructions": _text, "classes": _list},
    "parameter-extractor": {
        **_MODEL,
        "instruction": _text,
        "reasoning_mode": _one_of("prompt", "function_call"),
        "parameters": _list,
        "parameters.*.required": _flag,
        "parameters.*.options": _list,
    },
    "variable-aggregator": {
        "advanced_settings": _object,
        "advanced_settings.group_enabled": _flag,
        "advanced_settings.groups": _list,
    },
    "list-operator": {
        "filter_by": _object,
        "filter_by.enabled": _flag,
        "filter_by.conditions.*.key": _text,
        "extract_by": _object,
        "extract_by.enabled": _flag,
        "extract_by.serial": _text,
        "order_by": _object,
        "order_by.enabled": _flag,
        "order_by.key": _text,
        "order_by.value": _one_of("asc", "desc"),
        "limit": _object,
        "limit.enabled": _flag,
        "limit.size": _number,
    },
    "assigner": {
        "write_mode": _one_of("over-write", "append", "clear"),
        "items": _list,
        "items.*.operation": _text,
        "items.*.input_type": _one_of("variable", "constant"),
    },
    "tool": {
        "provider_id": _text,
        "provider_name": _text,
        "provider_type": _text,
        "tool_label": _text,
        "tool_configurations": _object,
        "tool_configurations.*": _given,
        "tool_configurations.*.type": _KIND,
        "tool_parameters": _object,
        "tool_parameters.*": _given,
        "tool_parameters.*.type": _KIND,
    },
    "agent": {
        "agent_strategy_provider_name": _text,
        "agent_strategy_name": _text,
        "agent_strategy_label": _text,
        "agent_parameters": _object,
        "agent_parameters.*": _given,
        "agent_parameters.*.type": _KIND,
        "agent_parameters.query.value": lambda value: not isinstance(value, dict),
        "agent_parameters.model.value.provider": _text,
        "agent_parameters.model.value.completion_params": _object,
        "agent_parameters.model.value.mode": _one_of("chat", "completion"),
        "agent_parameters.tools.value.*.enabled": _flag,
        "agent_parameters.tools.value.*.type": _text,
        "agent_parameters.tools.value.*.parameters": _object,
        "agent_parameters.tools.value.*.settings": _object,
        "output_schema": lambda value: value is None or isinstance(value, dict),
        **{key: check for key, check in _MODEL.items() if key.startswith("memory")},
    },
    "iteration": {
        "is_parallel": _flag,
        "parallel_nums": _number,
        "error_handle_mode": _one_of("terminated", "continue-on-error", "remove-abnormal-output"),
        "flatten_output": _flag,
    },
    "loop": {
        "logical_operator": _LOGICAL,
        "loop_count": _number,
        "break_conditions": _list,
        "loop_variables": _list,
        "error_handle_mode": _text,
    },
    "human-input": {
        "form_content": _text,
        "inputs.*.type": _text,
        "inputs.*.default": _object,
        "inputs.*.default.type": _one_of("constant", "variable"),
        "inputs.*.default.value": lambda value: not isinstance(value, dict),
        "delivery_methods.*.type": _text,
        "delivery_methods.*.config": _object,
        "timeout": _number,
        "timeout_unit": _one_of("hour", "day"),
    },
    "trigger-schedule": {
        "mode": _one_of("visual", "cron"),
        "frequency": _one_of("hourly", "daily", "weekly", "monthly"),
        "visual_config": _object,
        "visual_config.time": _text,
        "visual_config.on_minute": _number,
        "visual_config.weekdays": _list,
        "visual_config.weekdays.*": _text,
        "visual_config.monthly_days": _list,
        "visual_config.monthly_days.*": _text,
        "cron_expression": _text,
        "timezone": _text,
    },
    "trigger-webhook": {
        "method": _text,
        "content_type": _text,
        **{f"{place}": _list for place in ("headers", "params", "body")},
        **{f"{place}.*.type": _text for place in ("headers", "params", "body")},
        **{f"{place}.*.required": _flag for place in ("headers", "params", "body")},
        "status_code": _number,
        "response_body": _text,
        "async_mode": _flag,
        "timeout": _number,
    },
    "knowledge-retrieval": {
        "retrieval_mode": _one_of("single", "multiple", "oneway"),
        "multiple_retrieval_config": _object,
        "multiple_retrieval_config.top_k": _number,
        "multiple_retrieval_config.score_threshold": _number,
        "multiple_retrieval_config.score_threshold_enabled": _flag,
        "multiple_retrieval_config.reranking_enable": _flag,
        "multiple_retrieval_config.reranking_mode": _text,
        "multiple_retrieval_config.reranking_model": _object,
        "multiple_retrieval_config.reranking_model.provider": _text,
        "multiple_retrieval_config.reranking_model.model": _text,
        "metadata_filtering_conditions": _object,
        "metadata_filtering_conditions.logical_operator": _LOGICAL,
        "metadata_filtering_conditions.conditions.*.value": lambda value: not isinstance(value, dict),
    },
    "document-extractor": {"is_array_file": _flag},
    "http-request": {
        "method": _one_of("get", "post", "put", "patch", "delete", "head", "options"),
        "authorization": _object,
        "authorization.type": _one_of("no-auth", "api-key"),
        "authorization.config": _object,
        "authorization.config.type": _one_of("basic", "bearer", "custom"),
        "body": lambda value: isinstance(value, (dict, str)),
        "body.type": _one_of("none", "form-data", "x-www-form-urlencoded", "raw-text", "json", "binary"),
        "body.data": lambda value: isinstance(value, (list, str)),
        "timeout": _object,
        "timeout.*": _number,
        "ssl_verify": _flag,
    },
}


def unexpected(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """A warning for each setting of a node that is of a kind of its own. Null is the same as nothing."""
    nodes = object_at(raw, "workflow", "graph").get("nodes")
    for number, node in enumerate(nodes if isinstance(nodes, list) else ()):
        data = object_at(node, "data")
        for path, check in {**_EVERYWHERE, **_BY_TYPE.get(text_at(data, "type"), {})}.items():
            for place, value in _values(data, tuple(path.split("."))):
                if value is not None and not check(value):
                    where = "/".join(map(str, ("", "workflow", "graph", "nodes", number, "data", *place)))
                    message = _("This is nothing that can stand here: it is kept, but not used.")
                    yield Problem(path=where, code="not_used", message=message, severity="warning")


def _values(value: Any, path: tuple[str, ...]) -> Iterator[tuple[Place, Any]]:
    """The values at a path in which * stands for every key or number."""
    if not path:
        yield (), value
        return
    inner: list[tuple[str | int, Any]] = []
    if path[0] == "*" and isinstance(value, list):
        inner = list(enumerate(value))
    elif isinstance(value, dict):
        inner = list(value.items()) if path[0] == "*" else [(path[0], value[path[0]])] if path[0] in value else []
    for key, one in inner:
        for place, found in _values(one, path[1:]):
            yield (key, *place), found
