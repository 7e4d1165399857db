"""Secrets that were replaced, so that what earlier runs wrote stays covered up."""

import django.db.models.deletion
from django.db import migrations, models

import support.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("workflows", "0009_notes"),
    ]

    operations = [
        migrations.CreateModel(
            name="ReplacedSecret",
            fields=[
                ("encrypted_secret", models.TextField(blank=True, editable=False)),
                ("secret_set_at", models.DateTimeField(editable=False, null=True)),
                ("id", models.UUIDField(default=support.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=64, verbose_name="name")),
                ("replaced_at", models.DateTimeField(auto_now_add=True, verbose_name="replaced")),
                (
                    "application",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="replaced_secrets",
                        to="workflows.application",
                        verbose_name="app",
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.team",
                        verbose_name="team",
                    ),
                ),
            ],
            options={
                "verbose_name": "replaced secret",
                "verbose_name_plural": "replaced secrets",
                "ordering": ["id"],
            },
        ),
    ]
