"""Apps from documents: a new one for each, unless somebody chooses the app that a document goes into."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from accounts.models import User
from apps.workflows.dsl import in_words, read
from apps.workflows.models import Application, Version
from apps.workflows.services.applications import (
    Saved,
    check_document,
    create_application,
    digest_of,
    publish_version,
    refuse_errors,
    save_version,
)


@transaction.atomic
def import_document(
    *, text: str, team_id: UUID, by: User | None = None, into: Application | None = None
) -> tuple[Application, Saved]:
    """Make the app that a document of ours or of Dify's describes, published at once.

    With `into`, an app of the team, the document becomes that app's draft instead, and nothing is published.
    What to watch out for stays with the version as its notes. Raises UnreadableDocument, InvalidDocument; then nothing
    is kept.
    """
    found = read(text)
    document = found.document
    problems = check_document(document, team_id=team_id, slug=into.slug if into else "")
    refuse_errors(problems)
    facts = document["app"]
    application = into or create_application(team_id=team_id, name=facts["name"], kind=facts.get("kind", "chat"), by=by)
    saved = save_version(application=application, document=document, by=by)
    if into is None:
        publish_version(application=application, version=saved.version, by=by)
    warnings = [*found.warnings, *(problem for problem in problems if problem.severity == "warning")]
    if saved.is_new or warnings:
        keep_notes(saved.version, [in_words(warning, document=document, file=text) for warning in warnings])
    return application, Saved(version=saved.version, is_new=saved.is_new, warnings=warnings)


def same_or_imported(*, text: str, team_id: UUID) -> tuple[Application, Version]:
    """The team's app whose draft or published version is this very document; a new one where there is none.

    Raises UnreadableDocument, InvalidDocument.
    """
    version = (
        Version.objects.filter(application__team_id=team_id, digest=digest_of(read(text).document))
        .filter(Q(application__draft=F("id")) | Q(application__live=F("id")))
        .select_related("application")
        .order_by("-id")
        .first()
    )
    if version is not None:
        return version.application, version
    application, saved = import_document(text=text, team_id=team_id)
    return application, saved.version


def keep_notes(version: Version, notes: list[str]) -> None:
    """Keep what to watch out for in a version, in words, in the place of what was kept before."""
    version.notes = notes
    version.save(update_fields=["notes"])


def dismiss_notes(version: Version) -> None:
    """Somebody has read a version's notes."""
    keep_notes(version, [])
