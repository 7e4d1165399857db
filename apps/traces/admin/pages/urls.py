"""Addresses below a trace's own, with their names and views; the admin of traces includes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from apps.traces.admin.pages import compare, conversation, downloads, live, trace

View = Callable[..., Any]
_STEP = "compare/<uuid:span_id>/<uuid:other_id>/<uuid:other_span_id>/"

PAGES: Final[tuple[tuple[str, View, str], ...]] = (
    ("<uuid:trace_id>/change/", trace.trace_page, "traces_trace_change"),
    ("<uuid:trace_id>/rows/", trace.rows_of_trace, "traces_trace_rows"),
    ("<uuid:trace_id>/find/", trace.found_in_trace, "traces_trace_find"),
    ("<uuid:trace_id>/graph/", trace.graph_of_trace, "traces_trace_graph"),
    ("<uuid:trace_id>/log/", trace.log_of_trace, "traces_trace_log"),
    ("<uuid:trace_id>/spans/<uuid:span_id>/", trace.span_pane, "traces_trace_span"),
    ("<uuid:trace_id>/download/", downloads.trace_download, "traces_trace_download"),
    ("<uuid:trace_id>/log/download/", downloads.log_download, "traces_trace_log_download"),
    ("<uuid:trace_id>/story/", downloads.story_download, "traces_trace_story"),
    ("<uuid:run_id>/live/", live.stream_of_run, "traces_trace_live"),
    ("<uuid:run_id>/live/state/", live.state_of_run, "traces_trace_live_state"),
    ("<uuid:run_id>/live/stop/", live.stop, "traces_trace_live_stop"),
    ("conversations/<uuid:conversation_id>/", conversation.conversation_page, "traces_conversation"),
    ("sessions/<uuid:team_id>/", conversation.session_page, "traces_session"),
    ("<uuid:trace_id>/compare/", compare.compare_page, "traces_trace_compare"),
    (f"<uuid:trace_id>/{_STEP}", compare.compared_step, "traces_trace_compared_step"),
)
