"""Every gate goes by a version of its golden set; 0014 has given one to those from before."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('annotations', '0014_gates_name_a_version_of_their_set'),
    ]

    operations = [
        migrations.AlterField(
            model_name='publishgate',
            name='set_version',
            field=models.PositiveIntegerField(validators=[django.core.validators.MinValueValidator(1)], verbose_name='version of the set'),
        ),
    ]
