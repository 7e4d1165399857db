"""Gates and scores go when their team does. What they go by still cannot be deleted alone."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('annotations', '0019_fill_who_stands_for_answers'),
    ]

    operations = [
        migrations.AlterField(
            model_name='publishgate',
            name='evaluator',
            field=models.ForeignKey(on_delete=django.db.models.deletion.RESTRICT, related_name='gates', to='annotations.evaluator', verbose_name='evaluator'),
        ),
        migrations.AlterField(
            model_name='publishgate',
            name='golden_set',
            field=models.ForeignKey(on_delete=django.db.models.deletion.RESTRICT, related_name='gates', to='annotations.goldenset', verbose_name='golden set'),
        ),
        migrations.AlterField(
            model_name='queuequestion',
            name='config',
            field=models.ForeignKey(on_delete=django.db.models.deletion.RESTRICT, related_name='+', to='annotations.scoreconfig', verbose_name='question'),
        ),
        migrations.AlterField(
            model_name='score',
            name='config',
            field=models.ForeignKey(on_delete=django.db.models.deletion.RESTRICT, related_name='scores', to='annotations.scoreconfig', verbose_name='question'),
        ),
    ]
