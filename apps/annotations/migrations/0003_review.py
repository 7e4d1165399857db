"""The review screens' entry in the admin: a proxy without a table."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('annotations', '0002_original_answer_is_immutable'),
    ]

    operations = [
        migrations.CreateModel(
            name='Review',
            fields=[
            ],
            options={
                'verbose_name': 'answer to review',
                'verbose_name_plural': 'answers to review',
                'proxy': True,
                'indexes': [],
                'constraints': [],
            },
            bases=('annotations.correction',),
        ),
    ]
