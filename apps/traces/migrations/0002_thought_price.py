from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('traces', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='agentthought',
            name='price',
            field=models.DecimalField(decimal_places=10, max_digits=20, null=True, verbose_name='price'),
        ),
        migrations.AddField(
            model_name='agentthought',
            name='currency',
            field=models.CharField(blank=True, default='', max_length=3, verbose_name='currency'),
        ),
    ]
