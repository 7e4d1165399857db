"""What a team pays for a model, where that is not the list price."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from model_runtime.pricing import Price, Rates
from support.ids import uuid7

_RATES = ("input", "output", "cache_read", "cache_write", "reasoning")


def _rate(label: Any, *, help_text: Any = "", required: bool = False) -> Any:
    return models.DecimalField(
        label,
        max_digits=14,
        decimal_places=6,
        null=not required,
        blank=not required,
        validators=[MinValueValidator(Decimal(0))],
        help_text=help_text,
    )


class ModelPrice(models.Model):
    """A price of a team's own, for one model or all whose names fit a pattern. It comes before the list price."""

    class Currency(models.TextChoices):
        USD = "USD", _("US dollar")
        EUR = "EUR", _("Euro")
        CNY = "CNY", _("Chinese yuan")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey("accounts.Team", models.CASCADE, related_name="model_prices", verbose_name=_("team"))
    model = models.CharField(
        _("model"),
        max_length=200,
        validators=[RegexValidator(r"^\S+$", _("A name has no spaces."))],
        help_text=_("A name as providers write it; * stands for any characters, as in gpt-4o*."),
    )
    provider = models.CharField(
        _("only through"),
        max_length=100,
        blank=True,
        help_text=_("The name of a provider; empty for any. Prices for one provider come first."),
    )
    currency = models.CharField(
        _("currency"),
        max_length=3,
        choices=Currency.choices,
        default=Currency.USD,
        help_text=_("List prices are in US dollars. Amounts in different currencies are never added up."),
    )
    input = _rate(_("input"), required=True, help_text=_("Price of a million tokens."))
    output = _rate(_("output"), required=True, help_text=_("Price of a million tokens."))
    cache_read = _rate(_("input from a cache"), help_text=_("Empty: as input."))
    cache_write = _rate(_("input written to a cache"), help_text=_("Empty: as input."))
    reasoning = _rate(_("reasoning"), help_text=_("Empty: as output."))
    tiers = models.JSONField(
        _("prices of large calls"),
        default=list,
        blank=True,
        help_text=_('Of calls with more input, as in [{"above": 200000, "input": "2.5", "output": "15"}].'),
    )
    valid_from = models.DateField(
        _("valid from"), null=True, blank=True, help_text=_("Empty: for as long as there are calls.")
    )
    note = models.CharField(_("note"), max_length=200, blank=True, help_text=_("For example the contract it is from."))
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        ordering = ["team", "model", "-valid_from"]
        verbose_name = _("model price")
        verbose_name_plural = _("model prices")
        constraints = [
            models.UniqueConstraint(
                fields=["team", "model", "provider", "valid_from"],
                nulls_distinct=False,
                name="one_price_from_a_day",
            )
        ]

    def __str__(self) -> str:
        return self.model

    def clean(self) -> None:
        """Larger calls must be described as the others are, by growing size."""
        super().clean()
        try:
            sizes = [tier.above for tier in self.as_price().tiers]
        except (ArithmeticError, TypeError, ValueError, KeyError, AttributeError) as exc:
            raise ValidationError({"tiers": _("Write a list of objects with above, input and output.")}) from exc
        if sizes != sorted(set(sizes)):
            raise ValidationError({"tiers": _("Sizes must grow from tier to tier.")})

    def as_price(self) -> Price:
        """The row as what costs are reckoned with."""
        rates: dict[str, Any] = {name: Decimal(value) for name in _RATES if (value := getattr(self, name)) is not None}
        return Price(
            id=self.id,
            model=self.model,
            provider=self.provider,
            currency=self.currency,
            since=self.valid_from,
            tiers=(Rates(**rates), *map(_tier, self.tiers)),
        )


def _tier(written: dict[str, Any]) -> Rates:
    given: dict[str, Any] = {name: Decimal(str(written[name])) for name in _RATES if written.get(name) is not None}
    if any(not rate.is_finite() or rate < 0 for rate in given.values()) or int(written["above"]) <= 0:
        raise ValueError("a rate or a size that is none")
    return Rates(above=int(written["above"]), **given)
