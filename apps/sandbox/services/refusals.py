"""Keeps what the sandbox refused, and forgets it after some weeks."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from dataclasses import asdict
from uuid import UUID

from django.utils import timezone

from apps.sandbox.models import Refusal
from apps.sandbox.protocol import RunError, RunRequest, RunResult, Status
from support.ids import earliest

KEEP = dt.timedelta(days=30)
MOST_OF_A_MESSAGE = 2_000
BATCH = 5_000
#: Ended at a wall, whatever the error is called. A kill on request or at a stop is no wall; see `_NOT_WALLS`.
_WALLS = frozenset({Status.TIMEOUT, Status.MEMORY, Status.OUTPUT_LIMIT, Status.KILLED, Status.PROTOCOL})
_NOT_WALLS = frozenset({"KilledByRequest", "SandboxStopped"})
#: How Python and Node.js tell that the system denied something: EPERM, EACCES, EROFS.
_DENIED = re.compile(r"\[Errno (?:1|13|30)\]|\b(?:EPERM|EACCES|EROFS)\b")


def is_refusal(result: RunResult) -> bool:
    """Whether the code met a wall of the sandbox, rather than a fault of its own."""
    error = result.error
    if result.status in _WALLS:
        return error is None or error.type not in _NOT_WALLS
    return result.status is Status.ERROR and error is not None and _was_denied(error)


def record_refusal(
    result: RunResult, *, request: RunRequest, team_id: UUID, app_slug: str, run_id: UUID | str, node_id: str
) -> Refusal | None:
    """Keep a refusal of one of the team's runs; None when the result is not one."""
    if not is_refusal(result):
        return None
    error = result.error or RunError(type="", message="")
    return Refusal.objects.create(
        team_id=team_id,
        app_slug=_fit(app_slug, "app_slug"),
        run_id=_fit(str(run_id), "run_id"),
        node_id=_fit(node_id, "node_id"),
        language=request.language.value,
        profile=_fit(request.profile, "profile"),
        status=result.status.value,
        system_call=_fit(error.system_call or "", "system_call"),
        error_type=_fit(error.type, "error_type"),
        message=_storable(error.message)[:MOST_OF_A_MESSAGE],
        code_sha256=hashlib.sha256(request.code.encode(errors="surrogatepass")).hexdigest(),
        details={"usage": asdict(result.usage), "limits": asdict(request.limits)},
    )


def forget_old_refusals() -> int:
    """Delete what is older than `KEEP`, some thousand rows at a time; how many there were.

    By primary key: it holds the time, and is indexed already.
    """
    oldest_kept, gone = earliest(timezone.now() - KEEP), 0
    while True:
        batch = Refusal.objects.filter(id__lt=oldest_kept).order_by("id").values("id")[:BATCH]
        deleted, _ = Refusal.objects.filter(id__in=batch).delete()
        gone += deleted
        if deleted < BATCH:
            return gone


def _was_denied(error: RunError) -> bool:
    return error.type == "PermissionError" or bool(_DENIED.search(error.message))


def _fit(text: str, column: str) -> str:
    most: int | None = Refusal._meta.get_field(column).max_length  # type: ignore[union-attr]
    return _storable(text)[:most]


def _storable(text: str) -> str:
    """What PostgreSQL takes: no NUL, no half of a surrogate pair."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()
