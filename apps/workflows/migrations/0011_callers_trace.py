"""The trace of a caller that a run is a part of."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("workflows", "0010_replaced_secrets")]

    operations = [
        migrations.AddField(
            model_name="run",
            name="traceparent",
            field=models.CharField(blank=True, default="", editable=False, max_length=55),
        ),
        migrations.AddField(
            model_name="run",
            name="tracestate",
            field=models.CharField(blank=True, default="", editable=False, max_length=512),
        ),
    ]
