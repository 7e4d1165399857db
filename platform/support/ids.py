"""Time-ordered identifiers (UUID version 7, RFC 9562)."""

from __future__ import annotations

import datetime as dt
import os
import threading
import time
import uuid

_lock = threading.Lock()
_last = 0


def uuid7() -> uuid.UUID:
    """A UUIDv7: 48 bits of milliseconds, then 74 random bits; later ones sort later within a process.

    Ids made in one millisecond count up from a random start, so that rows keep the order they were made in
    (RFC 9562, section 6.2, method 2).
    """
    global _last
    fresh = (time.time_ns() // 1_000_000) << 74 | (int.from_bytes(os.urandom(10), "big") & ((1 << 73) - 1))
    with _lock:
        # Still in the same millisecond (or the clock went back): stay above the last one.
        if fresh >> 74 <= _last >> 74:
            fresh = _last + 1 + int.from_bytes(os.urandom(4), "big")
        _last = fresh
    value = (fresh >> 74) << 80 | 0x7 << 76 | ((fresh >> 62) & 0xFFF) << 64 | 0b10 << 62 | (fresh & ((1 << 62) - 1))
    return uuid.UUID(int=value)


def earliest(moment: dt.datetime) -> uuid.UUID:
    """The smallest id that can have been made at a moment: a lower bound for a range of the primary key."""
    return uuid.UUID(int=int(moment.timestamp() * 1000) << 80 | 0x7 << 76 | 0b10 << 62)
