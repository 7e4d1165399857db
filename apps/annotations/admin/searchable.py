"""What the lists of annotations and few-shot examples share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import Team, User
from accounts.selectors import current_team, may
from apps.annotations import services
from apps.annotations.admin.access import (
    AnnotatorModelAdmin,
    ApplicationFilter,
    belongs_somewhere,
    origin_links,
    preview,
    two_lines,
)
from apps.annotations.importing.reading import MAX_ANSWER, MAX_QUESTION
from apps.annotations.models import ImportedAnswer
from apps.annotations.models.searchable import SearchableAnswer
from apps.annotations.services.exporting_answers import FORMATS, answers_file
from apps.workflows.selectors.applications import applications_of
from support.errors import ConsoleError, NotFound

LONGEST = {"question": MAX_QUESTION, "answer": MAX_ANSWER}


class Add(Protocol):
    """The service that makes an answer; it embeds the question. Raises InvalidInput."""

    def __call__(
        self, *, team_id: UUID, application_id: UUID, question: str, answer: str, by: User | None
    ) -> SearchableAnswer: ...


class Toggle(Protocol):
    """The service that takes an answer into use or out of it.

    Raises Conflict if its correction was withdrawn, NotAllowed where somebody else has to approve it.
    """

    def __call__(self, row: Any, /, *, enabled: bool, by: User) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """What writes the answers of one kind."""

    add: Add
    toggle: Toggle


class SearchableAnswerAdmin(AnnotatorModelAdmin):
    """What annotations and examples share: a list of questions that are switched on and off."""

    list_filter = ["is_enabled", "is_waiting", ApplicationFilter]
    search_fields = ["question", "answer"]
    search_help_text = _("Question or answer")
    date_hierarchy = None
    actions = ["enable", "disable"]
    ordering = ["-id"]
    change_list_template = "admin/annotations/answers_list.html"
    #: What a file that is brought along is taken in as, and what writes a row.
    import_target: ClassVar[str]
    writing: ClassVar[Writing]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).select_related("application", "correction__queue_item", "created_by")
        brought = ImportedAnswer.objects.filter(answer_id=OuterRef("pk"), before__isnull=True)
        found: QuerySet[Any] = rows.defer("embedding", "second_embedding").annotate(
            import_id=Subquery(brought.values("answer_import_id")[:1]),
            import_name=Subquery(brought.values("answer_import__file_name")[:1]),
        )
        return found

    def get_urls(self) -> list[URLPattern]:
        """The list as a file comes before the forms."""
        export = self.admin_site.admin_view(self.export)
        name = f"annotations_{self.opts.model_name}_export"
        return [path("export/<slug:format>/", export, name=name), *super().get_urls()]

    def export(self, request: HttpRequest, format: str) -> HttpResponseBase:
        """What the list shows under its filters, as a file."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            rows = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters as exc:
            raise Http404 from exc
        if format not in FORMATS:
            raise Http404
        return answers_file(rows, format=format, name=str(self.opts.model_name))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, with the way to what is set up and brought along."""
        context = {
            "export_formats": [
                (name.upper(), reverse(f"admin:annotations_{self.opts.model_name}_export", args=[name]))
                for name in FORMATS
            ],
            "export_query": request.GET.urlencode(),
            "import_target": self.import_target,
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def has_add_permission(self, request: HttpRequest) -> bool:
        return belongs_somewhere(request.user) and self._team(request) is not None

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A new one needs its texts and its app only."""
        return super().get_fields(request, obj) if obj else ["application", "question", "answer"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What a second person approved is changed where it was corrected."""
        if obj is None:
            return ()
        fixed = ("question", "answer") if services.is_approved_by_two(obj) else ()
        return (*super().get_readonly_fields(request, obj), *fixed)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """The apps of the team that the person works in."""
        if db_field.name == "application" and (team := self._team(request)):
            kwargs["queryset"] = applications_of(team.id)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Writes go through the services, which embed a new question."""
        user: Any = request.user
        if not change:
            team = obj.application.team_id
            made = self.writing.add(
                team_id=team, application_id=obj.application_id, question=obj.question, answer=obj.answer, by=user
            )
            obj.__dict__.update(made.__dict__)
            self._tell(request, made)
            return
        stored = type(obj).objects.get(id=obj.id)
        try:
            services.edit_annotation(stored, question=obj.question, answer=obj.answer, by=user)
            if "is_enabled" in form.changed_data:
                self.writing.toggle(stored, enabled=obj.is_enabled, by=user)
        except ConsoleError as exc:
            self.message_user(request, str(exc), messages.ERROR)
        self._tell(request, stored)

    def _tell(self, request: HttpRequest, row: SearchableAnswer) -> None:
        if row.is_waiting:
            told = _("This app asks for a second person: the answer waits until somebody else takes it into use.")
            self.message_user(request, told, messages.WARNING)

    def _team(self, request: HttpRequest) -> Team | None:
        """The team that new rows are of, if the person may annotate there. Asked once: the rail asks often."""
        if not hasattr(request, "_team_to_annotate"):
            request._team_to_annotate = _team_to_annotate(request)  # type: ignore[attr-defined]
        found: Team | None = request._team_to_annotate  # type: ignore[attr-defined]
        return found

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in LONGEST:
            kwargs["max_length"] = LONGEST[db_field.name]
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "question" and field is not None:
            field.widget.attrs["rows"] = 2
        return field

    @admin.display(description=_("answer"))
    def answer_preview(self, row: SearchableAnswer) -> SafeString:
        return two_lines(row.answer)

    @admin.display(description=_("source"))
    def source(self, row: Any) -> SafeString | str:
        if row.correction is None and row.import_id:
            address = reverse("admin:annotations_answer_import", args=[row.import_id])
            return format_html('<a href="{}">{}</a>', address, preview(row.import_name, length=30))
        if row.correction is None:
            return str(_("Written by hand"))
        address = reverse("admin:annotations_correction_change", args=[row.correction_id])
        return format_html('<a href="{}">{}</a>', address, _("Correction"))

    @admin.display(description=_("approval"))
    def approval(self, row: SearchableAnswer) -> str:
        """Who else read it, where that is known or asked for."""
        if row.is_waiting and row.written_by is not None:
            words = _("Waits for somebody other than %(name)s: taking it into use approves it.")
            return words % {"name": row.written_by}
        if row.is_waiting:
            return str(_("Waits for a second person: taking it into use approves it."))
        if row.approved_at is None:
            return "–"
        return f"{row.approved_by or '–'} · {row.approved_at:%Y-%m-%d %H:%M}"

    @admin.display(description=_("came from"))
    def origin(self, row: Any) -> SafeString | str:
        return self.source(row) if row.correction is None else origin_links(row.correction)

    @admin.action(description=_("Take into use"), permissions=["annotate"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._toggle(request, queryset, enabled=True)

    @admin.action(description=_("Take out of use"), permissions=["annotate"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._toggle(request, queryset, enabled=False)

    def _toggle(self, request: HttpRequest, queryset: QuerySet[Any], *, enabled: bool) -> None:
        user: Any = request.user
        done = 0
        for row in queryset:
            if not may(request.user, "annotate", team_id=row.team_id):
                continue
            try:
                self.writing.toggle(row, enabled=enabled, by=user)
            except ConsoleError as exc:
                self.message_user(request, f"{preview(row.question, length=60)}: {exc}", messages.WARNING)
                continue
            done += 1
        self.message_user(request, ngettext("%(n)s changed.", "%(n)s changed.", done) % {"n": done})


def _team_to_annotate(request: HttpRequest) -> Team | None:
    try:
        team = current_team(request)
    except NotFound:
        return None
    return team if may(request.user, "annotate", team_id=team.id) else None
