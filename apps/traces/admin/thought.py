"""The list of agent thoughts: every call of a model, with its parameters, tokens and latency."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import Truncator
from django.utils.translation import gettext as now_
from django.utils.translation import gettext_lazy as _

from apps.traces.admin import filters
from apps.traces.admin.columns import THOUGHT_COLUMNS
from apps.traces.admin.history import StepAdmin
from apps.traces.models import AgentThought
from apps.traces.models.saved_view import Listed


@admin.register(AgentThought)
class AgentThoughtAdmin(StepAdmin):
    table = Listed.THOUGHTS
    span_column = "span_id"
    tab_place = 2
    icon = "brain"
    columns = THOUGHT_COLUMNS
    main_label = _("Thought")
    purpose = _("Every call of a model: what it said, with which parameters, for how many tokens.")
    search_hint = _("Search text, model or id")
    nothing_title = _("No model was called in this range of time")
    nothing_text = _("Each call of a model within a run is listed here once the run has ended.")
    filters = (
        filters.THOUGHT_MODEL,
        filters.OWN_APP,
        filters.SLOWER,
        filters.TOOL,
        filters.WAITED,
        filters.COST,
        filters.ERROR_CODE,
        filters.CONVERSATION,
    )

    def listed(self, request: HttpRequest) -> QuerySet[AgentThought]:
        return self.get_queryset(request).defer("tool_input", "observation")

    def main_of(self, row: AgentThought) -> dict[str, Any]:
        return {
            "url": self.step_url(row),
            "words": Truncator(row.thought).chars(160) or now_("No text"),
            "note": row.error_code or row.tool,
            "error": bool(row.error_code),
        }
