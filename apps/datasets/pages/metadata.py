"""Metadata on the pages: the fields of a dataset, the values of one document, and those of many at once."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.datasets.models import Dataset, Document, MetadataField
from apps.datasets.pages.access import dataset_page, may_edit
from apps.datasets.selectors.documents import documents_of, open_document
from apps.datasets.selectors.metadata import (
    FieldValue,
    built_in_values,
    fields_of,
    fields_with_counts,
    open_field,
    values_of,
)
from apps.datasets.services.metadata import add_field, delete_field, rename_field, replace_values, set_values
from support.errors import ConsoleError, NotFound

PER_PAGE = 100
MOMENT = "%Y-%m-%dT%H:%M"


class ValuesForm(forms.Form):
    """One input for each field, of its kind; what is left empty is removed, or in bulk left as it is."""

    def __init__(self, *args: Any, values: list[FieldValue], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for value in values:
            self.fields[value.id] = _input(value)

    def given(self) -> dict[str, Any]:
        """What was entered, by the field's id; a time as seconds since 1970."""
        given = self.cleaned_data
        return {key: value.timestamp() if isinstance(value, dt.datetime) else value for key, value in given.items()}


@dataset_page()
def metadata(request: HttpRequest, dataset: Dataset) -> HttpResponse:
    """The fields, and values for many documents at once."""
    search = request.GET.get("q", "").strip()
    page = Paginator(documents_of(dataset, search=search), PER_PAGE).get_page(request.GET.get("page"))
    empty = [FieldValue(id=str(each.id), name=each.name, kind=each.kind, value=None) for each in fields_of(dataset)]
    context = {
        "dataset": dataset,
        "tab": "metadata",
        "fields": fields_with_counts(dataset),
        "kinds": MetadataField.Kind.choices,
        "form": ValuesForm(values=empty),
        "page": page,
        "search": search,
        "may_edit": may_edit(request, dataset),
    }
    return render(request, "datasets/metadata.html", context)


@require_POST
@dataset_page("edit")
def change_fields(request: HttpRequest, dataset: Dataset) -> HttpResponse:
    """Add a field, or rename or delete one."""
    name, action = request.POST.get("name", ""), request.POST.get("action", "")
    try:
        if action == "add":
            add_field(dataset, name=name, kind=request.POST.get("kind", "string"))
        elif action == "rename":
            rename_field(open_field(request.POST.get("field", ""), dataset=dataset), name=name)
        elif action == "delete":
            delete_field(open_field(request.POST.get("field", ""), dataset=dataset))
        messages.success(request, _("Saved."))
    except ConsoleError as exc:
        messages.error(request, exc.message)
    return redirect("datasets:metadata", dataset.slug)


@require_POST
@dataset_page("edit")
def change_many(request: HttpRequest, dataset: Dataset) -> HttpResponse:
    """Write the values that were entered into the documents that were chosen; empty inputs change nothing."""
    empty = [FieldValue(id=str(each.id), name=each.name, kind=each.kind, value=None) for each in fields_of(dataset)]
    form = ValuesForm(request.POST, values=empty)
    chosen = [key for key in request.POST.getlist("documents") if _is_id(key)]
    if not form.is_valid() or not chosen:
        problem = _("Choose at least one document.") if not chosen else _("A value is not of its field's kind.")
        messages.error(request, problem)
        return redirect("datasets:metadata", dataset.slug)
    values = {key: value for key, value in form.given().items() if value not in (None, "")}
    values |= {key: None for key in request.POST.getlist("remove") if key in form.fields}
    try:
        changed = set_values(dataset, document_ids=[UUID(key) for key in chosen], values=values)
        messages.success(request, _("Documents changed: %(number)s.") % {"number": changed})
    except ConsoleError as exc:
        messages.error(request, exc.message)
    return redirect("datasets:metadata", dataset.slug)


@dataset_page()
def document_metadata(request: HttpRequest, dataset: Dataset, document_id: UUID) -> HttpResponse:
    """What one document has in the fields of its dataset."""
    document = _document(dataset, document_id)
    edits = may_edit(request, dataset)
    posted = request.POST if request.method == "POST" else None
    form = ValuesForm(posted, values=values_of(document))
    if request.method == "POST" and not edits:
        raise PermissionDenied
    if request.method == "POST" and form.is_valid():
        try:
            replace_values(document, values=form.given())
            messages.success(request, _("Saved."))
            return redirect("datasets:document", dataset.slug, document.id)
        except ConsoleError as exc:
            form.add_error(None, exc.message)
    context = {
        "dataset": dataset,
        "document": document,
        "form": form,
        "values": values_of(document),
        "built_in": built_in_values(document),
        "tab": "metadata",
        "may_edit": edits,
    }
    return render(request, "datasets/document_metadata.html", context)


def _input(value: FieldValue) -> forms.Field:
    if value.kind == "number":
        return forms.FloatField(label=value.name, required=False, initial=value.value)
    if value.kind == "time":
        widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=MOMENT)
        return forms.DateTimeField(
            label=value.name, required=False, widget=widget, initial=value.moment, input_formats=[MOMENT]
        )
    return forms.CharField(label=value.name, required=False, max_length=2_000, initial=value.value)


def _document(dataset: Dataset, document_id: UUID) -> Document:
    try:
        found = open_document(document_id, team_id=dataset.team_id)
    except NotFound as exc:
        raise Http404(exc.message) from exc
    if found.dataset_id != dataset.id:
        raise Http404
    return found


def _is_id(key: str) -> bool:
    try:
        UUID(key)
    except ValueError:
        return False
    return True
