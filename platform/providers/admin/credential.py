"""Provider credentials: entered here, never shown again, tried out on request."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import selectors as accounts
from model_runtime.errors import ModelError
from providers.admin.forms import CredentialForm
from providers.models import ProviderCredential
from providers.services import check_credential
from support.admin import ConsoleModelAdmin


@admin.register(ProviderCredential)
class ProviderCredentialAdmin(ConsoleModelAdmin):
    """Who may manage a team may enter its keys; nobody may read them."""

    form = CredentialForm
    list_display = ("name", "team", "kind", "base_url", "is_enabled", "key_state", "updated_at")
    list_filter = ("team", "is_enabled")
    list_select_related = ("team",)
    search_fields = ("name", "base_url")
    readonly_fields = ("key_state",)
    fields = (
        "team",
        "name",
        "kind",
        "base_url",
        "secret",
        "key_state",
        "chat_models",
        "embedding_models",
        "rerank_models",
        "calls_at_once",
        "requests_per_minute",
        "tokens_per_minute",
        "is_enabled",
    )
    actions = ("test_connection",)

    @admin.display(description=gettext_lazy("stored key"))
    def key_state(self, credential: ProviderCredential) -> str:
        if credential.secret_set_at is None:
            return _("not set")
        return _("set on %(date)s") % {"date": date_format(credential.secret_set_at, "DATETIME_FORMAT")}

    @admin.action(description=gettext_lazy("Test the connection"), permissions=["change"])
    def test_connection(self, request: HttpRequest, queryset: QuerySet[ProviderCredential]) -> None:
        for credential in queryset:
            if not self.has_change_permission(request, credential):
                continue
            try:
                answered = check_credential(credential)
            except ModelError as exc:
                self.message_user(request, f"{credential.name}: {exc.message}", messages.ERROR)
            else:
                text = _("%(name)s answers: %(models)s.") % {
                    "name": credential.name,
                    "models": ", ".join(answered),
                }
                self.message_user(request, text, messages.SUCCESS)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """The team that one works in now, unless the address names another."""
        return {**accounts.form_team(request), **super().get_changeform_initial_data(request)}

    def save_model(self, request: HttpRequest, obj: ProviderCredential, form: Any, change: bool) -> None:
        if secret := form.cleaned_data.get("secret"):
            obj.set_secret(secret)
        super().save_model(request, obj, form, change)

    def has_change_permission(self, request: HttpRequest, obj: ProviderCredential | None = None) -> bool:
        return super().has_change_permission(request, obj) and _manages(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: ProviderCredential | None = None) -> bool:
        return super().has_delete_permission(request, obj) and _manages(request, obj)


def _manages(request: HttpRequest, credential: ProviderCredential | None) -> bool:
    return credential is None or accounts.may(request.user, "manage", team_id=credential.team_id)
