"""Makes the tables of traces, spans, payloads and thoughts anew as partitioned ones, with what they hold."""

import datetime as dt

import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
from django.db import migrations, models

from support.ids import earliest

#: Of each table: the column its partitions are ranges of, and what its new columns hold in old rows.
TABLES = {
    "Trace": (
        "id",
        {
            "session": "coalesce(conversation_id::text, '')",
            "external_id": "''",
            "external_parent": "''",
            "environment": "''",
            "release": "''",
            "cache_write_tokens": "0",
            "currency": "''",
            "unpriced_calls": "0",
            "models_used": "'[]'",
            "updated_at": "started_at",
        },
    ),
    "Span": (
        "id",
        {
            "application_name": "''",
            "session": "coalesce(conversation_id::text, '')",
            "environment": "''",
            "release": "''",
            "tags": "'[]'",
            "key": "right(replace(id::text, '-', ''), 16)",
            "parent_key": "coalesce(right(replace(parent_id::text, '-', ''), 16), '')",
            "cache_write_tokens": "0",
            "currency": "''",
            "search": "to_tsvector('simple', concat_ws(' ', name, input_preview, output_preview, error_message))",
        },
    ),
    "SpanPayload": (
        "span_id",
        {"attributes": "'{}'", "events": "'[]'", "links": "'[]'", "usage": "'{}'", "costs": "'{}'"},
    ),
    "AgentThought": ("id", {"cache_write_tokens": "0"}),
}
#: Large columns, compressed with lz4 where the server can: it is several times faster than what it does otherwise.
LARGE = {
    "Trace": ("input", "output"),
    "SpanPayload": ("inputs", "outputs", "process", "text", "attributes"),
    "AgentThought": ("thought", "observation", "tool_input"),
}


