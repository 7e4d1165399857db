"""Which pages may open a WebSocket: our own. Programs send no Origin and prove themselves by a key."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http.request import split_domain_port, validate_host
from django.utils.http import is_same_domain


class OwnPagesAndPrograms:
    """Refuses browsers on pages of other sites, which would lend us their visitor's session.

    A browser always names the page's origin, so whoever names none is no browser and has no session to lend. A page is
    ours when it came from the very host and port that is called, as in Django's check of forms: cookies know no ports,
    so a page of another program on the same machine would bring the session along.
    """

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        headers = {name: value.decode("latin-1").lower() for name, value in scope["headers"]}
        origin = headers.get(b"origin")
        if origin is None or is_own_page(origin, called=headers.get(b"host", "")):
            return await self._application(scope, receive, send)
        return await WebsocketDenier()(scope, receive, send)


def is_own_page(origin: str, *, called: str) -> bool:
    """Whether a page of this origin belongs to the host that is called, or to one that the operator trusts."""
    try:
        page = urlsplit(origin)
    except ValueError:
        return False
    for each in settings.CSRF_TRUSTED_ORIGINS:
        trusted = urlsplit(each)
        if trusted.scheme == page.scheme and is_same_domain(page.netloc, trusted.netloc.removeprefix("*")):
            return True
    host, _port = split_domain_port(called)
    return page.scheme in ("http", "https") and page.netloc == called and validate_host(host, settings.ALLOWED_HOSTS)
