"""Gates go by one version of their golden set: those from before by the one that they went by until now, the newest."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('annotations', '0013_filters_and_persons_of_training_sets'),
    ]

    operations = [
        migrations.AddField(
            model_name='publishgate',
            name='set_version',
            field=models.PositiveIntegerField(null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='version of the set'),
        ),
        migrations.RunSQL(
            """
            UPDATE annotations_publishgate AS gate SET set_version = golden.version
            FROM annotations_goldenset AS golden WHERE golden.id = gate.golden_set_id;
            """,
            migrations.RunSQL.noop,
        ),
    ]
