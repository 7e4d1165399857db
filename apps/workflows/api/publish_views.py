"""Publishing over the service API, for programs that build and measure apps."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from apps.workflows import services
from apps.workflows.api.views import ServiceView, body_of
from apps.workflows.selectors.applications import version_to_measure
from support.errors import InvalidInput


class PublishApp(ServiceView):
    """POST /v1/app/publish: the draft, or the version with that number. Against a gate only people publish."""

    scope = "publish"

    def post(self, request: Request) -> Response:
        application, body = self.application(), body_of(request)
        number, note = body.get("version"), body.get("note", "")
        if number is not None and (isinstance(number, bool) or not isinstance(number, int) or not 0 < number < 2**31):
            raise InvalidInput("version must be the number of a version.", path="/version")
        if not isinstance(note, str):
            raise InvalidInput("note must be a string.", path="/note")
        version = version_to_measure(application.slug, number, team_ids=[application.team_id])
        services.check_before_publishing(version)
        services.publish_version(application=version.application, version=version, note=note.replace("\x00", "")[:500])
        return Response({"version": version.number})
