"""API keys: who holds which, and the end of them. New ones are made where their subject is."""

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts import services
from accounts.models import ApiKey
from support.admin import ReadOnlyModelAdmin


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyModelAdmin):
    list_display = (
        "prefix",
        "name",
        "team",
        "subject_kind",
        "state",
        "last_used_at",
        "expires_at",
        "created_at",
    )
    list_filter = ("subject_kind", "team")
    search_fields = ("prefix", "name")
    actions = ("revoke",)

    @admin.display(description=gettext_lazy("state"))
    def state(self, key: ApiKey) -> str:
        if key.revoked_at:
            return _("Revoked")
        return _("Active") if key.is_usable else _("Expired")

    @admin.action(description=gettext_lazy("Revoke selected keys"), permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset:
            services.revoke_api_key(key)
        count = len(queryset)
        self.message_user(request, ngettext("%d key revoked.", "%d keys revoked.", count) % count)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        # The action asks for it; the form itself stays read-only.
        return obj is None and super(ReadOnlyModelAdmin, self).has_change_permission(request, obj)
