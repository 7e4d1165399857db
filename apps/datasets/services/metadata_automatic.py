"""Filters that a chat model reads out of a question ("what did Ann write in May?")."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import logging
from collections.abc import Mapping
from contextlib import aclosing
from functools import partial
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from apps.datasets.selectors.filters import OPERATORS, Field, MetadataFilter
from apps.datasets.services.metadata_filters import read_filter
from apps.datasets.services.rerank import Note
from apps.datasets.services.waiting import Steps
from model_runtime.protocols import ChatModel
from model_runtime.types import Format, Message, ModelParameters, Wish
from providers.services import open_chat_model
from support.errors import ConsoleError

logger = logging.getLogger(__name__)

SECONDS = 20.0
_TASK = """You turn a question into conditions on the metadata of documents. Today is {today}.
Fields and what may be asked of each:
{fields}
Reply with a JSON object and nothing else: {{"logical": "and" or "or", "conditions": [{{"name": ..., "op": ..., \
"value": ...}}]}}. Write a time as in 2026-05-31. Make a condition only of what the question says about a field \
without doubt; what the question is about is no condition. Without any, reply {{"conditions": []}}."""


def choose_filter(
    query: str, *, fields: Mapping[str, Field], team_id: UUID, model: str
) -> Steps[tuple[MetadataFilter | None, Note | None]]:
    """The filter that a question asks for. Where none can be made, everything is searched and a note says why."""
    try:
        said = yield partial(_ask, open_chat_model(model, team_id=team_id), query, fields)
        return read_filter(_object(said), fields=fields), None
    except (ConsoleError, TimeoutError, ValueError) as exc:
        reason = exc.message if isinstance(exc, ConsoleError) else _("the model's reply cannot be read")
        logger.warning("no filter was made of a question: %s", type(exc).__name__)
        message = _("Everything was searched, because no filter could be made of the question: %(reason)s")
        return None, Note(code="filter_failed", message=message % {"reason": reason})


async def _ask(model: ChatModel, query: str, fields: Mapping[str, Field]) -> str:
    listed = "\n".join(
        f"- {json.dumps(field.name, ensure_ascii=False)} ({field.kind}): {', '.join(OPERATORS[field.kind])}"
        for field in fields.values()
    )
    task = _TASK.format(today=dt.datetime.now(dt.UTC).date().isoformat(), fields=listed)
    messages = [Message(role="system", text=task), Message(role="user", text=query)]
    wish = Wish(format=Format(name="filter", schema=_schema(fields)))
    said: list[str] = []
    async with (
        asyncio.timeout(SECONDS),
        aclosing(model.stream(messages, parameters=ModelParameters(temperature=0), wish=wish)) as chunks,
    ):
        async for chunk in chunks:
            said.append(chunk.text)
    return "".join(said)


def _object(said: str) -> Mapping[str, Any]:
    """The first JSON object of a reply, fenced or not. Raises ValueError."""
    start = said.find("{")
    if start < 0:
        raise ValueError("no object")
    read, _end = json.JSONDecoder().raw_decode(said[start:])
    if not isinstance(read, dict) or not isinstance(read.get("conditions"), list):
        raise ValueError("no conditions")
    return read


def _schema(fields: Mapping[str, Field]) -> dict[str, Any]:
    operators = sorted({op for listed in OPERATORS.values() for op in listed})
    condition = {
        "type": "object",
        "properties": {
            "name": {"enum": sorted(fields)},
            "op": {"enum": operators},
            "value": {"type": ["string", "number", "array", "null"], "items": {"type": ["string", "number"]}},
        },
        "required": ["name", "op"],
    }
    return {
        "type": "object",
        "properties": {
            "logical": {"enum": ["and", "or"]},
            "conditions": {"type": "array", "items": condition},
        },
        "required": ["conditions"],
    }
