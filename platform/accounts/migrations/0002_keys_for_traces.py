from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="apikey",
            name="subject_kind",
            field=models.CharField(
                choices=[("app", "App"), ("dataset", "Dataset"), ("traces", "Traces")],
                max_length=20,
                verbose_name="opens",
            ),
        ),
    ]
