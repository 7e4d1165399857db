"""The list of apps, and making a new one."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from accounts.selectors import current_team, may
from apps.datasets.selectors.datasets import dataset_slugs
from apps.workflows import services
from apps.workflows.dsl import UnreadableDocument, dump
from apps.workflows.models import Application
from apps.workflows.pages.models_missing import models_missing
from apps.workflows.pages.starters import STARTERS, starter_document
from apps.workflows.selectors.applications import applications_of
from support.errors import NotFound

PER_PAGE = 24
#: As much as a document of Dify's may be.
MAX_FILE_BYTES = 10_000_000


class NewAppForm(forms.Form):
    """A name and what to start from."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    starter = forms.ChoiceField(
        label=gettext_lazy("Start from"),
        choices=[(starter.key, starter.label) for starter in STARTERS],
        widget=forms.RadioSelect,
        initial=STARTERS[0].key,
    )
    dataset = forms.ChoiceField(
        label=gettext_lazy("Dataset"),
        required=False,
        help_text=gettext_lazy("Used by the chat that answers from documents."),
    )

    def __init__(self, *args: object, datasets: list[str], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["dataset"].choices = [(slug, slug) for slug in datasets] or [("", _("No dataset yet"))]  # type: ignore[attr-defined]
        if not datasets:
            self.fields["starter"].initial = "chat"

    def clean_dataset(self) -> str:
        """A retrieval chat needs something to search."""
        dataset: str = self.cleaned_data["dataset"]
        if not dataset and self.cleaned_data.get("starter") == "retrieval":
            raise forms.ValidationError(_("There is no dataset yet. Make one first, or start from a plain chat."))
        return dataset


class ImportForm(forms.Form):
    """A document as a file."""

    file = forms.FileField(
        label=gettext_lazy("Document"), help_text=gettext_lazy("YAML or JSON: a document of this console, or of Dify.")
    )
    into = forms.ModelChoiceField(
        label=gettext_lazy("Import into"),
        queryset=Application.objects.none(),
        to_field_name="slug",
        required=False,
        empty_label=gettext_lazy("A new app"),
        help_text=gettext_lazy("A new app is published at once. In an app that you choose it becomes the draft."),
    )

    def __init__(self, *args: object, team_id: UUID, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["into"].queryset = Application.objects.filter(team_id=team_id)  # type: ignore[attr-defined]


@login_required
def app_list(request: HttpRequest) -> HttpResponse:
    """The team's apps, the last used first."""
    try:
        team = current_team(request)
    except NotFound as exc:
        return render(request, "workflows/no_team.html", {"message": exc.message})
    search = request.GET.get("q", "").strip()
    page = Paginator(applications_of(team.id, search=search), PER_PAGE).get_page(request.GET.get("page"))
    may_edit = may(request.user, "edit", team_id=team.id)
    return render(
        request, "workflows/app_list.html", {"page": page, "search": search, "may_edit": may_edit, "team": team}
    )


@login_required
def new_app(request: HttpRequest) -> HttpResponse:
    """Make an app from a starter; its document can then be edited."""
    team = current_team(request)
    _require_edit(request, team.id)
    datasets = dataset_slugs(team.id)
    form = NewAppForm(request.POST or None, datasets=datasets)
    if request.method == "POST" and form.is_valid():
        document = starter_document(
            form.cleaned_data["starter"], name=form.cleaned_data["name"], dataset=form.cleaned_data["dataset"]
        )
        application, _saved = services.import_document(text=dump(document), team_id=team.id, by=_person(request))
        messages.success(request, _("%(name)s is ready. Try it here.") % {"name": application.name})
        return redirect("workflows:playground", application.slug)
    return render(request, "workflows/app_new.html", {"form": form, "starters": STARTERS})


@login_required
def import_app(request: HttpRequest) -> HttpResponse:
    """Make an app of an uploaded document, or the draft of the app that was chosen; shows all errors of a bad one."""
    team = current_team(request)
    _require_edit(request, team.id)
    form = ImportForm(request.POST or None, request.FILES or None, team_id=team.id, initial=request.GET.dict())
    problems = []
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            if upload.size > MAX_FILE_BYTES:
                form.add_error("file", _("The file is larger than 10 MB."))
            else:
                return _import(request, upload.read().decode("utf-8"), team.id, form.cleaned_data["into"])
        except UnicodeDecodeError:
            form.add_error("file", _("The file is no UTF-8 text."))
        except (services.InvalidDocument, UnreadableDocument) as exc:
            problems = exc.problems
    return render(request, "workflows/app_import.html", {"form": form, "problems": problems})


def _import(request: HttpRequest, text: str, team_id: UUID, into: Application | None) -> HttpResponse:
    """Import a text, and go where the person reads what came of it."""
    application, saved = services.import_document(text=text, team_id=team_id, by=_person(request), into=into)
    version = saved.version
    if missing := models_missing(version.document, team_id=team_id):
        told = _("No provider serves %(names)s. Add it to the models of a provider, or edit the document.")
        services.keep_notes(version, list(dict.fromkeys([*version.notes, told % {"names": ", ".join(missing)}])))
    named = {"name": application.name, "number": version.number}
    if into is None:
        messages.success(request, _("%(name)s version %(number)d is imported and published.") % named)
    elif saved.is_new:
        messages.success(request, _("%(name)s has it as its draft, version %(number)d. Nothing is published.") % named)
    else:
        messages.info(request, _("Nothing changed since version %(number)d.") % named)
    return redirect("workflows:document" if version.notes or into else "workflows:app", application.slug)


def _require_edit(request: HttpRequest, team_id: object) -> None:
    if not may(request.user, "edit", team_id=team_id):  # type: ignore[arg-type]
        raise PermissionDenied


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
