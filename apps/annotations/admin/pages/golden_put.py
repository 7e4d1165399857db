"""Putting good cases into a golden set by hand, from the lists where people meet them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from accounts.selectors import may, teams_of
from apps.annotations.admin.access import belongs_somewhere
from apps.annotations.admin.golden_form import KEPT_LABELS
from apps.annotations.admin.pages.golden_set import shown
from apps.annotations.models import GoldenSet
from apps.annotations.selectors.golden import golden_sets, open_golden_set
from apps.annotations.services.golden_items import SameQuestion
from apps.annotations.services.golden_picking import (
    MOST_PICKED,
    Fit,
    Picked,
    fits,
    ids_found,
    look_up,
    new_set,
    put_picked,
)
from apps.workflows.selectors.messages import as_uuid
from support.errors import ConsoleError

NEW = "new"


@require_http_methods(["GET", "HEAD", "POST"])
def put(request: HttpRequest) -> HttpResponse:
    """Choose a set, or name a new one; then they enter it as its next version."""
    given = request.POST if request.method == "POST" else request.GET
    ids, query = _ids(given.getlist("ids")), given.get("query", "")[:4_000]
    user: Any = request.user
    if not belongs_somewhere(user):
        raise PermissionDenied
    is_capped = False
    try:
        if not ids and "query" in given:
            ids = ids_found(dict(parse_qsl(query)), by=user)
            is_capped = len(ids) == MOST_PICKED
    except ConsoleError as exc:
        messages.error(request, str(exc))
    if request.method == "POST" and "set" in request.POST:
        return _enter(request, ids)
    return ask(request, ids, is_capped=is_capped)


def ask(
    request: HttpRequest, ids: Sequence[UUID], *, is_capped: bool = False, problem: ConsoleError | None = None
) -> HttpResponse:
    """The form: what was picked, and what adding it to each set would do."""
    user: Any = request.user
    picked = look_up(ids[:MOST_PICKED], by=user)
    teams = [team for team in teams_of(user) if team.id in picked.items]
    sets = list(golden_sets([team.id for team in teams]))
    known = fits(sets, picked)
    makers = [team for team in teams if may(user, "edit", team_id=team.id)]
    rows = [(each, known[each.id]) for each in _likeliest_first(sets, picked)]
    context = {
        **admin.site.each_context(request),
        "title": _("Add to a golden set"),
        "ids": ",".join(map(str, ids)),
        "picked": picked,
        "left_out": left_out(picked),
        "is_capped": is_capped,
        "most": MOST_PICKED,
        "sets": rows,
        "chosen": request.POST.get("set", "") or (str(rows[0][0].id) if rows else NEW),
        "name": request.POST.get("name", ""),
        "makers": makers,
        "has_teams": len(teams) > 1,
        "differ": any(fit.differing for _set, fit in rows),
        "policies": KEPT_LABELS,
        "same_question": request.POST.get("same_question", SameQuestion.SKIP),
        "back": came_from(request),
        "problem": problem,
        "problem_is_name": problem is not None and problem.details.get("field") == "name",
    }
    return TemplateResponse(
        request, "admin/annotations/golden/put.html", context, status=problem.http_status if problem else 200
    )


def _enter(request: HttpRequest, ids: list[UUID]) -> HttpResponse:
    user: Any = request.user
    try:
        with transaction.atomic():
            picked = look_up(ids[:MOST_PICKED], by=user)
            golden_set = _chosen(request, picked)
            fit = fits([golden_set], picked)[golden_set.id]
            done = put_picked(golden_set, picked, by=user, same_question=_policy(request))
    except ConsoleError as exc:
        return ask(request, ids, problem=exc)
    for words in [*_stayed(fit, kept=done.skipped - fit.same - fit.repeated), *left_out(picked)]:
        messages.info(request, words)
    if not (done.added or done.changed):
        return shown(golden_set, back=came_from(request))
    return shown(golden_set, done=done.version, back=came_from(request))


def left_out(picked: Picked) -> list[str]:
    """What does not enter, or not as it was, and why."""
    told = [
        (
            picked.unexpected,
            ngettext(
                "One enters without an expected answer: its answer was disliked or failed, and nobody corrected it.",
                "%(n)s enter without an expected answer: theirs were disliked or failed, and nobody corrected them.",
                picked.unexpected,
            ),
        ),
        (
            picked.unapproved,
            ngettext(
                "One correction is left out: it is not approved.",
                "%(n)s corrections are left out: they are not approved.",
                picked.unapproved,
            ),
        ),
        (
            picked.unfit,
            ngettext(
                "One is left out: it asks nothing, or too much to keep.",
                "%(n)s are left out: they ask nothing, or too much to keep.",
                picked.unfit,
            ),
        ),
        (
            picked.gone,
            ngettext(
                "One is left out: it is no longer there, or not yours to review.",
                "%(n)s are left out: they are no longer there, or not yours to review.",
                picked.gone,
            ),
        ),
    ]
    return [words % {"n": count} for count, words in told if count]


def came_from(request: HttpRequest) -> str:
    """The page the person came from, if it is one of ours and not this one."""
    came = request.POST.get("back", "") or request.headers.get("Referer", "")
    own = url_has_allowed_host_and_scheme(came, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return came if own and "/goldenset/" not in came else ""


def _chosen(request: HttpRequest, picked: Picked) -> GoldenSet:
    """The set that was chosen, or a new one. Raises NotFound, NotAllowed, InvalidInput, Conflict."""
    user: Any = request.user
    wanted = request.POST.get("set", "")
    if wanted != NEW:
        return open_golden_set(as_uuid(wanted) or UUID(int=0), team_ids=teams_of(user).values_list("id", flat=True))
    team_id = as_uuid(request.POST.get("team", "")) or next(iter(picked.items), None) or UUID(int=0)
    apps = picked.application_ids if len(picked.items) == 1 else set()
    application_id = next(iter(apps)) if len(apps) == 1 else None
    return new_set(request.POST.get("name", ""), team_id=team_id, application_id=application_id, by=user)


def _likeliest_first(sets: list[GoldenSet], picked: Picked) -> list[GoldenSet]:
    """Sets of the apps that the items are from come first."""
    return sorted(sets, key=lambda each: each.application_id not in picked.application_ids)


def _policy(request: HttpRequest) -> SameQuestion:
    try:
        return SameQuestion(request.POST.get("same_question", SameQuestion.SKIP))
    except ValueError:
        return SameQuestion.SKIP


def _stayed(fit: Fit, *, kept: int) -> list[str]:
    told = []
    if fit.same:
        words = ngettext("One item was in the set already.", "%(n)s items were in the set already.", fit.same)
        told.append(words % {"n": fit.same})
    if fit.repeated:
        words = ngettext("One was picked twice.", "%(n)s were picked more than once.", fit.repeated)
        told.append(words % {"n": fit.repeated})
    if kept > 0:
        words = ngettext(
            "One question was in the set with another answer, which stays.",
            "%(n)s questions were in the set with another answer, which stays.",
            kept,
        )
        told.append(words % {"n": kept})
    if fit.elsewhere:
        words = ngettext(
            "One was left out: it is of another team.", "%(n)s were left out: they are of other teams.", fit.elsewhere
        )
        told.append(words % {"n": fit.elsewhere})
    return told


def _ids(named: Sequence[str]) -> list[UUID]:
    parts = [part for text in named for part in text.split(",") if part]
    found = (as_uuid(each) for each in parts[: 2 * MOST_PICKED])
    return list(dict.fromkeys(each for each in found if each is not None))[:MOST_PICKED]
