"""Cells that several lists show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _


def pill_column(name: str = "status") -> Callable[[Any], SafeString]:
    """The field `name` as a pill."""

    @admin.display(description=_("status"), ordering=name)
    def status(row: Any) -> SafeString:
        return render_to_string(
            "components/pill.html",
            {"status": getattr(row, name), "label": getattr(row, f"get_{name}_display")()},
        )

    return status


def link(label: object, name: str, *args: object) -> SafeString | str:
    """The label, linked where the page exists."""
    try:
        return format_html('<a href="{}">{}</a>', reverse(name, args=args), label)
    except NoReverseMatch:
        return str(label)
