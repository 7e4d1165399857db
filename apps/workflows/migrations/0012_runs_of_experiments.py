"""Runs may be those of experiments."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('workflows', '0011_callers_trace'),
    ]

    operations = [
        migrations.AlterField(
            model_name='conversation',
            name='source',
            field=models.CharField(choices=[('api', 'API'), ('console', 'Playground'), ('public', 'Chat page'), ('shell', 'Shell'), ('trigger', 'Trigger'), ('experiment', 'Experiment')], max_length=20, verbose_name='source'),
        ),
        migrations.AlterField(
            model_name='run',
            name='source',
            field=models.CharField(choices=[('api', 'API'), ('console', 'Playground'), ('public', 'Chat page'), ('shell', 'Shell'), ('trigger', 'Trigger'), ('experiment', 'Experiment')], max_length=20, verbose_name='source'),
        ),
    ]
