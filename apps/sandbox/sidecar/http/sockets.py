"""Binds the address to listen on; a unix socket that nobody serves any more is replaced, a served one is not."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path
from typing import Final

from apps.sandbox.sidecar.config import Address
from apps.sandbox.sidecar.errors import StartRefused

SOCKET_MODE: Final = 0o660
_LONGEST_PATH: Final = 107


def bind(address: Address) -> socket.socket:
    """Bind the address; raises StartRefused if it is taken or cannot be."""
    try:
        return _bind_tcp(address) if address.path is None else _bind_unix(address.path)
    except (OSError, ValueError) as error:
        raise StartRefused(f"cannot listen on {address}: {error}") from None


def remove(address: Address, bound: socket.socket) -> None:
    """Remove the socket's file, unless another sidecar has taken its place."""
    if address.path is None:
        return
    try:
        bound_at = os.stat(address.path)
        if stat.S_ISSOCK(bound_at.st_mode) and not is_served(address.path):
            address.path.unlink()
    except OSError:
        return


def refusal_file(address: Address) -> Path | None:
    """Where the reason of a refused start is left for whoever waits for the socket."""
    if address.path is None:
        return None
    return address.path.with_name(f"{address.path.name}.refused")


def _bind_tcp(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    bound = socket.socket(family)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((address.host, address.port))
    except BaseException:
        bound.close()
        raise
    return bound


def _bind_unix(path: Path) -> socket.socket:
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise ValueError(f"the path is longer than {_LONGEST_PATH} bytes")
    if path.exists() or path.is_symlink():
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ValueError("there is a file at this path, and it is no socket")
        if is_served(path):
            raise ValueError("another process serves this socket")
        path.unlink()
    bound = socket.socket(socket.AF_UNIX)
    before = os.umask(0o777 & ~SOCKET_MODE)
    try:
        bound.bind(str(path))
    except BaseException:
        bound.close()
        raise
    finally:
        os.umask(before)
    return bound


def is_served(path: Path) -> bool:
    """Whether somebody accepts connections at this path."""
    with socket.socket(socket.AF_UNIX) as knocking:
        knocking.settimeout(1.0)
        try:
            knocking.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True
        return True
