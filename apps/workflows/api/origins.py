"""Which pages may open a WebSocket: our own. Programs send no Origin and prove themselves by a key."""

from __future__ import annotations

from typing import Any

from channels.security.websocket import OriginValidator
from django.conf import settings


class OwnPagesAndPrograms(OriginValidator):  # type: ignore[misc]  # Channels has no types
    """Refuses browsers on pages of other sites, which would lend us their visitor's session.

    A browser always names the page's origin, so whoever names none is no browser and has no session to lend.
    """

    def __init__(self, application: Any) -> None:
        super().__init__(application, settings.ALLOWED_HOSTS)

    def valid_origin(self, parsed_origin: Any) -> bool:
        """Whether the connection may be made, by its Origin header (None without one)."""
        return parsed_origin is None or bool(super().valid_origin(parsed_origin))
