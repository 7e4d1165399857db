"""Experiments are numbered on their golden set: those from before in the order in which they were begun."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('annotations', '0015_gates_need_a_version'),
    ]

    operations = [
        migrations.AddField(
            model_name='goldenset',
            name='next_experiment',
            field=models.PositiveIntegerField(default=1, editable=False),
        ),
        migrations.AddField(
            model_name='experiment',
            name='number',
            field=models.PositiveIntegerField(null=True, verbose_name='number'),
        ),
        migrations.RunSQL(
            """
            UPDATE annotations_experiment AS experiment SET number = numbered.number
            FROM (
                SELECT id, row_number() OVER (PARTITION BY golden_set_id ORDER BY id) AS number
                FROM annotations_experiment
            ) AS numbered
            WHERE numbered.id = experiment.id;
            UPDATE annotations_goldenset AS golden SET next_experiment = 1 + (
                SELECT count(*) FROM annotations_experiment AS experiment WHERE experiment.golden_set_id = golden.id
            );
            """,
            migrations.RunSQL.noop,
        ),
    ]
