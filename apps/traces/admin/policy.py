"""What is kept of traces: the policies of a team, in the admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Team
from accounts.selectors import current_team
from apps.traces.admin.policy_form import PolicyForm
from apps.traces.models import TracePolicy
from apps.traces.selectors.policies import forget_policies
from support.admin import ConsoleModelAdmin
from support.errors import NotFound


@admin.register(TracePolicy)
class TracePolicyAdmin(ConsoleModelAdmin):
    """Who manages a team says what is kept of its traces. New policies are the current team's."""

    form = PolicyForm
    change_list_template = "admin/traces/policy/list.html"
    purpose = gettext_lazy("How many traces are kept, for how long, and what is taken out before they are written.")
    empty_text = gettext_lazy(
        "Without a policy all traces are kept as this installation keeps them, without keys, tokens and passwords."
    )
    list_display = ("app", "sample", "kept_for", "taken_out", "updated_at")
    ordering = ("application_name",)
    fieldsets = (
        (None, {"fields": ("app",)}),
        (gettext_lazy("What is kept"), {"fields": ("sample_percent", "retention_days")}),
        (gettext_lazy("What is taken out before anything is written"), {"fields": ("personal", "own_rules")}),
    )

    @admin.display(description=gettext_lazy("app"), ordering="application_name")
    def app(self, policy: TracePolicy) -> str:
        return policy.application_name or _("All apps")

    @admin.display(description=gettext_lazy("keep"), ordering="sample_percent")
    def sample(self, policy: TracePolicy) -> str:
        return "–" if policy.sample_percent is None else f"{policy.sample_percent.normalize():f} %"

    @admin.display(description=gettext_lazy("keep for"), ordering="retention_days")
    def kept_for(self, policy: TracePolicy) -> str:
        return _("%(n)s days") % {"n": policy.retention_days} if policy.retention_days else "–"

    @admin.display(description=gettext_lazy("take out"))
    def taken_out(self, policy: TracePolicy) -> str:
        labels = dict(TracePolicy.Personal.choices)
        names = [str(labels.get(each, each)) for each in policy.personal]
        return ", ".join([*names, *(rule["name"] for rule in policy.own_rules)]) or "–"

    def get_form(
        self, request: HttpRequest, obj: TracePolicy | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """The form knows of which team the policy is."""
        # `app` is a field of the form only: the admin would look for it on the table.
        kwargs["fields"] = PolicyForm.Meta.fields
        form = super().get_form(request, obj, change=change, **kwargs)
        team = _team(request)
        team_id = obj.team_id if obj is not None else team.id if team is not None else None
        return type(form.__name__, (form,), {"team_id": team_id})

    def save_model(self, request: HttpRequest, obj: TracePolicy, form: Any, change: bool) -> None:
        if not change:
            team = _team(request)
            user: Any = request.user
            if team is None or not (user.is_superuser or team.id in self._teams_for("add", request)):
                raise PermissionDenied
            obj.team_id = team.id
        super().save_model(request, obj, form, change)
        forget_policies()

    def delete_model(self, request: HttpRequest, obj: TracePolicy) -> None:
        super().delete_model(request, obj)
        forget_policies()

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        super().delete_queryset(request, queryset)
        forget_policies()


def _team(request: HttpRequest) -> Team | None:
    try:
        return current_team(request)
    except NotFound:
        return None
