"""What any OpenTelemetry client says: user, session, service, environment, errors, HTTP; and mlflow's two values."""

from __future__ import annotations

from apps.traces.dialects.facts import Facts
from apps.traces.dialects.messages import as_outputs
from apps.traces.dialects.values import first, json_of, text_of
from apps.traces.dialects.wire import WireEvent, WireSpan

_USER = ("user.id", "enduser.id", "user_id")
_SESSION = ("session.id", "session_id", "thread.id.name")
_HTTP = ("http.request.method", "http.method")
_MLFLOW = ("mlflow.spanInputs", "mlflow.spanOutputs", "mlflow.spanType")
_MLFLOW_KINDS = {
    "LLM": "llm",
    "CHAT_MODEL": "llm",
    "CHAIN": "chain",
    "AGENT": "agent",
    "TOOL": "tool",
    "RETRIEVER": "retrieval",
    "EMBEDDING": "embedding",
    "RERANKER": "reranker",
}
_CLIENT = 3
_FAILED = 2


def read(span: WireSpan) -> Facts:
    """What the span says in these words."""
    attributes, resource = span.attributes, span.origin.resource
    facts = Facts(
        kind=_kind(span),
        end_user=text_of(first(attributes, _USER)),
        session=text_of(first(attributes, _SESSION)),
        environment=text_of(first(resource, ("deployment.environment.name", "deployment.environment"))),
        release=text_of(first(resource, ("service.version",))),
        spent=_MLFLOW,
    )
    if "mlflow.spanInputs" in attributes or "mlflow.spanOutputs" in attributes:
        facts["inputs"] = json_of(attributes.get("mlflow.spanInputs"))
        facts["outputs"] = as_outputs(attributes.get("mlflow.spanOutputs"))
    if span.status == _FAILED:
        raised = next((event for event in span.events if event.name == "exception"), None)
        facts["status"] = "error"
        facts["error_code"] = text_of(attributes.get("error.type")) or _of(raised, "exception.type")
        facts["error_message"] = span.status_message or _of(raised, "exception.message") or facts["error_code"]
    return facts


def _kind(span: WireSpan) -> str:
    attributes = span.attributes
    mlflow = _MLFLOW_KINDS.get(text_of(json_of(attributes.get("mlflow.spanType"))), "")
    if mlflow:
        return mlflow
    return "http" if span.kind == _CLIENT and any(name in attributes for name in _HTTP) else "other"


def _of(event: WireEvent | None, name: str) -> str:
    return text_of(event.attributes.get(name)) if event is not None else ""
