"""Traces may be those of experiments."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('traces', '0011_spans_of_our_runs'),
    ]

    operations = [
        migrations.AlterField(
            model_name='trace',
            name='source',
            field=models.CharField(choices=[('api', 'API'), ('console', 'Playground'), ('public', 'Chat page'), ('shell', 'Shell'), ('trigger', 'Trigger'), ('experiment', 'Experiment'), ('otlp', 'OpenTelemetry')], max_length=20, verbose_name='source'),
        ),
    ]
