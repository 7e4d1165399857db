"""Prices of models: a team's own, and the list that ships with the product, to look at."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy

from accounts import selectors as accounts
from model_runtime.price_list import listed_prices, price_file
from providers.models import ModelPrice
from providers.prices import forget_prices
from support.admin import ConsoleModelAdmin


@admin.register(ModelPrice)
class ModelPriceAdmin(ConsoleModelAdmin):
    """Who may manage a team says what it pays. A price for the time to come is entered beside the one before."""

    change_list_template = "admin/providers/modelprice/change_list.html"
    purpose = gettext_lazy("What a million tokens cost where that is not the list price. New calls use it at once.")
    empty_text = gettext_lazy("List prices of well-known models are built in. Enter what differs, or is not listed.")
    list_display = ("model", "provider", "for_input", "for_output", "for_cached", "currency", "valid_from", "note")
    list_filter = ("team", "currency")
    search_fields = ("model", "provider", "note")
    list_select_related = ("team",)
    fieldsets = (
        (None, {"fields": ("team", "model", "provider", "valid_from", "note")}),
        (
            gettext_lazy("Prices of a million tokens"),
            {"fields": ("currency", ("input", "output"), ("cache_read", "cache_write", "reasoning"), "tiers")},
        ),
    )

    @admin.display(description=gettext_lazy("Input"), ordering="input")
    def for_input(self, price: ModelPrice) -> str:
        """What a million tokens of input cost."""
        return _short(price.input)

    @admin.display(description=gettext_lazy("Output"), ordering="output")
    def for_output(self, price: ModelPrice) -> str:
        """What a million tokens of output cost."""
        return _short(price.output)

    @admin.display(description=gettext_lazy("Input from a cache"), ordering="cache_read")
    def for_cached(self, price: ModelPrice) -> str:
        """What a million tokens cost that a cache had."""
        return _short(price.cache_read)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """The team that one works in now, unless the address names another."""
        return {**accounts.form_team(request), **super().get_changeform_initial_data(request)}

    def save_model(self, request: HttpRequest, obj: ModelPrice, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        forget_prices()

    def delete_model(self, request: HttpRequest, obj: ModelPrice) -> None:
        super().delete_model(request, obj)
        forget_prices()

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        super().delete_queryset(request, queryset)
        forget_prices()

    def get_urls(self) -> list[URLPattern]:
        """The built-in list has a page of its own."""
        listed = path("listed/", self.admin_site.admin_view(self.listed), name="providers_modelprice_listed")
        return [listed, *super().get_urls()]

    def listed(self, request: HttpRequest) -> TemplateResponse:
        """The list prices, filtered by what is searched for."""
        asked = request.GET.get("q", "").strip().lower()[:100]
        prices = [price for name, of in sorted(listed_prices().items()) if asked in name for price in of]
        file = price_file()
        context = {
            **self.admin_site.each_context(request),
            "title": gettext_lazy("List prices"),
            "opts": self.opts,
            "prices": prices,
            "asked": asked,
            "source": file["source"],
            "read_on": file["read_on"],
        }
        return TemplateResponse(request, "admin/providers/modelprice/listed.html", context)


def _short(amount: Decimal | None) -> str:
    """As many places as say something, and two at least."""
    if amount is None:
        return "–"
    whole, _point, rest = f"{amount:f}".partition(".")
    return f"{whole}.{rest.rstrip('0').ljust(2, '0')}"
