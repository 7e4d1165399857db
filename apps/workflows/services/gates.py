"""What must be in order before a version is published, as those say who watch apps; and publishing nevertheless."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from accounts.models import User
from accounts.selectors import may
from apps.workflows.hooks import Candidate, Refusal, note_override, refusals_to_publish
from apps.workflows.models import Application, Version
from support.errors import ConsoleError, NotAllowed


class PublishRefused(ConsoleError):
    """A gate does not let the version pass. `refusals` say which figure, which threshold, and what to do."""

    code = "publish_refused"
    http_status = 409

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        sentences = " ".join(f"{each.message} {each.advice}" for each in refusals)
        super().__init__(sentences, refusals=[each.as_dict() for each in refusals])
        self.refusals = list(refusals)


def refusals_of(application: Application, version: Version) -> list[Refusal]:
    """What speaks against publishing a version now; nothing also for the one that is published."""
    if application.live_id == version.id:
        return []
    return refusals_to_publish(_candidate(application, version))


def pass_gates(application: Application, version: Version, *, by: User | None, override: str) -> None:
    """Return if the version may be published. Raises PublishRefused, NotAllowed (override without the right)."""
    refused = refusals_of(application, version)
    if not refused:
        return
    reason = override.strip()
    if not reason:
        raise PublishRefused(refused)
    if by is None or not may(by, "manage", team_id=application.team_id):
        raise NotAllowed(_("Only those who manage the team publish against a gate."))
    note_override(_candidate(application, version), refused, by_id=by.pk, reason=reason[:2_000])


def _candidate(application: Application, version: Version) -> Candidate:
    return Candidate(
        team_id=application.team_id,
        application_id=application.id,
        application_slug=application.slug,
        application_name=application.name,
        version_id=version.id,
        version_number=version.number,
        live_version_id=application.live_id,
    )
