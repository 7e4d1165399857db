"""Toolsets: OpenAPI documents whose operations are tools. The secret is written here and never read."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import selectors as accounts
from apps.workflows.dsl.openapi_reader import BadOpenApi, read_openapi
from apps.workflows.models import Toolset
from providers.services.credentials import moves_away
from support.admin import ConsoleModelAdmin


class ToolsetForm(forms.ModelForm):  # type: ignore[type-arg]
    """Adds the document, which is read and not kept, and the secret, which is kept and not shown."""

    document = forms.CharField(
        label=gettext_lazy("OpenAPI document"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 12}),
        help_text=gettext_lazy("YAML or JSON. Leave empty to keep the operations there are."),
    )
    secret = forms.CharField(
        label=gettext_lazy("secret"),
        required=False,
        strip=True,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("Stored encrypted and never shown again. Leave empty to keep the stored secret."),
    )

    class Meta:
        model = Toolset
        fields = ("team", "name", "title", "base_url", "auth", "auth_name", "is_enabled")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "base_url" in self.fields:
            self.fields["base_url"].required = False

    def clean(self) -> dict[str, Any]:
        """Read the document; a stored secret does not follow the address to another host."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if document := cleaned.get("document"):
            try:
                read = read_openapi(document)
            except BadOpenApi as exc:
                self.add_error("document", exc.message)
            else:
                self.instance.operations, self.instance.description = read.operations, read.description
                cleaned["title"] = cleaned.get("title") or read.title
                cleaned["base_url"] = cleaned.get("base_url") or read.base_url
        elif not self.instance.operations:
            self.add_error("document", _("A toolset is made of a document."))
        address = cleaned.get("base_url")
        if not address and "document" not in self.errors:
            self.add_error("base_url", _("The document names no server with an address. Give the address."))
        keeps_secret = self.instance.encrypted_secret and not cleaned.get("secret")
        if keeps_secret and address and moves_away(self.initial.get("base_url", ""), address):
            self.add_error("secret", _("The secret must be given again when the address changes."))
        return cleaned


@admin.register(Toolset)
class ToolsetAdmin(ConsoleModelAdmin):
    """The services that a team's apps may use as tools."""

    form = ToolsetForm
    list_display = ("name", "title", "team", "base_url", "operation_count", "is_enabled", "updated_at")
    list_filter = ("team", "is_enabled")
    list_select_related = ("team",)
    search_fields = ("name", "title", "base_url")
    readonly_fields = ("secret_state", "tools")
    fields = (
        *("team", "name", "title", "document", "base_url", "auth", "auth_name"),
        *("secret", "secret_state", "is_enabled", "tools"),
    )

    @admin.display(description=gettext_lazy("operations"))
    def operation_count(self, toolset: Toolset) -> int:
        return len(toolset.operations)

    @admin.display(description=gettext_lazy("stored secret"))
    def secret_state(self, toolset: Toolset) -> str:
        if toolset.secret_set_at is None:
            return _("not set")
        return _("set on %(date)s") % {"date": date_format(toolset.secret_set_at, "DATETIME_FORMAT")}

    @admin.display(description=gettext_lazy("tools"))
    def tools(self, toolset: Toolset) -> str:
        rows = (
            (f"openapi/{toolset.name}/{each['id']}", each["method"], each["path"], each["summary"])
            for each in toolset.operations
        )
        return format_html_join("", "<div><code>{}</code> {} {} {}</div>", rows) or "-"

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """The team that one works in now, unless the address names another."""
        return {**accounts.form_team(request), **super().get_changeform_initial_data(request)}

    def save_model(self, request: HttpRequest, obj: Toolset, form: Any, change: bool) -> None:
        if secret := form.cleaned_data.get("secret"):
            obj.set_secret(secret)
        super().save_model(request, obj, form, change)
