"""A file of items is taken in: looked through first, then made a version of the set."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from apps.annotations.admin.golden_form import GoldenFileForm
from apps.annotations.admin.pages.golden_set import noted, opened, shown
from apps.annotations.golden.item import BadItem
from apps.annotations.golden.reading import Reading
from apps.annotations.services.golden_files import Preview, import_file, preview_file
from apps.annotations.services.golden_items import SameQuestion, fault_in_words
from support.errors import ConsoleError


@require_http_methods(["GET", "HEAD", "POST"])
def take_in(request: HttpRequest, set_id: UUID) -> HttpResponse:
    """The form, and taking the file in."""
    golden_set = opened(request, set_id, right="annotate")
    user: Any = request.user
    form = GoldenFileForm(request.POST or None, request.FILES or None)
    context: dict[str, Any] = {}
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        data = given["file"].read()
        try:
            done = import_file(
                golden_set,
                data,
                is_csv=form.is_csv,
                by=user,
                same_question=SameQuestion(given["same_question"]),
                leave_out_bad=given["leave_out_bad"],
                name=given["file"].name,
            )
        except ConsoleError as exc:
            context = _looked_through(golden_set, data, form, user)
            form.add_error("file", str(exc))
        else:
            if done.skipped:
                words = ngettext("One item was there already.", "%(n)s items were there already.", done.skipped)
                messages.info(request, words % {"n": done.skipped})
            noted(request, golden_set, _("Took in the file %(name)s.") % {"name": given["file"].name})
            return shown(golden_set, done=done.version if done.added or done.changed else None)
    context |= {
        **admin.site.each_context(request),
        "title": _("Import items"),
        "golden_set": golden_set,
        "form": form,
    }
    status = 400 if form.is_bound else 200
    return TemplateResponse(request, "admin/annotations/golden/file.html", context, status=status)


@require_POST
def look_through(request: HttpRequest, set_id: UUID) -> HttpResponse:
    """What taking the file in would do, as a part of the page."""
    golden_set = opened(request, set_id, right="annotate")
    form = GoldenFileForm(request.POST, request.FILES)
    context: dict[str, Any] = {"golden_set": golden_set}
    if form.is_valid():
        context |= _looked_through(golden_set, form.cleaned_data["file"].read(), form, request.user)
    else:
        context["problem"] = next(iter(form.errors.get("file", [_("Choose a file.")])))
    return TemplateResponse(request, "admin/annotations/golden/preview.html", context)


def _looked_through(golden_set: Any, data: bytes, form: GoldenFileForm, user: Any) -> dict[str, Any]:
    try:
        preview = preview_file(golden_set, data, is_csv=form.is_csv, by=user)
    except ConsoleError as exc:
        return {"problem": str(exc)}
    return {"preview": preview, "faults": _in_words(preview.reading), "sample": _sample(preview)}


def _in_words(reading: Reading) -> list[tuple[int, str]]:
    return [(each.line, fault_in_words(BadItem(each.part, each.fault))) for each in reading.faults]  # type: ignore[arg-type]


def _sample(preview: Preview) -> list[Any]:
    return preview.reading.items[:5]
