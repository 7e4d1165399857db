"""Admin pages of traces."""

from apps.traces.admin.alert import AlertAdmin
from apps.traces.admin.change import TraceChangeAdmin
from apps.traces.admin.erasure import ErasureAdmin
from apps.traces.admin.export import TraceExportAdmin
from apps.traces.admin.policy import TracePolicyAdmin
from apps.traces.admin.span import SpanAdmin
from apps.traces.admin.thought import AgentThoughtAdmin
from apps.traces.admin.trace import TraceAdmin

__all__ = [
    "AgentThoughtAdmin",
    "AlertAdmin",
    "ErasureAdmin",
    "SpanAdmin",
    "TraceAdmin",
    "TraceChangeAdmin",
    "TraceExportAdmin",
    "TracePolicyAdmin",
]
