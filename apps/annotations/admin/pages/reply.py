"""Annotation reply in the admin: every app of the team, and one app's settings, figures and trials."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.selectors import current_team, may, teams_of
from apps.annotations.admin.access import belongs_somewhere
from apps.annotations.admin.reply_form import ReplyForm
from apps.annotations.models import AnnotationHit, ReplySetting
from apps.annotations.selectors.hits import reply_figures
from apps.annotations.selectors.reply import newest_embedding, published_features, state_of
from apps.annotations.selectors.reply_overview import reply_rows
from apps.annotations.services.reply_settings import embedding_models, set_reply, stop_moving
from apps.annotations.services.trying import Trial, Why, try_question
from apps.workflows.selectors.applications import open_application
from support.errors import ConsoleError, NotFound

MAX_TRIED = 2_000
NEWEST = 5


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """The apps of the team that the person works in."""
    if not belongs_somewhere(request.user):
        raise PermissionDenied
    context = {
        **admin.site.each_context(request),
        "title": _("Annotation reply"),
        "rows": reply_rows(current_team(request).id),
    }
    return TemplateResponse(request, "admin/annotations/reply/overview.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def app(request: HttpRequest, slug: str) -> HttpResponse:
    """One app; asked for again, while its questions are embedded, the moving part only."""
    user: Any = request.user
    application = opened(request, slug)
    setting = ReplySetting.objects.filter(application=application).first()
    features = published_features(application.id)
    may_edit = may(user, "edit", team_id=application.team_id)
    job = newest_embedding(application.id)
    context: dict[str, Any] = {
        "application": application,
        "state": state_of(setting, features),
        "job": job,
        "may_edit": may_edit,
    }
    if request.headers.get("HX-Request"):
        part = TemplateResponse(request, "admin/annotations/reply/progress.html", context)
        if job is None or job.is_over:
            part["HX-Refresh"] = "true"  # the model at work is told of elsewhere on the page too
        return part
    models = embedding_models(application)
    form = ReplyForm(request.POST or None, setting=setting, features=features, models=models)
    if request.method == "POST":
        if not may_edit:
            raise PermissionDenied
        if form.is_valid() and _saved(request, application, form):
            return redirect("admin:annotations_reply_app", application.slug)
    context |= {
        **admin.site.each_context(request),
        "title": _("Annotation reply"),
        "form": form,
        "setting": setting,
        "figures": reply_figures(application.id),
        "newest": AnnotationHit.objects.filter(application=application).order_by("-id")[:NEWEST],
    }
    return TemplateResponse(request, "admin/annotations/reply/app.html", context)


@require_safe
def try_out(request: HttpRequest, slug: str) -> HttpResponse:
    """What a question would come to, for the page to show below the field."""
    application = opened(request, slug)
    question = request.GET.get("question", "").replace("\x00", "").strip()[:MAX_TRIED]
    trial = try_question(application, question) if question else None
    context = {"application": application, "trial": trial, "looked": _shown(trial), "question": question}
    return TemplateResponse(request, "admin/annotations/reply/trial.html", context)


@require_POST
def stop(request: HttpRequest, slug: str) -> HttpResponse:
    """Stay with the model that answers are found with now."""
    user: Any = request.user
    application = opened(request, slug)
    if not may(user, "edit", team_id=application.team_id):
        raise PermissionDenied
    stop_moving(application, by=user)
    return redirect("admin:annotations_reply_app", application.slug)


def opened(request: HttpRequest, slug: str) -> Any:
    """The app, if it is of one's teams. Raises Http404."""
    try:
        return open_application(slug, team_ids=teams_of(request.user).values_list("id", flat=True))
    except NotFound as exc:
        raise Http404(str(exc)) from exc


def _saved(request: HttpRequest, application: Any, form: ReplyForm) -> bool:
    user: Any = request.user
    try:
        job = set_reply(application, by=user, **form.values())
    except ConsoleError as exc:
        form.add_error(exc.details.get("field"), str(exc))
        return False
    noted = _("Saved. The questions are embedded with %(model)s in the background.")
    messages.success(request, noted % {"model": job.model} if job else _("Saved."))
    model_admin: Any = admin.site._registry[ReplySetting]
    stored = ReplySetting.objects.get(application=application)
    model_admin.log_change(
        request,
        stored,
        _("Set annotation reply of %(app)s.") % {"app": application.name},
    )
    return True


def _shown(trial: Trial | None) -> list[dict[str, Any]]:
    """Each annotation that was looked at, with what became of it in words."""
    words = {
        Why.SAME: (_("Answers: the same question"), "success", "badge-check"),
        Why.NEAR: (_("Answers"), "success", "badge-check"),
        Why.FAR: (_("Not like it enough"), "neutral", "minus"),
        Why.OTHER_FACTS: (_("Passed over: another number, or one denies what the other says"), "warning", "x"),
        Why.LATER: (_("Near enough, and another one is nearer"), "neutral", "minus"),
    }
    return [
        {
            "match": each.match,
            "words": words[each.why][0],
            "tone": words[each.why][1],
            "icon": words[each.why][2],
            "answers": each.answers,
            "width": f"{100 * max(0.0, min(1.0, each.match.score)):.1f}%",
        }
        for each in (trial.looked if trial else ())
    ]
