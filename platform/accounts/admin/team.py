"""Teams and who belongs to them."""

from django.contrib import admin

from accounts.models import Membership, Team
from support.admin import ConsoleModelAdmin


class MembershipInline(admin.TabularInline):  # type: ignore[type-arg]  # not subscriptable at run time
    model = Membership
    extra = 0
    autocomplete_fields = ("user",)


@admin.register(Team)
class TeamAdmin(ConsoleModelAdmin):
    team_lookup = "id"
    list_display = ("name", "slug", "created_at")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    inlines = (MembershipInline,)
