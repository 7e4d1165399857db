"""Who a visitor of a public chat page is: a random name in a signed cookie, so nobody can take another's."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from django.core import signing
from django.http import HttpRequest, HttpResponse

COOKIE = "skep_visitor"
_SALT = "skep.visitor"
_YEAR_S = 365 * 24 * 3600


def visitor_of(cookies: Mapping[str, str]) -> str:
    """The visitor's name, or an empty string without a valid cookie."""
    try:
        name: str = signing.loads(cookies.get(COOKIE, ""), salt=_SALT, max_age=_YEAR_S)
    except signing.BadSignature:
        return ""
    return name


def visitor_id(request: HttpRequest) -> str:
    """The visitor behind a request, or an empty string."""
    return visitor_of(request.COOKIES)


def greet_visitor(request: HttpRequest, response: HttpResponse) -> None:
    """Give a visitor who has none a name for the next year."""
    if not visitor_id(request):
        name = f"visitor-{secrets.token_urlsafe(12)}"
        response.set_cookie(
            COOKIE,
            signing.dumps(name, salt=_SALT),
            max_age=_YEAR_S,
            httponly=True,
            samesite="Lax",
            secure=request.is_secure(),
        )
