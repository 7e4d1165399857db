"""Refuses addresses with a NUL character, which no text column can hold, before any view looks for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.core.exceptions import BadRequest
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from support.api import error_response
from support.errors import InvalidInput

API = "/v1/"
_MESSAGE = "An address cannot hold a NUL character."


def refusal(request: HttpRequest) -> HttpResponseBase | None:
    """The answer to an address that cannot mean anything, in the API's shape where the API was asked."""
    if "\x00" not in request.path and "%00" not in request.META.get("QUERY_STRING", ""):
        return None
    if request.path.startswith(API):
        return error_response(InvalidInput(_MESSAGE))
    raise BadRequest(_MESSAGE)


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
