"""What must be in order before a version is published, as those say who watch apps; and publishing nevertheless."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from accounts.models import User
from accounts.selectors import may
from apps.workflows.hooks import Refusal, note_override, refusals_to_publish
from apps.workflows.models import Version
from support.errors import ConsoleError, NotAllowed


class PublishRefused(ConsoleError):
    """A gate does not let the version pass. `refusals` say which figure, which threshold, and what to do."""

    code = "publish_refused"
    http_status = 409

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        sentences = " ".join(f"{each.message} {each.advice}" for each in refusals)
        super().__init__(sentences, refusals=[each.as_dict() for each in refusals])
        self.refusals = list(refusals)


def pass_gates(version: Version, *, by: User | None, override: str) -> None:
    """Return if the version may be published. Raises PublishRefused, NotAllowed (override without the right)."""
    refusals = refusals_to_publish(version.id)
    if not refusals:
        return
    reason = override.strip()
    if not reason:
        raise PublishRefused(refusals)
    if by is None or not may(by, "manage", team_id=version.application.team_id):
        raise NotAllowed(_("Only those who manage the team publish against a gate."))
    note_override(version.id, refusals, by_id=by.pk, reason=reason[:2_000])
