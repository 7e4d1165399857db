"""Refuses, before any view looks, addresses with a NUL character (no text column can hold one) and rare encodings."""

from __future__ import annotations

import codecs
from collections.abc import Awaitable, Callable
from typing import Any, Final

from asgiref.sync import iscoroutinefunction
from django.core.exceptions import BadRequest
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from support.api import error_response
from support.errors import InvalidInput

API = "/v1/"
#: The address of a webhook is its secret.
HOOKS: Final = "/hooks/"
#: What Python reads in time that grows with the length alone, and gives text that can be written again. A few hundred
#: kilobytes of Punycode keep a processor busy for a minute; UTF-7 and escapes make half characters.
ENCODINGS: Final = frozenset(
    {"utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "ascii", "gb18030", "gbk", "gb2312", "big5"}
    | {"shift_jis", "cp932", "euc_jp", "euc_kr", "cp949", "koi8-r", "koi8-u", "iso8859-1"}
    | {f"iso8859-{part}" for part in range(2, 17)}
    | {f"cp125{part}" for part in range(9)}
)
_NUL = "An address cannot hold a NUL character."
_ENCODING = "The content type names an encoding that is not taken. Use UTF-8."


def refusal(request: HttpRequest) -> HttpResponseBase | None:
    """The answer to a request that cannot mean anything, in the API's shape where the API was asked."""
    if "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
        message = _NUL
    elif not _is_taken(request.content_params):
        message = _ENCODING
    else:
        return None
    if not request.path.startswith((API, HOOKS)):
        raise BadRequest(message)
    answer = error_response(InvalidInput(message))
    if request.path.startswith(HOOKS):
        answer._has_been_logged = True  # type: ignore[attr-defined]  # Django's line about a refusal has the address
    return answer


def _is_taken(content_params: dict[str, str] | None) -> bool:
    """Whether the encoding of a body may be read; what nobody knows is read as UTF-8 by Django."""
    try:
        return codecs.lookup((content_params or {}).get("charset", "utf-8")).name in ENCODINGS
    except (LookupError, ValueError):
        return True


@sync_and_async_middleware
def readable_addresses(
    get_response: Callable[[HttpRequest], Any],
) -> Callable[[HttpRequest], HttpResponseBase] | Callable[[HttpRequest], Awaitable[HttpResponseBase]]:
    """Middleware that costs no thread hop: it is a coroutine where its neighbours are."""
    if iscoroutinefunction(get_response):

        async def asynchronous(request: HttpRequest) -> HttpResponseBase:
            answer: HttpResponseBase = refusal(request) or await get_response(request)
            return answer

        return asynchronous

    def synchronous(request: HttpRequest) -> HttpResponseBase:
        answer: HttpResponseBase = refusal(request) or get_response(request)
        return answer

    return synchronous
