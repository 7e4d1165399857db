"""What a team sets up in forms: who may, of which team a new row is, and where one comes to after saving."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.selectors import may
from apps.annotations.admin.access import AnnotatorModelAdmin, belongs_somewhere
from apps.annotations.admin.team_form import team_for_new, with_team


class PageOfRows(ChangeList):
    """The rows of one page of a list, with what their columns need beyond the table."""

    def get_results(self, request: HttpRequest) -> None:
        """Read once for the page."""
        super().get_results(request)
        rows: list[Any] = list(self.result_list)
        owner: Any = self.model_admin
        owner.complete(rows)
        self.result_list = rows


class TeamSetUpAdmin(AnnotatorModelAdmin):
    """Those with a right in the team make and change its rows; its other members see them.

    `form` is a `TeamForm` whose Meta names its fields.
    """

    #: What the role in the team must include.
    right_to_set_up: ClassVar[str] = "edit"
    #: Whether who may change a row may also delete it.
    is_deletable: ClassVar[bool] = False
    #: Whether a row says who made it.
    names_maker: ClassVar[bool] = True
    #: Address name of the page of a row, which takes its id. Empty: there is only the form.
    page_name: ClassVar[str] = ""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return may_add(request, right=self.right_to_set_up)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or may(request.user, self.right_to_set_up, team_id=obj.team_id))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.is_deletable and obj is not None and self.has_change_permission(request, obj)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return PageOfRows

    def complete(self, rows: Sequence[Any]) -> None:
        """Give the rows of a page what their columns show and the table does not have, in a query for all of them."""

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form knows of which team the row is."""
        # Some fields are of the form only: the admin would look for them on the table.
        kwargs["fields"] = self.form.Meta.fields  # type: ignore[attr-defined]
        return with_team(super().get_form(request, obj, change=change, **kwargs), request, obj)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """A new row is of the team that the person works in."""
        if not change:
            obj.team_id = form.required_team().id
            if self.names_maker:
                obj.created_by = request.user
        super().save_model(request, obj, form, change)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """On to the page of what was made, where it has one."""
        return self._to_page(obj) if self.page_name else super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """Back to the page of the row, where it has one."""
        return self._to_page(obj) if self.page_name else super().response_change(request, obj)

    def page_link(self, row: Any) -> SafeString:
        """The row's name in a list, leading to its page."""
        return format_html('<a href="{}">{}</a>', reverse(self.page_name, args=[row.id]), row)

    def _to_page(self, row: Any) -> HttpResponse:
        return redirect(self.page_name, row.id)


def may_add(request: HttpRequest, *, right: str = "edit") -> bool:
    """Whether the person may make something new in the team he works in."""
    team = team_for_new(request) if belongs_somewhere(request.user) else None
    # Who is given a team for new things may edit it.
    return team is not None and (right == "edit" or may(request.user, right, team_id=team.id))
