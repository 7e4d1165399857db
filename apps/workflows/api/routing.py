"""Addresses of WebSocket connections."""

from django.urls import path

import support.slugs  # noqa: F401 - teaches addresses the converter anyslug
from apps.workflows.api.websocket import AppSocket

websocket_urlpatterns = [path("ws/apps/<anyslug:slug>/", AppSocket.as_asgi())]
