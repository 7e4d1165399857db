"""Writes of apps: save, publish, settings, removal."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import orjson
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from accounts.models import User
from apps.datasets.selectors.datasets import dataset_slugs
from apps.workflows.adapters.tools.team_tools import OWN_TOOLS
from apps.workflows.dsl import Problem, load, validate, validate_against_team
from apps.workflows.dsl.workflow_calls import called_workflows, check_calls
from apps.workflows.engine.journal import storable
from apps.workflows.models import Application, Version
from apps.workflows.selectors.applications import next_number
from apps.workflows.selectors.toolsets import tool_names
from apps.workflows.services.gates import pass_gates
from apps.workflows.services.published import published_workflows
from apps.workflows.services.triggers import keep_triggers_in_step
from support.errors import InvalidInput

#: The columns that say what a document says of its app.
_FACTS: Final = ("name", "kind", "description", "icon")
#: What stands in the place of a slug in addresses of other pages.
_ADDRESSES: Final = frozenset({"new", "import"})


class InvalidDocument(InvalidInput):
    """The document has errors; `problems` lists all of them with their paths."""

    code = "invalid_document"

    def __init__(self, problems: list[Problem]) -> None:
        errors = [problem for problem in problems if problem.severity == "error"]
        count = len(errors)
        super().__init__(
            f"The document has {count} error{'s' if count != 1 else ''}; nothing was saved.",
            errors=[{"path": p.path, "code": p.code, "message": p.message} for p in errors],
        )
        self.problems = errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A version that was saved, and what to watch out for in it."""

    version: Version
    is_new: bool
    warnings: list[Problem] = field(default_factory=list)


def check_document(document: object, *, team_id: UUID, slug: str = "", publishing: bool = False) -> list[Problem]:
    """Everything wrong with a document for this team, of the app `slug` if there is one already.

    Missing datasets, tools and workflows are errors only when publishing.
    """
    problems = validate(document)
    if any(problem.severity == "error" for problem in problems) or not isinstance(document, dict):
        return problems
    missing = validate_against_team(
        document, datasets=set(dataset_slugs(team_id)), models=None, tools=OWN_TOOLS | tool_names(team_id)
    )
    workflows = published_workflows(called_workflows(document), team_id=team_id)
    documents = {name: version.document for name, version in workflows.items()}
    missing += check_calls(document, slug=slug, workflows=documents)
    if publishing:
        missing = [Problem(path=p.path, code=p.code, message=p.message, severity="error") for p in missing]
    return problems + missing


def create_application(*, team_id: UUID, name: str, kind: str, by: User | None = None) -> Application:
    """A new app without a version. The slug is unique in the installation, so a taken one gets a number."""
    return Application.objects.create(
        team_id=team_id,
        name=name,
        kind=kind,
        slug=_free_slug(slugify(name, allow_unicode=True) or "app"),
        created_by=by,
    )


@transaction.atomic
def save_version(
    *, application: Application, document: dict[str, Any], by: User | None = None, note: str = ""
) -> Saved:
    """Keep a valid document as the app's draft. The same document again makes no new version.

    Raises InvalidDocument.
    """
    is_served = Application.objects.select_for_update().get(id=application.id).live_id is not None
    problems = check_document(document, team_id=application.team_id, slug=application.slug)
    refuse_errors(problems)
    warnings = [problem for problem in problems if problem.severity == "warning"]
    document = storable(document)
    digest = digest_of(document)
    draft = application.draft
    if draft is not None and draft.digest == digest:
        return Saved(version=draft, is_new=False, warnings=warnings)
    version = Version.objects.create(
        application=application,
        number=next_number(application),
        document=document,
        digest=digest,
        note=note,
        created_by=by,
    )
    application.draft = version
    if not is_served:
        _copy_facts(application, document)
    application.save(update_fields=["draft", "updated_at", *([] if is_served else _FACTS)])
    return Saved(version=version, is_new=True, warnings=warnings)


def digest_of(document: dict[str, Any]) -> str:
    """What two documents share only if they are the same."""
    return hashlib.sha256(orjson.dumps(storable(document), option=orjson.OPT_SORT_KEYS)).hexdigest()


def rename_application(application: Application, *, name: str, by: User | None = None) -> Saved:
    """Call an app something else, at once and in its document, which becomes a new draft. Raises InvalidDocument."""
    with transaction.atomic():
        Application.objects.filter(id=application.id).update(name=name)
        application.name = name
        document = application.draft.document if application.draft else None
        if document is None:
            raise InvalidInput("The app has no document yet.")
        return save_version(
            application=application, document={**document, "app": {**document["app"], "name": name}}, by=by
        )


@transaction.atomic
def publish_version(
    *, application: Application, version: Version, by: User | None = None, note: str = "", override: str = ""
) -> Version:
    """Make a version the one that users talk to. Running chats keep theirs.

    Whoever may manage the team publishes against a gate with `override`, the reason. Raises PublishRefused,
    NotAllowed. What it needs of its team's is not looked at here (see `check_before_publishing`): an app that is
    imported before its datasets can still be started and answers with what it has.
    """
    pass_gates(application, version, by=by, override=override)
    if version.published_at is None:
        version.published_at = timezone.now()
        version.note = note or version.note
        version.save(update_fields=["published_at", "note"])
    application.live = version
    _copy_facts(application, version.document)
    application.save(update_fields=["live", "updated_at", *_FACTS])
    keep_triggers_in_step(application, version)
    return version


def check_before_publishing(version: Version) -> None:
    """Raise InvalidDocument when the version lacks something of its team's that it needs."""
    application = version.application
    refuse_errors(check_document(version.document, team_id=application.team_id, slug=application.slug, publishing=True))


def restore_version(*, application: Application, version: Version, by: User | None = None) -> Saved:
    """Make an older version's document the draft again, as a new version."""
    return save_version(
        application=application,
        document=version.document,
        by=by,
        note=f"Restored from version {version.number}",
    )


def set_public(application: Application, *, is_public: bool) -> None:
    """Open or close the public chat page."""
    application.is_public = is_public
    application.save(update_fields=["is_public", "updated_at"])


def delete_application(application: Application) -> None:
    """Remove the app with its versions, runs and conversations."""
    with transaction.atomic():
        Application.objects.filter(id=application.id).update(draft=None, live=None)
        application.runs.all().delete()
        application.delete()


def refuse_errors(problems: list[Problem]) -> None:
    """Raise InvalidDocument if any of the problems is an error."""
    if any(problem.severity == "error" for problem in problems):
        raise InvalidDocument(problems)


def _copy_facts(application: Application, document: dict[str, Any]) -> None:
    """What lists show and doors ask of a document lives in columns too: of the published one, once there is one."""
    facts = document["app"]
    application.name = facts["name"]
    application.kind = facts.get("kind", Application.Kind.CHAT)
    application.description = facts.get("description", "")
    application.icon = facts.get("icon", "")


def _free_slug(wanted: str) -> str:
    wanted = wanted[:70]
    taken = _ADDRESSES | set(Application.objects.filter(slug__startswith=wanted).values_list("slug", flat=True))
    if wanted not in taken:
        return wanted
    return next(slug for number in range(2, len(taken) + 3) if (slug := f"{wanted}-{number}") not in taken)


def document_name(text: str) -> str:
    """The app's name in a document's text. Raises UnreadableDocument, KeyError."""
    name: str = load(text)["app"]["name"]
    return name
