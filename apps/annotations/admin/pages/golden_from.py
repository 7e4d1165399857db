"""What was recorded becomes an item: a turn of a conversation or a trace, looked over before it enters a set."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from accounts.selectors import may, teams_of
from apps.annotations.admin.access import trace_url
from apps.annotations.admin.golden_form import GoldenItemForm
from apps.annotations.admin.pages.golden_set import shown
from apps.annotations.golden.item import NewItem
from apps.annotations.models import GoldenSet, GoldenVersion
from apps.annotations.selectors import open_turn
from apps.annotations.selectors.golden import golden_sets, items_from_trace
from apps.annotations.services.golden_items import add_items
from apps.annotations.services.golden_sources import item_of_trace, item_of_turn
from apps.traces.selectors.traces import trace_of_run
from support.errors import ConsoleError, NotFound

Origin = GoldenVersion.Origin


class FromForm(GoldenItemForm):
    """An item, and the set that it enters."""

    golden_set = forms.ModelChoiceField(GoldenSet.objects.none(), label=gettext_lazy("Golden set"), empty_label=None)
    field_order = ("golden_set",)

    def __init__(self, *args: Any, team_id: UUID, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["golden_set"].queryset = golden_sets([team_id])  # type: ignore[attr-defined]


@require_http_methods(["GET", "HEAD", "POST"])
def from_message(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """A turn of a conversation."""
    try:
        turn = open_turn(message_id, team_ids=_team_ids(request))
    except NotFound as exc:
        raise Http404(str(exc)) from exc
    return _form(
        request,
        item_of_turn(turn),
        team_id=turn.team_id,
        application_id=turn.application_id,
        origin=Origin.CONVERSATION,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def from_trace(request: HttpRequest, trace_id: UUID) -> HttpResponse:
    """A trace. One that tells of a message is that message."""
    trace = trace_of_run(trace_id, team_ids=_team_ids(request))
    if trace is None:
        raise Http404
    return _form(
        request, item_of_trace(trace), team_id=trace.team_id, application_id=trace.application_id, origin=Origin.TRACE
    )


def _form(
    request: HttpRequest, item: NewItem, *, team_id: UUID, application_id: UUID | None, origin: str
) -> HttpResponse:
    user: Any = request.user
    if not may(user, "annotate", team_id=team_id):
        raise PermissionDenied
    initial = GoldenItemForm.initial_of(item)
    initial["golden_set"] = golden_sets([team_id]).filter(application_id=application_id).first()
    form = FromForm(request.POST or None, initial=initial, team_id=team_id)
    if request.method == "POST" and form.is_valid():
        golden_set = form.cleaned_data["golden_set"]
        try:
            done = add_items(golden_set, [_written(form, item)], by=user, origin=origin)
        except ConsoleError as exc:
            form.add_error(None, str(exc))
        else:
            if done.added or done.changed:
                return shown(golden_set, done=done.version)
            messages.info(request, _("“%(name)s” has this item already.") % {"name": golden_set.name})
            return shown(golden_set)
    context = {
        **admin.site.each_context(request),
        "title": _("Add to a golden set"),
        "form": form,
        "may_change": True,
        "message_id": item.source_message_id,
        "trace_url": trace_url(item.source_trace_id) if item.source_trace_id else None,
        "has_sets": golden_sets([team_id]).exists(),
        "standing": items_from_trace(item.source_trace_id, team_ids=[team_id]) if item.source_trace_id else [],
        "may_edit": may(user, "edit", team_id=team_id),
    }
    status = 400 if form.is_bound else 200
    return TemplateResponse(request, "admin/annotations/golden/from.html", context, status=status)


def _written(form: GoldenItemForm, item: NewItem) -> NewItem:
    written = form.item()
    return NewItem(**written.content(), source_message_id=item.source_message_id, source_trace_id=item.source_trace_id)


def _team_ids(request: HttpRequest) -> list[UUID]:
    return list(teams_of(request.user).values_list("id", flat=True))
