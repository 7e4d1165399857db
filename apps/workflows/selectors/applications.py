"""Reading apps: each function is the only door for its kind of caller."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Max, OuterRef, Q, QuerySet, Subquery, Window
from django.db.models.functions import Coalesce, Lag
from django.utils.translation import gettext as _

from accounts.models import ApiKey
from apps.workflows.models import Application, Run, Version
from support.errors import ConsoleError, NotAuthenticated, NotFound


class NotPublished(ConsoleError):
    """The app has no published version."""

    code = "app_unavailable"
    http_status = 400


def open_application(slug: str, *, team_ids: Iterable[UUID]) -> Application:
    """A member's door: the app with this slug in one of the teams. Raises NotFound."""
    found = (
        Application.objects.filter(slug=slug, team_id__in=list(team_ids))
        .select_related("draft", "live", "team")
        .first()
    )
    if found is None:
        raise NotFound(f"There is no app {slug!r} in your teams.", app=slug)
    return found


def version_to_measure(slug: str, number: int | None, *, team_ids: Iterable[UUID]) -> Version:
    """A version of an app by its number, or the draft (None), with its app. Raises NotFound."""
    application = open_application(slug, team_ids=team_ids)
    found = application.draft if number is None else version_numbered(application, number)
    if found is None:
        raise NotFound(_("“%(app)s” has no draft yet.") % {"app": application.name})
    found.application = application
    return found


def application_of_key(key: ApiKey) -> Application:
    """An API caller's door: the app the key opens. Raises NotAuthenticated for keys of other things."""
    found = None
    if key.subject_kind == ApiKey.Subject.APP:
        found = Application.objects.filter(id=key.subject_id, team_id=key.team_id).select_related("live").first()
    if found is None:
        raise NotAuthenticated("This key opens no app.")
    return found


def public_application(slug: str) -> Application:
    """A visitor's door: a published app whose chat page is open to anyone. Raises NotFound."""
    found = (
        Application.objects.filter(slug=slug, is_public=True, live__isnull=False).select_related("live", "team").first()
    )
    if found is None:
        raise NotFound("There is no chat here. It may have been unpublished.")
    return found


def live_version(application: Application) -> Version:
    """The published version. Raises NotPublished."""
    if application.live is None:
        text = _("“%(app)s” has no published version yet. Publish it first.")
        raise NotPublished(text % {"app": application.name})
    return application.live


def applications_of(team_id: UUID, *, search: str = "") -> QuerySet[Application]:
    """The team's apps with run counts and the time of the last run, for lists."""
    newest = Run.objects.filter(application=OuterRef("pk")).order_by("-id").values("started_at")[:1]
    found = Application.objects.filter(team_id=team_id).select_related("draft", "live")
    if search:
        found = found.filter(Q(name__icontains=search) | Q(slug__icontains=search) | Q(description__icontains=search))
    return found.annotate(last_run_at=Subquery(newest)).order_by(Coalesce(F("last_run_at"), F("updated_at")).desc())


def versions_of(application: Application) -> QuerySet[Version]:
    """All saved versions, newest first, without their documents; `previous` is the number of the one before."""
    found = application.versions.select_related("created_by").defer("document").order_by("-number")
    return found.annotate(previous=Window(Lag("number"), order_by="number"))


def version_numbered(application: Application, number: int) -> Version:
    """One version of the app. Raises NotFound."""
    found = application.versions.filter(number=number).first()
    if found is None:
        text = _("“%(app)s” has no version %(number)d.") % {"app": application.name, "number": number}
        raise NotFound(text, version=number)
    return found


def run_counts(application: Application) -> dict[str, int]:
    """How many runs ended how."""
    rows = application.runs.order_by().values_list("status").annotate(count=Count("id"))
    return dict(rows)


def next_number(application: Application) -> int:
    """The number the next saved version gets."""
    return (application.versions.aggregate(last=Max("number"))["last"] or 0) + 1


def features_in_force(application_id: UUID) -> dict[str, Any]:
    """The features of the app's published document, or of its draft while none is published."""
    found = Application.objects.filter(id=application_id).select_related("draft", "live").first()
    version = (found.live or found.draft) if found else None
    return version.features if version else {}
