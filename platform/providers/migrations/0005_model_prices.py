"""Makes the table of prices that teams pay."""

from decimal import Decimal

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import support.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_keys_for_traces"),
        ("providers", "0004_pace"),
    ]

    operations = [
        migrations.CreateModel(
            name="ModelPrice",
            fields=[
                ("id", models.UUIDField(default=support.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "model",
                    models.CharField(
                        help_text="A name as providers write it; * stands for any characters, as in gpt-4o*.",
                        max_length=200,
                        validators=[django.core.validators.RegexValidator("^\\S+$", "A name has no spaces.")],
                        verbose_name="model",
                    ),
                ),
                (
                    "provider",
                    models.CharField(
                        blank=True,
                        help_text="The name of a provider; empty for any. Prices for one provider come first.",
                        max_length=100,
                        verbose_name="only through",
                    ),
                ),
                (
                    "currency",
                    models.CharField(
                        choices=[("USD", "US dollar"), ("EUR", "Euro"), ("CNY", "Chinese yuan")],
                        default="USD",
                        help_text="List prices are in US dollars. Amounts in different currencies are never added up.",
                        max_length=3,
                        verbose_name="currency",
                    ),
                ),
                (
                    "input",
                    models.DecimalField(
                        decimal_places=6,
                        help_text="Price of a million tokens.",
                        max_digits=14,
                        validators=[django.core.validators.MinValueValidator(Decimal("0"))],
                        verbose_name="input",
                    ),
                ),
                (
                    "output",
                    models.DecimalField(
                        decimal_places=6,
                        help_text="Price of a million tokens.",
                        max_digits=14,
                        validators=[django.core.validators.MinValueValidator(Decimal("0"))],
                        verbose_name="output",
                    ),
                ),
                (
                    "cache_read",
                    models.DecimalField(
                        blank=True,
                        decimal_places=6,
                        help_text="Empty: as input.",
                        max_digits=14,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(Decimal("0"))],
                        verbose_name="input from a cache",
                    ),
                ),
                (
                    "cache_write",
                    models.DecimalField(
                        blank=True,
                        decimal_places=6,
                        help_text="Empty: as input.",
                        max_digits=14,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(Decimal("0"))],
                        verbose_name="input written to a cache",
                    ),
                ),
                (
                    "reasoning",
                    models.DecimalField(
                        blank=True,
                        decimal_places=6,
                        help_text="Empty: as output.",
                        max_digits=14,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(Decimal("0"))],
                        verbose_name="reasoning",
                    ),
                ),
                (
                    "tiers",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text='Of calls with more input, as in [{"above": 200000, "input": "2.5", "output": "15"}].',
                        verbose_name="prices of large calls",
                    ),
                ),
                (
                    "valid_from",
                    models.DateField(
                        blank=True,
                        help_text="Empty: for as long as there are calls.",
                        null=True,
                        verbose_name="valid from",
                    ),
                ),
                (
                    "note",
                    models.CharField(
                        blank=True,
                        help_text="For example the contract it is from.",
                        max_length=200,
                        verbose_name="note",
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                ("updated_at", models.DateTimeField(auto_now=True, verbose_name="changed")),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="model_prices",
                        to="accounts.team",
                        verbose_name="team",
                    ),
                ),
            ],
            options={
                "verbose_name": "model price",
                "verbose_name_plural": "model prices",
                "ordering": ["team", "model", "-valid_from"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("team", "model", "provider", "valid_from"),
                        name="one_price_from_a_day",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
    ]
