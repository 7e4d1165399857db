from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("traces", "0009_policies"),
    ]

    operations = [
        migrations.AddField(
            model_name="trace",
            name="root_key",
            field=models.CharField(blank=True, max_length=16, default=""),
            preserve_default=False,
        ),
    ]
