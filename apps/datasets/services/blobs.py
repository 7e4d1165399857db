"""Uploaded files on disk, named by their content: written once, in pieces, never held in memory."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from support.errors import TooLarge

FOLDER = "documents"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A file that has been received and has no name yet."""

    path: Path
    sha256: str
    size: int
    folder: str = FOLDER

    def keep(self) -> str:
        """Give the file the name of its content, which is its path below MEDIA_ROOT; safe to repeat."""
        name = f"{self.folder}/{self.sha256[:2]}/{self.sha256}"
        target = blob_path(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        if self.path.exists():
            os.replace(self.path, target)
        return name


@contextmanager
def received(pieces: Iterable[bytes], *, limit: int, folder: str = FOLDER) -> Iterator[Draft]:
    """Write the pieces to disk for as long as the block runs. Raises TooLarge, and then keeps nothing."""
    root = Path(settings.MEDIA_ROOT) / folder
    root.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    handle, path = tempfile.mkstemp(dir=root, prefix="upload-")
    try:
        with os.fdopen(handle, "wb") as file:
            for piece in pieces:
                size += len(piece)
                if size > limit:
                    raise TooLarge(f"The file is over the limit of {limit // (1024 * 1024)} MB.", limit=limit)
                digest.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        yield Draft(path=Path(path), sha256=digest.hexdigest(), size=size, folder=folder)
    finally:
        Path(path).unlink(missing_ok=True)


def blob_path(name: str) -> Path:
    """Where a stored file is."""
    return Path(settings.MEDIA_ROOT) / name


def remove_blob(name: str) -> None:
    """Remove a file; the caller has made sure that no document needs it."""
    blob_path(name).unlink(missing_ok=True)
