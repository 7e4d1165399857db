import django.db.models.deletion
from django.db import migrations, models

import support.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("workflows", "0005_forks_and_blobs"),
    ]

    operations = [
        migrations.AddField(
            model_name="run",
            name="entry",
            field=models.CharField(blank=True, max_length=64, verbose_name="began at"),
        ),
        migrations.AlterField(
            model_name="conversation",
            name="source",
            field=models.CharField(
                choices=[
                    ("api", "API"),
                    ("console", "Playground"),
                    ("public", "Chat page"),
                    ("shell", "Shell"),
                    ("trigger", "Trigger"),
                ],
                max_length=20,
                verbose_name="source",
            ),
        ),
        migrations.AlterField(
            model_name="run",
            name="source",
            field=models.CharField(
                choices=[
                    ("api", "API"),
                    ("console", "Playground"),
                    ("public", "Chat page"),
                    ("shell", "Shell"),
                    ("trigger", "Trigger"),
                ],
                max_length=20,
                verbose_name="source",
            ),
        ),
        migrations.CreateModel(
            name="Trigger",
            fields=[
                ("id", models.UUIDField(default=support.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("node_id", models.CharField(max_length=64, verbose_name="node")),
                (
                    "kind",
                    models.CharField(
                        choices=[("trigger-webhook", "Webhook"), ("trigger-schedule", "Schedule")],
                        max_length=20,
                        verbose_name="kind",
                    ),
                ),
                ("config", models.JSONField(default=dict, editable=False)),
                ("title", models.CharField(blank=True, max_length=200, verbose_name="title")),
                ("token_hash", models.CharField(blank=True, editable=False, max_length=64)),
                ("encrypted_secret", models.TextField(blank=True, editable=False, verbose_name="token, encrypted")),
                ("secret_set_at", models.DateTimeField(editable=False, null=True, verbose_name="address made")),
                ("is_enabled", models.BooleanField(default=True, verbose_name="enabled")),
                ("is_published", models.BooleanField(default=True, verbose_name="published")),
                ("next_at", models.DateTimeField(blank=True, null=True, verbose_name="next time")),
                ("last_at", models.DateTimeField(blank=True, null=True, verbose_name="last time")),
                ("last_error", models.CharField(blank=True, max_length=500, verbose_name="last error")),
                ("fired", models.PositiveIntegerField(default=0, verbose_name="times fired")),
                ("refused", models.PositiveIntegerField(default=0, verbose_name="requests refused")),
                ("missed", models.PositiveIntegerField(default=0, verbose_name="times missed")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                ("updated_at", models.DateTimeField(auto_now=True, verbose_name="updated")),
                (
                    "application",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="triggers",
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
                "verbose_name": "trigger",
                "verbose_name_plural": "triggers",
                "ordering": ["application", "kind", "node_id"],
            },
        ),
        migrations.CreateModel(
            name="Firing",
            fields=[
                ("id", models.UUIDField(default=support.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("due_at", models.DateTimeField(blank=True, null=True, verbose_name="due")),
                ("missed", models.PositiveIntegerField(default=0, verbose_name="missed before")),
                ("idempotency_key", models.CharField(blank=True, max_length=255, verbose_name="idempotency key")),
                ("digest", models.CharField(blank=True, editable=False, max_length=64)),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="fired")),
                (
                    "run",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="firings",
                        to="workflows.run",
                        verbose_name="run",
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
                (
                    "trigger",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="firings",
                        to="workflows.trigger",
                        verbose_name="trigger",
                    ),
                ),
            ],
            options={
                "verbose_name": "firing",
                "verbose_name_plural": "firings",
                "ordering": ["-id"],
            },
        ),
        migrations.AddIndex(
            model_name="trigger",
            index=models.Index(
                condition=models.Q(("is_enabled", True), ("is_published", True)), fields=["next_at"], name="trigger_due"
            ),
        ),
        migrations.AddIndex(
            model_name="trigger",
            index=models.Index(fields=["team", "-id"], name="trigger_team_newest"),
        ),
        migrations.AddConstraint(
            model_name="trigger",
            constraint=models.UniqueConstraint(fields=("application", "node_id"), name="one_trigger_per_node"),
        ),
        migrations.AddConstraint(
            model_name="trigger",
            constraint=models.UniqueConstraint(
                condition=models.Q(("token_hash", ""), _negated=True),
                fields=("token_hash",),
                name="one_trigger_per_token",
            ),
        ),
        migrations.AddIndex(
            model_name="firing",
            index=models.Index(fields=["trigger", "-id"], name="firing_trigger_newest"),
        ),
        migrations.AddConstraint(
            model_name="firing",
            constraint=models.UniqueConstraint(fields=("trigger", "due_at"), name="one_firing_per_due_time"),
        ),
        migrations.AddConstraint(
            model_name="firing",
            constraint=models.UniqueConstraint(
                condition=models.Q(("idempotency_key", ""), _negated=True),
                fields=("trigger", "idempotency_key"),
                name="one_firing_per_key",
            ),
        ),
    ]
