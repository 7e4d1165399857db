"""Removing from disk what no file of any run is made of any more."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from django.conf import settings

from apps.workflows.models import File
from apps.workflows.services.files import FOLDER

#: What came lately stays: its row may be about to be written.
GRACE: Final = dt.timedelta(days=1)
AT_ONCE: Final = 500
_ASIDE: Final = ".gone"


def forget_files(*, grace: dt.timedelta = GRACE) -> int:
    """Remove contents that no row names; how many there were.

    Content that is received again meanwhile takes the place of what was moved aside, or makes it young again.
    """
    removed, batch = 0, []
    for path in _old(grace):
        batch.append(path)
        if len(batch) == AT_ONCE:
            removed += _remove(batch, grace)
            batch = []
    return removed + _remove(batch, grace)


def _old(grace: dt.timedelta) -> Iterator[Path]:
    root = Path(settings.MEDIA_ROOT) / FOLDER
    for path in root.glob("[0-9a-f][0-9a-f]/*"):
        if _is_old(path, grace):
            yield path


def _is_old(path: Path, grace: dt.timedelta) -> bool:
    try:
        return path.stat().st_mtime < time.time() - grace.total_seconds()
    except FileNotFoundError:
        return False


def _remove(paths: list[Path], grace: dt.timedelta) -> int:
    names = {path.name.removesuffix(_ASIDE) for path in paths}
    named = set(File.objects.filter(sha256__in=names).values_list("sha256", flat=True))
    # What a process left aside when it died is looked at again, also where a file needs it.
    return sum(_remove_one(path, grace) for path in paths if path.name.endswith(_ASIDE) or path.name not in named)


def _remove_one(path: Path, grace: dt.timedelta) -> bool:
    """Move it aside, look again, and only then remove it."""
    digest = path.name.removesuffix(_ASIDE)
    aside, target = path.with_name(digest + _ASIDE), path.with_name(digest)
    if path != aside:
        try:
            path.rename(aside)
        except FileNotFoundError:
            return False
    if not _is_old(aside, grace) or File.objects.filter(sha256=digest).exists():
        if target.exists():
            aside.unlink(missing_ok=True)
        else:
            aside.rename(target)
        return False
    aside.unlink(missing_ok=True)
    return True
