"""What a line of each format must look like, as JSON Schema."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
_TEXT: Schema = {"type": "string", "pattern": r"\S"}
_NAME: Schema = {"type": "string", "pattern": "^[a-zA-Z0-9_-]{1,64}$"}


def _object(required: dict[str, Schema], **optional: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {**required, **optional},
        "required": list(required),
        "additionalProperties": False,
    }


_CALL = _object(
    {
        "id": _TEXT,
        "type": {"const": "function"},
        "function": _object({"name": _NAME, "arguments": {"type": "string"}}),
    }
)
_SAID = _object({"role": {"enum": ["system", "user", "assistant"]}, "content": _TEXT})
_CALLS = _object(
    {
        "role": {"const": "assistant"},
        "tool_calls": {"type": "array", "items": _CALL, "minItems": 1},
    },
    content={"type": ["string", "null"]},
)
_OUTCOME = _object({"role": {"const": "tool"}, "tool_call_id": _TEXT, "content": {"type": "string"}})
_MESSAGE: Schema = {
    "if": {"properties": {"role": {"const": "tool"}}},
    "then": _OUTCOME,
    "else": {"if": {"required": ["tool_calls"]}, "then": _CALLS, "else": _SAID},
}
_MESSAGES: Schema = {"type": "array", "items": _MESSAGE, "minItems": 1}
_TOOLS: Schema = {
    "type": "array",
    "minItems": 1,
    "items": _object(
        {
            "type": {"const": "function"},
            "function": _object({"name": _NAME, "parameters": {"type": "object"}}, description={"type": "string"}),
        }
    ),
}
_ANSWER: Schema = {
    "type": "array",
    "items": _object({"role": {"const": "assistant"}, "content": _TEXT}),
    "minItems": 1,
    "maxItems": 1,
}

OPENAI_CHAT = _object({"messages": {**_MESSAGES, "minItems": 2}}, tools=_TOOLS)
OPENAI_PREFERENCE = _object(
    {
        "input": _object({"messages": _MESSAGES}, tools=_TOOLS),
        "preferred_output": _ANSWER,
        "non_preferred_output": _ANSWER,
    }
)
TRL_PREFERENCE = _object({"prompt": _MESSAGES, "chosen": _ANSWER, "rejected": _ANSWER}, tools=_TOOLS)
SHAREGPT = _object(
    {
        "conversations": {
            "type": "array",
            "minItems": 2,
            "items": _object(
                {
                    "from": {"enum": ["human", "gpt", "function_call", "observation"]},
                    "value": {"type": "string"},
                }
            ),
        }
    },
    system=_TEXT,
    tools=_TEXT,
)
ALPACA = _object(
    {"instruction": _TEXT, "input": {"type": "string"}, "output": _TEXT},
    system=_TEXT,
    history={"type": "array", "items": {"type": "array", "items": _TEXT, "minItems": 2, "maxItems": 2}},
)
#: CSV and Parquet: one row with the same columns in both.
TABLE = _object(
    {
        "id": _TEXT,
        "split": {"enum": ["train", "validation"]},
        "system": {"type": "string"},
        "question": _TEXT,
        "answer": _TEXT,
        "rejected": {"type": "string"},
        "messages": _TEXT,
        "tools": {"type": "string"},
        "tokens": {"type": "integer", "minimum": 0},
        "source": _TEXT,
        "message_id": {"type": "string"},
        "trace_id": {"type": "string"},
        "correction_id": {"type": "string"},
    }
)
