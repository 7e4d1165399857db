"""Forms that runs show to people, over the service API. The token opens the form, the key the app."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from apps.workflows import services
from apps.workflows.api.views import ServiceView, body_of, end_user_of
from apps.workflows.models import Wait
from apps.workflows.selectors.waits import open_wait
from support.errors import InvalidInput


class HumanInputForm(ServiceView):
    """GET and POST /v1/form/human_input/<token>."""

    def get(self, request: Request, token: str) -> Response:
        wait = self._wait(token)
        asks = wait.asks
        return Response(
            {
                "form_content": asks.get("form", ""),
                "inputs": asks.get("fields", []),
                "resolved_default_values": asks.get("defaults", {}),
                "user_actions": [
                    {"id": item["id"], "title": item["title"], "button_style": item.get("style", "default")}
                    for item in asks.get("actions", [])
                ],
                "expiration_time": int(wait.until.timestamp()) if wait.until else None,
            }
        )

    def post(self, request: Request, token: str) -> Response:
        body, wait = body_of(request), self._wait(token)
        values = body.get("inputs", {})
        if not isinstance(values, dict):
            raise InvalidInput("inputs must be an object.", path="/inputs")
        reply = services.checked_reply(wait, action=body.get("action"), values=values)
        services.reply_to(wait, reply, by=end_user_of(request))
        return Response({})

    def _wait(self, token: str) -> Wait:
        return open_wait(token, application=self.application())
