"""The ASGI entry point: HTTP to Django, traces from elsewhere past it, WebSocket to Channels."""

import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings.dev")
os.environ.setdefault("SKEP_PROCESS", "web")
http = get_asgi_application()

from apps.traces.otlp.bodies import LIMIT as OTLP_LIMIT  # noqa: E402 - models load after Django
from apps.traces.otlp.receiver import OtlpReceiver, is_otlp, too_large_for_otlp  # noqa: E402 - models load after Django
from apps.workflows.api.origins import OwnPagesAndPrograms  # noqa: E402 - models load after Django
from apps.workflows.api.routing import websocket_urlpatterns  # noqa: E402 - models load after Django
from console.bounded_bodies import Bound, bound_request_bodies  # noqa: E402 - settings load after Django
from support.memory import settle  # noqa: E402 - the last to be loaded

bound_request_bodies(
    limit=settings.MAX_REQUEST_BYTES,
    bounds=(
        Bound(limit=OTLP_LIMIT, covers=is_otlp, refusal=too_large_for_otlp),
        Bound(
            limit=settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
            covers=lambda path: path.startswith(("/v1/", "/api/")),
            kinds=frozenset({"application/json", "application/x-www-form-urlencoded"}),
        ),
    ),
)
application = ProtocolTypeRouter(
    {
        "http": OtlpReceiver(http),
        "websocket": OwnPagesAndPrograms(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
    }
)
settle()
