"""How far an evaluator agrees with people: figures with intervals, the four kinds of verdicts, where they differ."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from accounts.selectors import current_team, may, teams_of
from apps.annotations.admin.access import belongs_somewhere, trace_url
from apps.annotations.admin.score_config import LinesField
from apps.annotations.models import Calibration, Evaluator, ScoreConfig
from apps.annotations.selectors.calibrations import Trust, disagreements, open_calibration, trust_in
from apps.annotations.selectors.experiments import evaluators_of
from apps.annotations.services.calibrations import begin_calibration
from apps.annotations.services.online import KINDS
from apps.annotations.statistics import Interval
from support.errors import ConsoleError, NotFound


class CalibrationForm(forms.Form):
    """Which evaluator is held against which question, and what counts as passed there."""

    evaluator = forms.ModelChoiceField(Evaluator.objects.none(), label=gettext_lazy("Evaluator"), empty_label=None)
    config = forms.ModelChoiceField(
        ScoreConfig.objects.none(),
        label=gettext_lazy("Review question"),
        empty_label=None,
        help_text=gettext_lazy("What people answered in review queues. Decisions count before single answers."),
    )
    categories = LinesField(
        label=gettext_lazy("Categories that count as passed"),
        help_text=gettext_lazy("For a question with categories: one a line."),
    )
    at_least = forms.FloatField(
        label=gettext_lazy("Passed from"), required=False, help_text=gettext_lazy("For a question for a number.")
    )

    def __init__(self, *args: Any, team_id: UUID, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        evaluators: Any = self.fields["evaluator"]
        evaluators.queryset = evaluators_of([team_id]).filter(kind__in=KINDS)
        configs: Any = self.fields["config"]
        configs.queryset = ScoreConfig.objects.filter(
            team_id=team_id, is_archived=False, kind__in=["boolean", "categorical", "numeric"]
        )

    def passing(self) -> dict[str, Any]:
        """What counts as passed, for the kind of the question."""
        given = self.cleaned_data
        kind = given["config"].kind
        if kind == "categorical":
            return {"categories": given["categories"]}
        return {"at_least": given["at_least"]} if kind == "numeric" else {}


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
    form = CalibrationForm(
        request.POST or None, initial={"evaluator": request.GET.get("evaluator", "")[:40]}, team_id=team.id
    )
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            found = begin_calibration(given["evaluator"], given["config"], passing=form.passing(), by=user)
        except ConsoleError as exc:
            field = exc.details.get("field")
            form.add_error(field if field in form.fields else None, str(exc))
        else:
            return redirect("admin:annotations_calibration", found.id)
    fields: Any = form.fields
    context = {
        **admin.site.each_context(request),
        "title": _("Hold an evaluator against people"),
        "form": form,
        "has_both": fields["evaluator"].queryset.exists() and fields["config"].queryset.exists(),
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
        "rows": [
            {"case": each, "trace_url": trace_url(each.trace_id) if each.trace_id else None}
            for each in disagreements(found)
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


def _opened(request: HttpRequest, calibration_id: UUID) -> Calibration:
    if not belongs_somewhere(request.user):
        raise PermissionDenied
    try:
        return open_calibration(calibration_id, team_ids=teams_of(request.user).values_list("id", flat=True))
    except NotFound as exc:
        raise Http404(str(exc)) from exc
