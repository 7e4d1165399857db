"""How far an evaluator agrees with people: figures with intervals, the four kinds of verdicts, where they differ."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.selectors import current_team, may, teams_of
from apps.annotations.admin.access import belongs_somewhere, trace_url
from apps.annotations.admin.calibration_form import CalibrationForm, as_before, passing_in_words
from apps.annotations.models import Calibration, CalibrationCase
from apps.annotations.selectors.calibrations import (
    Trust,
    calibrations_of,
    disagreements,
    open_calibration,
    trust_in,
    unjudged,
)
from apps.annotations.services.calibrations import begin_calibration
from apps.annotations.statistics import Interval
from apps.workflows.selectors.messages import as_uuid
from support.errors import ConsoleError, NotFound

#: Answers that are named of those that could not be judged for one reason.
MOST_LISTED = 50


@require_http_methods(["GET", "HEAD", "POST"])
def begin(request: HttpRequest) -> HttpResponse:
    """The form."""
    user: Any = request.user
    try:
        team = current_team(request)
    except NotFound as exc:
        raise PermissionDenied from exc
    if not may(user, "edit", team_id=team.id):
        raise PermissionDenied
    form = CalibrationForm(request.POST or None, initial=_initial(request, team.id), team_id=team.id)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            found = begin_calibration(given["evaluator"], given["config"], passing=form.passing(), by=user)
        except ConsoleError as exc:
            field = exc.details.get("field")
            form.add_error(field if field in form.fields else None, str(exc))
        else:
            return redirect("admin:annotations_calibration", found.id)
    context = {
        **admin.site.each_context(request),
        "title": _("Hold an evaluator against people"),
        "form": form,
    }
    return TemplateResponse(
        request, "admin/annotations/calibration/begin.html", context, status=400 if form.is_bound else 200
    )


@require_safe
def calibration(request: HttpRequest, calibration_id: UUID) -> HttpResponse:
    """The page; asked for again while it goes on, its moving part only."""
    found = _opened(request, calibration_id)
    trust = trust_in(found)
    context: dict[str, Any] = {
        "calibration": found,
        "trust": trust,
        "verdict": verdict_in_words(trust),
        "figures": _figures(trust),
        "done": trust.judged + trust.unjudged,
        "per_cent": 100 * (trust.judged + trust.unjudged) // max(1, found.total),
        "path": request.get_full_path(),
    }
    if request.headers.get("HX-Request"):
        response = TemplateResponse(request, "admin/annotations/calibration/moving.html", context)
        if found.is_over:
            response["HX-Refresh"] = "true"
        return response
    context |= {
        **admin.site.each_context(request),
        "title": str(found),
        "passing": passing_in_words(found.passing),
        "rows": [_row(each) for each in disagreements(found)],
        "unjudged": [
            {"reason": reason, "count": len(cases), "rows": [_row(each) for each in cases[:MOST_LISTED]]}
            for reason, cases in unjudged(found)
        ],
    }
    return TemplateResponse(request, "admin/annotations/calibration/calibration.html", context)


def verdict_in_words(trust: Trust) -> str:
    """Whether one may rely on the judge, by the lower end of kappa."""
    if trust.kappa is None:
        if trust.judged and trust.agreed is not None:
            return _("All verdicts are the same: agreement beyond chance is not defined. Label more varied answers.")
        return ""
    low = trust.kappa.low
    if low >= 0.6:
        return _("It judges much like people do. You can rely on it for answers such as these.")
    if low >= 0.4:
        return _("It agrees with people moderately. Read the disagreements before you let it decide.")
    if trust.kappa.value >= 0.4:
        return _("It seems to agree with people, but not surely enough to decide alone. Label more answers to tell.")
    return _("It does not judge as people do. Sharpen the rubric where they differ, and hold it against them again.")


def _figures(trust: Trust) -> list[tuple[str, str, str]]:
    """Name, value and interval of each figure."""
    agreed = trust.agreed
    found = [] if agreed is None else [(_("Same verdict"), *_written(agreed, share=True))]
    for name, interval in ((_("Cohen's kappa"), trust.kappa), (_("Krippendorff's alpha"), trust.alpha)):
        found.append((name, *_written(interval)) if interval is not None else (name, "–", _("not defined")))
    return found


def _written(interval: Interval, *, share: bool = False) -> tuple[str, str]:
    def number(value: float) -> str:
        return f"{value * 100:.0f} %" if share else str(number_format(round(value, 2), 2, use_l10n=True))

    words = _("%(low)s to %(high)s") % {"low": number(interval.low), "high": number(interval.high)}
    return number(interval.value), words


def _initial(request: HttpRequest, team_id: UUID) -> dict[str, Any]:
    """What links to the form say: `evaluator`, or with `again` the calibration to do once more."""
    again = as_uuid(request.GET["again"]) if request.GET.get("again") else None
    earlier = calibrations_of([team_id]).filter(id=again).first() if again else None
    if earlier is not None:
        return as_before(earlier)
    return {"evaluator": request.GET.get("evaluator", "")[:40]}


def _row(case: CalibrationCase) -> dict[str, Any]:
    return {"case": case, "trace_url": trace_url(case.trace_id) if case.trace_id else None}


def _opened(request: HttpRequest, calibration_id: UUID) -> Calibration:
    if not belongs_somewhere(request.user):
        raise PermissionDenied
    try:
        return open_calibration(calibration_id, team_ids=teams_of(request.user).values_list("id", flat=True))
    except NotFound as exc:
        raise Http404(str(exc)) from exc
