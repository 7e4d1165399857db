"""Addresses of WebSocket connections."""

from django.urls import path

from apps.workflows.api.websocket import AppSocket

websocket_urlpatterns = [path("ws/apps/<slug:slug>/", AppSocket.as_asgi())]
