"""A long page is kept in parts, so that none is held whole; what is there stays one part, which begins at 0."""

from django.db import migrations, models

_KEY = "ALTER TABLE datasets_documentpage DROP CONSTRAINT datasets_documentpage_pkey, ADD PRIMARY KEY ({columns})"


class Migration(migrations.Migration):
    dependencies = [("datasets", "0009_own_settings_and_hits")]

    operations = [
        migrations.AddField(
            model_name="documentpage",
            name="char_start",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    _KEY.format(columns="document_id, version, number, char_start"),
                    _KEY.format(columns="document_id, version, number"),
                )
            ],
            state_operations=[
                migrations.AlterField(
                    model_name="documentpage",
                    name="pk",
                    field=models.CompositePrimaryKey(
                        "document_id",
                        "version",
                        "number",
                        "char_start",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
            ],
        ),
        migrations.AlterModelOptions(
            name="documentpage",
            options={
                "ordering": ["document_id", "version", "number", "char_start"],
                "verbose_name": "page",
                "verbose_name_plural": "pages",
            },
        ),
    ]
