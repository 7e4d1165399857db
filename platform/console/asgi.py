"""The ASGI entry point: HTTP to Django, WebSocket to Channels."""

import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings.dev")
os.environ.setdefault("SKEP_PROCESS", "web")
http = get_asgi_application()

from apps.workflows.api.routing import websocket_urlpatterns  # noqa: E402 - models load after Django

application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
    }
)
