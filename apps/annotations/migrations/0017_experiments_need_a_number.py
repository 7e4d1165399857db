"""Every experiment has a number on its golden set; 0016 has given one to those from before."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('annotations', '0016_experiments_are_numbered'),
    ]

    operations = [
        migrations.AlterField(
            model_name='experiment',
            name='number',
            field=models.PositiveIntegerField(verbose_name='number'),
        ),
        migrations.AddConstraint(
            model_name='experiment',
            constraint=models.UniqueConstraint(fields=('golden_set', 'number'), name='one_experiment_of_a_number'),
        ),
    ]
