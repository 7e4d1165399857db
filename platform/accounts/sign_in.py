"""Guessing a password is slow: after some wrong ones the form waits before it looks at another.

Two counters in Redis: of one name from one address, and of one name from everywhere, so that many machines are no way
around. A right password empties the first. Without Redis nobody is kept out: being able to sign in matters more then.
"""

from __future__ import annotations

import hashlib
import logging
import os
from functools import cache
from typing import Any, Final

import redis
from django.conf import settings
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.utils.translation import ngettext

logger = logging.getLogger(__name__)

MOST_FROM_ONE_ADDRESS: Final = 10
MOST_FROM_EVERYWHERE: Final = 100
WINDOW_S: Final = 15 * 60
#: Counts and says how long the count lasts still, in one step, so that no counter is ever left without an end.
_COUNT: Final = """
local tries = redis.call('INCR', KEYS[1])
if tries == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return {tries, redis.call('TTL', KEYS[1])}
"""


class _Slowed(AuthenticationForm):
    """Counts a try before the password is looked at: who has had too many learns nothing from another one."""

    def clean(self) -> dict[str, Any]:
        name, address = str(self.cleaned_data.get("username") or ""), _address_of(self.request)
        if name and self.cleaned_data.get("password"):
            wait_s = count_try(name, address)
            if wait_s:
                raise ValidationError(_too_many(wait_s), code="too_many_tries")
        cleaned: dict[str, Any] = super().clean()
        forget_tries(name, address)
        return cleaned


class SignInForm(_Slowed):
    """Sign-in of everybody."""


class AdminSignInForm(_Slowed, AdminAuthenticationForm):
    """Sign-in to the admin: of staff only."""


def count_try(name: str, address: str) -> int:
    """Count a try to sign in. 0 when its password may be looked at, else the seconds to wait."""
    try:
        client = _client(os.getpid())
        here: Any = client.eval(_COUNT, 1, _key(name, address), str(WINDOW_S))
        everywhere: Any = client.eval(_COUNT, 1, _key(name, ""), str(WINDOW_S))
    except redis.RedisError as exc:
        logger.warning("tries to sign in are not counted: %s", type(exc).__name__)
        return 0
    limits = ((here, MOST_FROM_ONE_ADDRESS), (everywhere, MOST_FROM_EVERYWHERE))
    return max((max(1, int(ends)) for (tries, ends), most in limits if tries > most), default=0)


def forget_tries(name: str, address: str) -> None:
    """The password was right: those that were mistyped from here do not count any more."""
    try:
        _client(os.getpid()).delete(_key(name, address))
    except redis.RedisError:
        return


def _too_many(wait_s: int) -> str:
    minutes = -(-wait_s // 60)
    return ngettext(
        "Too many wrong passwords. Try again in %(minutes)d minute.",
        "Too many wrong passwords. Try again in %(minutes)d minutes.",
        minutes,
    ) % {"minutes": minutes}


def _address_of(request: Any) -> str:
    return str(request.META.get("REMOTE_ADDR") or "unknown") if request is not None else "unknown"


def _key(name: str, address: str) -> str:
    """Names are hashed: what somebody typed into the wrong field by mistake is not kept."""
    return f"sign-in:{hashlib.sha256(name.casefold().encode()).hexdigest()[:32]}:{address or 'everywhere'}"


@cache
def _client(pid: int) -> redis.Redis:
    """One client for each process: a fork shares no connection."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1)
