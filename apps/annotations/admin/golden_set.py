"""Golden sets in the admin: the list and the form; items, versions and files have pages of their own."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts.selectors import teams_of
from apps.annotations.admin.golden_form import GoldenSetForm
from apps.annotations.admin.pages import golden_file, golden_from, golden_item, golden_put, golden_set
from apps.annotations.admin.team_set_up import TeamSetUpAdmin
from apps.annotations.models import GoldenSet
from apps.annotations.selectors.gates import gates_in_the_way
from apps.annotations.selectors.golden import golden_sets


@admin.register(GoldenSet)
class GoldenSetAdmin(TeamSetUpAdmin):
    """Who may edit a team sets golden sets up; who reviews fills them; other members see what there is."""

    form = GoldenSetForm
    is_deletable = True
    page_name = "admin:annotations_golden_set"
    purpose = _("Questions with the answers you expect. Experiments measure versions of your apps with them.")
    empty_text = _("Make one, then add items from traces, corrections or a file. Twenty good ones are a start.")
    list_display = ["title", "application", "items", "stands_at", "updated"]
    list_display_links = None
    search_fields = ["name", "description"]
    search_help_text = _("Name or description")
    ordering = ["name"]

    def get_urls(self) -> list[URLPattern]:
        """The pages of sets come before the forms."""
        site = self.admin_site
        pages: dict[str, tuple[str, Any]] = {
            "<uuid:set_id>/items/": ("set", golden_set.overview),
            "<uuid:set_id>/versions/": ("versions", golden_set.versions),
            "<uuid:set_id>/versions/<int:number>/restore/": ("restore", golden_set.restore),
            "<uuid:set_id>/versions/<int:number>/undo/": ("undo", golden_set.undo),
            "<uuid:set_id>/versions/<int:number>/<str:format>/": ("export", golden_set.export),
            "<uuid:set_id>/take-out/": ("take_out", golden_set.take_out),
            "<uuid:set_id>/items/add/": ("add", golden_item.add),
            "<uuid:set_id>/items/<int:number>/": ("item", golden_item.item),
            "<uuid:set_id>/items/<int:number>/take-out/": ("item_take_out", golden_item.take_out),
            "<uuid:set_id>/import/": ("import", golden_file.take_in),
            "<uuid:set_id>/import/look/": ("look", golden_file.look_through),
            "put/": ("put", golden_put.put),
            "from/message/<uuid:message_id>/": ("from_message", golden_from.from_message),
            "from/trace/<uuid:trace_id>/": ("from_trace", golden_from.from_trace),
        }
        own = [
            path(route, site.admin_view(view), name=f"annotations_golden_{name}")
            for route, (name, view) in pages.items()
        ]
        return [*own, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return golden_sets(teams_of(request.user).values_list("id", flat=True))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """A set that a gate goes by stays, and the page says which gate."""
        deleted, counts, lacking, protected = super().get_deleted_objects(objs, request)
        if sentences := gates_in_the_way(objs):
            return deleted, counts, set(), sentences
        return deleted, counts, lacking, protected

    @admin.display(description=_("golden set"), ordering="name")
    def title(self, row: GoldenSet) -> SafeString:
        return self.page_link(row)

    @admin.display(description=_("items"))
    def items(self, row: Any) -> str:
        return f"{row.item_count or 0:,}"

    @admin.display(description=_("version"))
    def stands_at(self, row: GoldenSet) -> str:
        return str(row.version or "–")
