"""The list of agent thoughts: every call of a model, with its parameters, tokens and latency."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.traces.admin import filters
from apps.traces.admin.formats import duration
from apps.traces.admin.history import StepAdmin
from apps.traces.models import AgentThought
from apps.traces.selectors.traces import as_uuid


@admin.register(AgentThought)
class AgentThoughtAdmin(StepAdmin):
    list_template = "admin/traces/thought/list.html"
    span_column = "span_id"
    tab_place = 2
    purpose = _("Every call of a model: what it said, with which parameters, for how many tokens.")
    search_hint = _("Search text, model or id")
    filters = (filters.started(), filters.slower_than("latency_us"))

    def listed(self, request: HttpRequest) -> QuerySet[AgentThought]:
        return self.get_queryset(request).defer("tool_input", "observation")

    def search(self, rows: QuerySet[AgentThought], text: str) -> QuerySet[AgentThought]:
        wanted = as_uuid(text)
        if wanted is not None:
            return rows.filter(Q(id=wanted) | Q(trace_id=wanted) | Q(span_id=wanted) | Q(message_id=wanted))
        return rows.filter(Q(model=text) | Q(tool=text) | Q(thought__icontains=text))

    def decorate(self, rows: list[AgentThought]) -> list[Any]:
        return [
            {
                "thought": thought,
                "duration": duration(thought.latency_us),
                "first_text": duration(thought.first_text_us),
                "parameters": ", ".join(
                    f"{name} {json.dumps(value, ensure_ascii=False)}" for name, value in thought.parameters.items()
                ),
            }
            for thought in rows
        ]
