"""Notes of versions, slugs in any alphabet, and columns that say what is published rather than what is a draft."""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def follow_what_is_published(apps: StateApps, _schema: BaseDatabaseSchemaEditor) -> None:
    """Each published app says again what its published version says."""
    applications = apps.get_model("workflows", "Application").objects
    for application in applications.filter(live__isnull=False).select_related("live").iterator(chunk_size=100):
        facts = application.live.document["app"]
        applications.filter(id=application.id).update(name=facts["name"], kind=facts.get("kind", "chat"))


class Migration(migrations.Migration):
    dependencies = [("workflows", "0008_deliveries")]

    operations = [
        migrations.AddField(
            model_name="version",
            name="notes",
            field=models.JSONField(blank=True, default=list, editable=False),
        ),
        migrations.AlterField(
            model_name="application",
            name="slug",
            field=models.SlugField(allow_unicode=True, max_length=80, unique=True, verbose_name="slug"),
        ),
        migrations.RunPython(follow_what_is_published, migrations.RunPython.noop),
    ]
