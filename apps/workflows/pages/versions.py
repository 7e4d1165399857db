"""The versions of an app: the list, what changed between two, publishing, going back, and taking one home."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.selectors import may
from apps.workflows import services
from apps.workflows.dsl import Difference, NodeChange, diff_documents, dump, dump_dify
from apps.workflows.dsl.diff import Change
from apps.workflows.models import Application, Version
from apps.workflows.pages.access import member_page
from apps.workflows.pages.app import app_context
from apps.workflows.selectors.applications import version_numbered, versions_of
from support.errors import NotAllowed, NotFound

PER_PAGE = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A changed value in words: texts as pieces, everything else as JSON."""

    path: str
    kind: str
    old: str = ""
    new: str = ""
    words: Sequence[Any] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownNode:
    """A changed node with its changes in words."""

    node: NodeChange
    changes: Sequence[Shown]


@member_page()
def versions(request: HttpRequest, application: Application) -> HttpResponse:
    """All saved versions, the newest first."""
    page = Paginator(versions_of(application), PER_PAGE).get_page(request.GET.get("page"))
    return render(
        request, "workflows/app_versions.html", {**app_context(request, application, "versions"), "page": page}
    )


@member_page()
def compare(request: HttpRequest, application: Application, old: int, new: int) -> HttpResponse:
    """What leads from one version to another."""
    try:
        before, after = version_numbered(application, old), version_numbered(application, new)
    except NotFound as exc:
        messages.error(request, exc.message)
        return redirect("workflows:versions", application.slug)
    found = diff_documents(before.document, after.document)
    return render(
        request,
        "workflows/app_compare.html",
        {
            **app_context(request, application, "versions"),
            "before": before,
            "after": after,
            "versions": versions_of(application)[:100],
            "difference": found,
            **_in_words(found),
        },
    )


def _in_words(found: Difference) -> dict[str, Any]:
    return {
        "settings": [_shown(change) for change in found.settings],
        "nodes": [ShownNode(node=node, changes=[_shown(one) for one in node.changes]) for node in found.nodes],
    }


def _shown(change: Change) -> Shown:
    old, new = (_text(value) for value in (change.old, change.new))
    return Shown(path=change.path, kind=change.kind, old=old, new=new, words=change.words)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False, indent=2)


@member_page()
def choose(request: HttpRequest, application: Application) -> HttpResponse:
    """Go to the comparison of the two versions that a form names."""
    numbers = [request.GET.get(name, "") for name in ("old", "new")]
    if not all(number.isdecimal() and len(number) < 10 for number in numbers):
        messages.error(request, _("Choose two versions to compare."))
        return redirect("workflows:versions", application.slug)
    return redirect("workflows:compare", application.slug, *map(int, numbers))


@require_POST
@member_page("publish")
def publish(request: HttpRequest, application: Application) -> HttpResponse:
    """Make a version (the draft, unless a number is given) the published one."""
    number = request.POST.get("number", "")
    try:
        version = version_numbered(application, int(number[:18])) if number.isdecimal() else application.draft
    except NotFound as exc:
        messages.error(request, exc.message)
        return redirect("workflows:versions", application.slug)
    if version is None:
        messages.error(request, _("There is nothing to publish yet. Save a document first."))
        return redirect("workflows:document", application.slug)
    try:
        services.check_before_publishing(version)
    except services.InvalidDocument as exc:
        for problem in exc.problems:
            messages.error(request, f"{problem.path}: {problem.message}")
        return redirect("workflows:versions", application.slug)
    note = request.POST.get("note", "")[:500]
    try:
        services.publish_version(
            application=application,
            version=version,
            by=request.user,  # type: ignore[arg-type]
            note=note,
            override=request.POST.get("override", ""),
        )
    except services.PublishRefused as exc:
        return _refused(request, application, version, exc, note=note)
    except NotAllowed as exc:
        messages.error(request, exc.message)
        return redirect("workflows:versions", application.slug)
    messages.success(request, _("Version %(number)d is published.") % {"number": version.number})
    return redirect("workflows:app", application.slug)


def _refused(
    request: HttpRequest, application: Application, version: Version, refused: services.PublishRefused, *, note: str
) -> HttpResponse:
    """What is in the way, where to do something about it, and how a manager publishes nevertheless."""
    context = {
        **app_context(request, application, "versions"),
        "version": version,
        "refusals": refused.refusals,
        "note": note,
        "may_override": may(request.user, "manage", team_id=application.team_id),
    }
    return render(request, "workflows/publish_refused.html", context, status=refused.http_status)


@require_POST
@member_page("edit")
def restore(request: HttpRequest, application: Application, number: int) -> HttpResponse:
    """Make an older version the draft again."""
    try:
        saved = services.restore_version(
            application=application,
            version=version_numbered(application, number),
            by=request.user,  # type: ignore[arg-type]
        )
    except NotFound as exc:
        messages.error(request, exc.message)
    except services.InvalidDocument as exc:
        for problem in exc.problems:
            messages.error(request, f"{problem.path}: {problem.message}")
        return redirect("workflows:versions", application.slug)
    else:
        messages.success(
            request,
            _("Version %(old)d is the draft again, as version %(new)d.") % {"old": number, "new": saved.version.number},
        )
    return redirect("workflows:document", application.slug)


@member_page()
def export(request: HttpRequest, application: Application, number: int) -> HttpResponse:
    """A version's document as a YAML file."""
    try:
        version = version_numbered(application, number)
    except NotFound:
        return redirect("workflows:versions", application.slug)
    return _file(application, version, dump(version.document), "yaml")


@member_page()
def export_to_dify(request: HttpRequest, application: Application, number: int) -> HttpResponse:
    """A version's document as a file that Dify imports."""
    try:
        version = version_numbered(application, number)
    except NotFound:
        return redirect("workflows:versions", application.slug)
    return _file(application, version, dump_dify(version.document), "dify.yml")


def _file(application: Application, version: Version, text: str, ending: str) -> HttpResponse:
    response = HttpResponse(text, content_type="application/yaml; charset=utf-8")
    name = f"{slugify(application.name, allow_unicode=True) or application.slug}-v{version.number}.{ending}"
    response["Content-Disposition"] = content_disposition_header(True, name) or ""
    return response
