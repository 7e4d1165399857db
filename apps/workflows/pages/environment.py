"""An app's environment: what its documents ask for, and what is set. A secret is written here and never shown."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from apps.workflows import services
from apps.workflows.models import Application
from apps.workflows.pages.access import member_page
from apps.workflows.pages.app import app_context
from apps.workflows.selectors.environment import EnvironmentState, environment_states
from support.errors import ConsoleError


@member_page("edit")
def environment(request: HttpRequest, application: Application) -> HttpResponse:
    """Every declared variable with a form to set it."""
    shown = [_shown(state) for state in environment_states(application)]
    context = {**app_context(request, application, "environment"), "variables": shown}
    return render(request, "workflows/app_environment.html", context)


def _shown(state: EnvironmentState) -> dict[str, Any]:
    return {
        "name": state.name,
        "type": state.type,
        "description": state.description,
        "is_secret": state.is_secret,
        "is_set": state.is_set,
        "is_missing": state.is_missing,
        "value": _written(state.type, state.value),
        "default": _written(state.type, state.default),
        "is_long": state.type not in ("string", "number", "integer", "boolean"),
    }


def _written(kind: str, value: Any) -> str:
    if value is None:
        return ""
    return value if kind == "string" and isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@require_POST
@sensitive_post_parameters("value")
@member_page("edit")
def set_value(request: HttpRequest, application: Application, name: str) -> HttpResponse:
    """Keep a value. What a secret was is in no answer."""
    try:
        services.set_environment_value(application, name=name, value=request.POST.get("value", ""))
    except ConsoleError as exc:
        messages.error(request, exc.message)
    else:
        messages.success(request, _("%s is set.") % name)
    return redirect("workflows:environment", slug=application.slug)


@require_POST
@member_page("edit")
def clear_value(request: HttpRequest, application: Application, name: str) -> HttpResponse:
    """Forget a value: the document's default counts again, where there is one."""
    if services.clear_environment_value(application, name=name):
        messages.success(request, _("%s has no value of its own any more.") % name)
    return redirect("workflows:environment", slug=application.slug)
