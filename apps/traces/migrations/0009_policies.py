"""Makes the tables of policies, of what follows from them, and of deletions on request."""

import django.core.validators
from django.db import migrations, models

import support.ids


class Migration(migrations.Migration):
    dependencies = [
        ("traces", "0008_destinations"),
    ]

    operations = [
        migrations.CreateModel(
            name="Erasure",
            fields=[
                ("id", models.UUIDField(default=support.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("team_id", models.UUIDField(verbose_name="team")),
                ("person", models.CharField(max_length=64, verbose_name="person")),
                ("requested_by", models.CharField(max_length=150, verbose_name="requested by")),
                ("reason", models.CharField(blank=True, max_length=200, verbose_name="reason")),
                ("traces", models.PositiveIntegerField(default=0, verbose_name="traces")),
                ("spans", models.PositiveIntegerField(default=0, verbose_name="spans")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="requested")),
                ("finished_at", models.DateTimeField(null=True, verbose_name="finished")),
            ],
            options={
                "verbose_name": "deletion on request",
                "verbose_name_plural": "deletions on request",
                "ordering": ["-created_at"],
            },
        ),
        migrations.CreateModel(
            name="KeptTrace",
            fields=[
                ("trace_id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("team_id", models.UUIDField()),
                ("reason", models.CharField(max_length=40)),
                ("kept_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name="PassedOver",
            fields=[
                ("trace_id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("team_id", models.UUIDField()),
            ],
        ),
        migrations.CreateModel(
            name="TracePolicy",
            fields=[
                ("id", models.UUIDField(default=support.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("team_id", models.UUIDField(verbose_name="team")),
                ("application_id", models.UUIDField(blank=True, null=True, verbose_name="app")),
                ("application_name", models.CharField(blank=True, max_length=200, verbose_name="app")),
                (
                    "sample_percent",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        help_text="Percent of runs that succeed. All are counted; others and reviewed ones are kept.",
                        max_digits=5,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(100),
                        ],
                        verbose_name="keep",
                    ),
                ),
                (
                    "retention_days",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Days. Traces that somebody reviewed are kept longer.",
                        null=True,
                        validators=[django.core.validators.MinValueValidator(1)],
                        verbose_name="keep for",
                    ),
                ),
                ("personal", models.JSONField(blank=True, default=list, verbose_name="take out")),
                ("own_rules", models.JSONField(blank=True, default=list, verbose_name="rules of your own")),
                ("updated_at", models.DateTimeField(auto_now=True, verbose_name="changed")),
            ],
            options={
                "verbose_name": "trace policy",
                "verbose_name_plural": "trace policies",
                "ordering": ["application_name", "id"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("team_id", "application_id"), name="one_policy_for_each_app", nulls_distinct=False
                    )
                ],
            },
        ),
    ]
