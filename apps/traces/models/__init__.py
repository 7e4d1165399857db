"""Traces of runs: one trace, its spans with their payloads, and the thoughts of its models."""

from apps.traces.models.alert import Alert, AlertFiring, AlertNotice
from apps.traces.models.change import TraceChange
from apps.traces.models.destination import OutgoingTrace, TraceDestination
from apps.traces.models.export import TraceExport
from apps.traces.models.foreign import ForeignTrace
from apps.traces.models.policy import Erasure, KeptTrace, PassedOver, TracePolicy
from apps.traces.models.rollup import Rollup
from apps.traces.models.saved_view import DefaultView, SavedView
from apps.traces.models.span import Span, SpanPayload
from apps.traces.models.thought import AgentThought
from apps.traces.models.trace import Trace

__all__ = [
    "AgentThought",
    "Alert",
    "AlertFiring",
    "AlertNotice",
    "DefaultView",
    "Erasure",
    "ForeignTrace",
    "KeptTrace",
    "OutgoingTrace",
    "PassedOver",
    "Rollup",
    "SavedView",
    "Span",
    "SpanPayload",
    "Trace",
    "TraceChange",
    "TraceDestination",
    "TraceExport",
    "TracePolicy",
]
