"""What a Python zygote has imported before the first run, and what its children must not share."""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import os
import sys
import time
from collections.abc import Iterable

_NAMES = """
    abc array ast base64 binascii bisect calendar collections collections.abc contextlib copy csv ctypes dataclasses
    datetime decimal difflib enum fractions functools hashlib heapq hmac html inspect io itertools json math numbers
    operator pprint random re secrets statistics string struct textwrap threading time traceback types typing
    unicodedata urllib.parse uuid warnings weakref zlib
"""
COMMON = tuple(_NAMES.split())
"""The standard library that code nodes use. The rest is imported when a run asks for it."""

_M_ARENA_MAX = -8
_SEED_BYTES = 48

_QUIET_LIBRARIES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""A thread started in the zygote would be missing in every child, and a fork in its presence is undefined."""


_START_THREADS = ("pyarrow",)
"""Packages that others import when they find them, and that start threads at once."""


class PreloadFailed(Exception):
    """A module of the profile cannot be imported inside the zygote's root."""


def warm_up(modules: Iterable[str], *, paths: Iterable[str] = ()) -> None:
    """Import the common modules and those of the profile; leave the environment as empty as it was.

    What starts threads is not imported beside them; a run may import it if it lies in the profile's `paths`.
    """
    offered = [name for name in _START_THREADS if _lies_in(name, tuple(paths))]
    sys.modules.update(dict.fromkeys(_START_THREADS))  # type: ignore[arg-type]  # None: it cannot be imported
    os.environ.update(dict.fromkeys(_QUIET_LIBRARIES, "1"))
    try:
        for name in COMMON:
            importlib.import_module(name)
        for name in modules:
            try:
                importlib.import_module(name)
            except ImportError as error:
                raise PreloadFailed(f"cannot import {name}: {error}") from error
    finally:
        os.environ.clear()
        for name in offered:
            del sys.modules[name]
    time.tzset()  # the machine's time zone is out of sight now: UTC
    _one_arena()


def _lies_in(name: str, paths: tuple[str, ...]) -> bool:
    spec = importlib.util.find_spec(name)
    return spec is not None and spec.origin is not None and spec.origin.startswith(paths)


def reseed() -> None:
    """Give this child its own random numbers where a library keeps a state that forks do not renew.

    OpenSSL would notice a fork by its process id; but the zygote is 1 in its pid namespace, and so is each child.
    """
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()
    openssl = sys.modules.get("_ssl")
    if openssl is not None:
        openssl.RAND_add(os.urandom(_SEED_BYTES), _SEED_BYTES)
    bundled = sys.modules.get("cryptography.hazmat.bindings._rust")
    add = getattr(bundled and bundled._openssl.lib, "RAND_add", None)
    if add is not None:  # its wheels carry an OpenSSL of their own
        add(os.urandom(_SEED_BYTES), _SEED_BYTES, _SEED_BYTES)


def _one_arena() -> None:
    """Keep glibc from reserving 64 MB of address space for each thread; other C libraries have no such call."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
