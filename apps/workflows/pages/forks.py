"""Running a run again from one of its steps, on the run's page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.selectors import may
from apps.workflows import services
from apps.workflows.engine.events import NodeStarted
from apps.workflows.engine.past import Past
from apps.workflows.models import Application, Run
from apps.workflows.pages.access import member_page
from apps.workflows.selectors.concealing import concealed_log
from apps.workflows.selectors.events import stored_events
from apps.workflows.selectors.runs import open_run
from apps.workflows.services.edited_values import is_of_document, references_of_node, value_at
from support.errors import ConsoleError, InvalidInput, NotFound

#: Larger values are not for a form.
MOST_CHARS = 20_000
_PREFIX = "value:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A value that a step refers to, as a form shows it."""

    path: str
    text: str
    is_text: bool

    @property
    def name(self) -> str:
        return _PREFIX + self.path

    @property
    def rows(self) -> int:
        return min(12, max(1, self.text.count("\n") + 1, len(self.text) // 80))

    def value(self, given: str) -> Any:
        """What was filled in. Raises InvalidInput."""
        if self.is_text:
            return given
        try:
            return json.loads(given)
        except ValueError:
            raise InvalidInput(_("%s must be JSON.") % self.path, path=f"/values/{self.path}") from None


def fields_of(run: Run, past: Past, frame: str, node_id: str) -> list[Field]:
    """What can be changed before a step runs again: inputs, and outputs of the steps that it refers to."""
    fields = []
    for path in references_of_node(run.version.document, frame, node_id):
        try:
            _place, value = value_at(run, past, frame, path)
        except (KeyError, IndexError, ValueError):
            continue
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
        is_file = isinstance(value, dict) and value.get("kind") == "file"
        if len(text) <= MOST_CHARS and "." in path and not is_file:
            fields.append(Field(path=path, text=text, is_text=isinstance(value, str)))
    return fields


def past_of(run: Run) -> Past:
    """What a run has done, as people may see it."""
    return Past.of(event for _, event in concealed_log(run.id, stored_events(run.id)))


@require_http_methods(["GET", "POST"])
@member_page("run")
def rerun(request: HttpRequest, application: Application, run_id: str) -> HttpResponse:
    """Make a new run that begins at a step; a worker executes it. A GET is answered with the form alone."""
    try:
        parent = open_run(run_id, application=application)
    except NotFound as exc:
        raise Http404(exc.message) from exc
    if request.method == "GET":
        return _form(request, application, parent)
    frame, node_id = request.POST.get("frame", ""), request.POST.get("node_id", "")
    with_draft = "draft" in request.POST and may(request.user, "edit", team_id=application.team_id)
    try:
        wish = services.Wish(
            source=Run.Source.CONSOLE,
            end_user=request.user.get_username(),
            version=application.draft if with_draft else None,
            values=_changed(request, parent, frame, node_id),
        )
        accepted = services.rerun_from(parent, node_id=node_id, frame=frame, wish=wish)
    except ConsoleError as exc:
        messages.error(request, exc.message)
        return redirect("workflows:run", slug=application.slug, run_id=parent.id)
    services.hand_to_worker(accepted)
    messages.success(request, _("The new run has begun. What the earlier one had done is reused."))
    return redirect("workflows:run", slug=application.slug, run_id=accepted.run.id)


def _form(request: HttpRequest, application: Application, parent: Run) -> HttpResponse:
    """The form for the step that `node_id` and `index` (which started step it was) name, for pages of other apps."""
    node_id, index = request.GET.get("node_id", ""), request.GET.get("index", "")
    frame = next(
        (
            event.frame
            for _seq, event in stored_events(parent.id, kinds=("node_started",))
            if isinstance(event, NodeStarted) and event.node_id == node_id and index in ("", str(event.index))
        ),
        None,
    )
    context: dict[str, Any] = {"application": application, "run": parent, "step": {"frame": frame, "node_id": node_id}}
    context["may_edit"] = may(request.user, "edit", team_id=application.team_id)
    if (
        frame is not None
        and parent.status != Run.Status.RUNNING
        and is_of_document(parent.version.document, frame, node_id)
    ):
        context["again"] = {"number": 0, "fields": fields_of(parent, past_of(parent), frame, node_id)}
    return render(request, "workflows/parts/run_again_form.html", context)


def _changed(request: HttpRequest, parent: Run, frame: str, node_id: str) -> dict[str, Any]:
    """The values that are not as the form showed them. Raises InvalidInput."""
    changed = {}
    for field in fields_of(parent, past_of(parent), frame, node_id):
        given = request.POST.get(field.name)
        if given is not None and _lines(given) != _lines(field.text):
            changed[field.path] = field.value(_lines(given))
    return changed


def _lines(text: str) -> str:
    """The text with line ends as they were before a browser sent it."""
    return text.replace("\r\n", "\n")
