"""What a client wants to know of the app before it chats."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from apps.workflows.api.views import ServiceView
from apps.workflows.selectors.applications import live_version

_FIELD_TYPES = {"text": "text-input", "paragraph": "paragraph", "select": "select", "number": "number"}


class Info(ServiceView):
    """GET /v1/info."""

    def get(self, request: Request) -> Response:
        application = self.application()
        mode = {"chat": "advanced-chat"}.get(application.kind, application.kind)
        return Response(
            {
                "name": application.name,
                "description": application.description,
                "tags": [],
                "mode": mode,
                "author_name": "",
            }
        )


class Parameters(ServiceView):
    """GET /v1/parameters: opening, suggestions and the start form."""

    def get(self, request: Request) -> Response:
        version = live_version(self.application())
        features = version.features
        off = {"enabled": False}
        return Response(
            {
                "opening_statement": features.get("opening", ""),
                "suggested_questions": features.get("suggested", []),
                "suggested_questions_after_answer": off,
                "speech_to_text": off,
                "text_to_speech": off,
                "retriever_resource": {"enabled": bool(features.get("citations", True))},
                "annotation_reply": {"enabled": bool(features.get("annotation_reply"))},
                "more_like_this": off,
                "sensitive_word_avoidance": off,
                "user_input_form": [_field(declared) for declared in version.document.get("inputs", [])],
                "file_upload": {"image": {"enabled": False}},
                "system_parameters": {},
            }
        )


class Meta(ServiceView):
    """GET /v1/meta."""

    def get(self, request: Request) -> Response:
        return Response({"tool_icons": {}})


def _field(declared: dict[str, Any]) -> dict[str, Any]:
    body = {
        "label": declared.get("label") or declared["name"],
        "variable": declared["name"],
        "required": declared.get("required", "default" not in declared),
        "default": declared.get("default", ""),
    }
    if declared.get("type") == "select":
        body["options"] = declared.get("options", [])
    return {_FIELD_TYPES.get(declared.get("type", "text"), declared.get("type", "text")): body}