def partition(apps, schema_editor):
    """Make each table again, partitioned by month, and move the rows over."""
    for name, (key, new) in TABLES.items():
        model = apps.get_model("traces", name)
        table = model._meta.db_table
        old = f"{table}_before"
        run = schema_editor.execute
        run(f"ALTER TABLE {table} RENAME TO {old}")
        run(f"ALTER TABLE {old} RENAME CONSTRAINT {table}_pkey TO {old}_pkey")
        _make(schema_editor, model, key)
        if "lz4" in _compressions(schema_editor):
            for column in LARGE.get(name, ()):
                run(f"ALTER TABLE {table} ALTER COLUMN {column} SET COMPRESSION lz4")
        run(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")
        for month in _months(schema_editor, old, key):
            bounds = f"FROM ('{earliest(month)}') TO ('{earliest(_next(month))}')"
            run(f"CREATE TABLE {table}_{month:%Y_%m} PARTITION OF {table} FOR VALUES {bounds}")
        columns = [name for name in _columns(schema_editor, old) if name != "parent_id"]
        kept = ", ".join(f'"{column}"' for column in columns)
        added, values = ", ".join(f'"{column}"' for column in new), ", ".join(new.values())
        run(f"INSERT INTO {table} ({kept}, {added}) SELECT {kept}, {values} FROM {old}")
    for name in reversed(TABLES):
        schema_editor.execute(f"DROP TABLE {apps.get_model('traces', name)._meta.db_table}_before CASCADE")


def _make(schema_editor, model, key):
    usual = schema_editor.sql_create_table
    schema_editor.sql_create_table = f"{usual} PARTITION BY RANGE ({key})"
    try:
        schema_editor.create_model(model)
    finally:
        schema_editor.sql_create_table = usual


def _months(schema_editor, table, key):
    """The months of the rows, and this one and the next."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT date_trunc('month', to_timestamp(('x' || left(replace({key}::text, '-', ''), 12))"
            f"::bit(48)::bigint / 1000.0) AT TIME ZONE 'UTC') FROM {table}"
        )
        found = {row[0].replace(tzinfo=dt.UTC) for row in cursor.fetchall()}
    now = dt.datetime.now(dt.UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    # Ids of another making may name any time; those rows go to the partition of the rest.
    sensible = {month for month in found if dt.datetime(2020, 1, 1, tzinfo=dt.UTC) <= month <= now}
    return sorted(sensible | {now, _next(now)})


def _next(month):
    return (month + dt.timedelta(days=32)).replace(day=1)


def _columns(schema_editor, table):
    with schema_editor.connection.cursor() as cursor:
        return [column.name for column in schema_editor.connection.introspection.get_table_description(cursor, table)]


def _compressions(schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT enumvals FROM pg_settings WHERE name = 'default_toast_compression'")
        found = cursor.fetchone()
    return found[0] if found else []


class Migration(migrations.Migration):
    dependencies = [
        ("traces", "0003_runs_of_triggers"),
    ]

    operations = [
        migrations.CreateModel(
            name="ForeignTrace",
            fields=[
                ("trace_id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("team_id", models.UUIDField()),
                ("external_id", models.CharField(max_length=32)),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterModelOptions(
                    name="span",
                    options={
                        "ordering": ["trace", "position", "started_at", "id"],
                        "verbose_name": "span",
                        "verbose_name_plural": "spans",
                    },
                ),
                migrations.RemoveField(
                    model_name="span",
                    name="parent_id",
                ),
                migrations.AddField(
                    model_name="agentthought",
                    name="cache_write_tokens",
                    field=models.BigIntegerField(default=0, verbose_name="tokens written to a cache"),
                ),
                migrations.AddField(
                    model_name="agentthought",
                    name="price_id",
                    field=models.UUIDField(null=True),
                ),
                migrations.AddField(
                    model_name="span",
                    name="application_name",
                    field=models.CharField(blank=True, max_length=200, verbose_name="app"),
                ),
                migrations.AddField(
                    model_name="span",
                    name="cache_write_tokens",
                    field=models.BigIntegerField(default=0, verbose_name="tokens written to a cache"),
                ),
                migrations.AddField(
                    model_name="span",
                    name="cost",
                    field=models.DecimalField(decimal_places=10, max_digits=20, null=True, verbose_name="cost"),
                ),
                migrations.AddField(
                    model_name="span",
                    name="currency",
                    field=models.CharField(blank=True, max_length=3, verbose_name="currency"),
                ),
                migrations.AddField(
                    model_name="span",
                    name="environment",
                    field=models.CharField(blank=True, max_length=100, verbose_name="environment"),
                ),
                migrations.AddField(
                    model_name="span",
                    name="key",
                    field=models.CharField(default="", max_length=16),
                    preserve_default=False,
                ),
                migrations.AddField(
                    model_name="span",
                    name="parent_key",
                    field=models.CharField(blank=True, max_length=16),
                ),
                migrations.AddField(
                    model_name="span",
                    name="price_id",
                    field=models.UUIDField(null=True),
                ),
                migrations.AddField(
                    model_name="span",
                    name="release",
                    field=models.CharField(blank=True, max_length=100, verbose_name="release"),
                ),
                migrations.AddField(
                    model_name="span",
                    name="search",
                    field=django.contrib.postgres.search.SearchVectorField(null=True),
                ),
                migrations.AddField(
                    model_name="span",
                    name="session",
                    field=models.CharField(blank=True, max_length=200, verbose_name="session"),
                ),
                migrations.AddField(
                    model_name="span",
                    name="tags",
                    field=models.JSONField(default=list, verbose_name="tags"),
                ),
                migrations.AddField(
                    model_name="spanpayload",
                    name="attributes",
                    field=models.JSONField(default=dict, verbose_name="attributes"),
                ),
                migrations.AddField(
                    model_name="spanpayload",
                    name="costs",
                    field=models.JSONField(default=dict, verbose_name="costs"),
                ),
                migrations.AddField(
                    model_name="spanpayload",
                    name="events",
                    field=models.JSONField(default=list, verbose_name="events"),
                ),
                migrations.AddField(
                    model_name="spanpayload",
                    name="links",
                    field=models.JSONField(default=list, verbose_name="links"),
                ),
                migrations.AddField(
                    model_name="spanpayload",
                    name="usage",
                    field=models.JSONField(default=dict, verbose_name="usage"),
                ),
                migrations.AddField(
                    model_name="trace",
                    name="cache_write_tokens",
                    field=models.BigIntegerField(default=0, verbose_name="tokens written to a cache"),
                ),
                migrations.AddField(
                    model_name="trace",
                    name="cost",
                    field=models.DecimalField(decimal_places=10, max_digits=20, null=True, verbose_name="cost"),
                ),
                migrations.AddField(
                    model_name="trace",
                    name="currency",
                    field=models.CharField(blank=True, max_length=3, verbose_name="currency"),
                ),
                migrations.AddField(
                    model_name="trace",
                    name="environment",
                    field=models.CharField(blank=True, max_length=100, verbose_name="environment"),
                ),
                migrations.AddField(
                    model_name="trace",
                    name="external_id",
                    field=models.CharField(blank=True, max_length=32),
                ),
                migrations.AddField(
                    model_name="trace",
                    name="external_parent",
                    field=models.CharField(blank=True, max_length=16),
                ),
                migrations.AddField(
                    model_name="trace",
                    name="models_used",
                    field=models.JSONField(default=list, verbose_name="models"),
                ),
                migrations.AddField(
                    model_name="trace",
                    name="release",
                    field=models.CharField(blank=True, max_length=100, verbose_name="release"),
                ),
                migrations.AddField(
                    model_name="trace",
                    name="session",
                    field=models.CharField(blank=True, max_length=200, verbose_name="session"),
                ),
                migrations.AddField(
                    model_name="trace",
                    name="unpriced_calls",
                    field=models.PositiveIntegerField(default=0, verbose_name="calls without a price"),
                ),
                migrations.AddField(
                    model_name="trace",
                    name="updated_at",
                    field=models.DateTimeField(auto_now=True, verbose_name="last span arrived"),
                ),
                migrations.AlterField(
                    model_name="agentthought",
                    name="application_id",
                    field=models.UUIDField(null=True, verbose_name="app"),
                ),
                migrations.AlterField(
                    model_name="agentthought",
                    name="span",
                    field=models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="thoughts",
                        to="traces.span",
                        verbose_name="span",
                    ),
                ),
                migrations.AlterField(
                    model_name="agentthought",
                    name="trace",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="thoughts",
                        to="traces.trace",
                        verbose_name="trace",
                    ),
                ),
                migrations.AlterField(
                    model_name="span",
                    name="application_id",
                    field=models.UUIDField(null=True, verbose_name="app"),
                ),
                migrations.AlterField(
                    model_name="span",
                    name="kind",
                    field=models.CharField(
                        choices=[
                            ("run", "Run"),
                            ("start", "Start"),
                            ("llm", "Model"),
                            ("retrieval", "Retrieval"),
                            ("branch", "Branch"),
                            ("aggregate", "Aggregator"),
                            ("answer", "Answer"),
                            ("end", "End"),
                            ("code", "Code"),
                            ("template", "Template"),
                            ("http", "HTTP request"),
                            ("tool", "Tool"),
                            ("agent", "Agent"),
                            ("loop", "Loop"),
                            ("human", "Human"),
                            ("embedding", "Embedding"),
                            ("reranker", "Reranker"),
                            ("chain", "Chain"),
                            ("guardrail", "Guardrail"),
                            ("evaluator", "Evaluator"),
                            ("event", "Event"),
                            ("other", "Other"),
                        ],
                        max_length=20,
                        verbose_name="kind",
                    ),
                ),
                migrations.AlterField(
                    model_name="span",
                    name="trace",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="spans",
                        to="traces.trace",
                        verbose_name="trace",
                    ),
                ),
                migrations.AlterField(
                    model_name="spanpayload",
                    name="span",
                    field=models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        primary_key=True,
                        related_name="payload",
                        serialize=False,
                        to="traces.span",
                        verbose_name="span",
                    ),
                ),
                migrations.AlterField(
                    model_name="trace",
                    name="application_id",
                    field=models.UUIDField(null=True, verbose_name="app"),
                ),
                migrations.AlterField(
                    model_name="trace",
                    name="run_id",
                    field=models.UUIDField(null=True, verbose_name="run"),
                ),
                migrations.AlterField(
                    model_name="trace",
                    name="source",
                    field=models.CharField(
                        choices=[
                            ("api", "API"),
                            ("console", "Playground"),
                            ("public", "Chat page"),
                            ("shell", "Shell"),
                            ("trigger", "Trigger"),
                            ("otlp", "OpenTelemetry"),
                        ],
                        max_length=20,
                        verbose_name="source",
                    ),
                ),
                migrations.AddIndex(
                    model_name="span",
                    index=django.contrib.postgres.indexes.GinIndex(fields=["search"], name="span_words"),
                ),
                migrations.AddIndex(
                    model_name="trace",
                    index=models.Index(
                        condition=models.Q(("external_id", ""), _negated=True),
                        fields=["team_id", "external_id"],
                        name="trace_external",
                    ),
                ),
                migrations.AddIndex(
                    model_name="trace",
                    index=models.Index(
                        condition=models.Q(("session", ""), _negated=True),
                        fields=["team_id", "session", "started_at"],
                        name="trace_of_session",
                    ),
                ),
                migrations.AddIndex(
                    model_name="trace",
                    index=models.Index(
                        condition=models.Q(("end_user", ""), _negated=True),
                        fields=["team_id", "end_user", "-started_at"],
                        name="trace_of_user",
                    ),
                ),
            ],
        ),
        migrations.RunPython(partition),
        migrations.AddConstraint(
            model_name="foreigntrace",
            constraint=models.UniqueConstraint(fields=("team_id", "external_id"), name="foreign_trace_once"),
        ),
    ]
