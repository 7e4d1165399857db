import django.core.validators
import django.db.models.deletion
import support.ids
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
        ('workflows', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='File',
            fields=[
                ('id', models.UUIDField(default=support.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('origin', models.CharField(choices=[('upload', 'Uploaded'), ('run', 'Made by a run')], default='upload', max_length=20, verbose_name='origin')),
                ('source', models.CharField(max_length=20, verbose_name='source')),
                ('end_user', models.CharField(blank=True, max_length=200, verbose_name='end user')),
                ('name', models.CharField(max_length=255, verbose_name='name')),
                ('extension', models.CharField(blank=True, max_length=20, verbose_name='extension')),
                ('mime_type', models.CharField(max_length=150, verbose_name='type')),
                ('size', models.BigIntegerField(verbose_name='size')),
                ('sha256', models.CharField(max_length=64, verbose_name='SHA-256')),
                ('blob', models.CharField(editable=False, max_length=150)),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('application', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='files', to='workflows.application', verbose_name='app')),
                ('run', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='files', to='workflows.run', verbose_name='run')),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.team', verbose_name='team')),
            ],
            options={
                'verbose_name': 'file',
                'verbose_name_plural': 'files',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['team', '-id'], name='file_team_newest'), models.Index(fields=['application', 'source', 'end_user', '-id'], name='file_of_user'), models.Index(fields=['sha256'], name='file_content')],
            },
        ),
        migrations.CreateModel(
            name='Toolset',
            fields=[
                ('id', models.UUIDField(default=support.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(help_text="The middle of a tool's full name, as in openapi/weather/forecast.", max_length=60, validators=[django.core.validators.RegexValidator('^[a-z0-9][a-z0-9_-]*$', 'Small letters, digits, dash and underscore.')], verbose_name='name')),
                ('title', models.CharField(blank=True, max_length=200, verbose_name='title')),
                ('description', models.TextField(blank=True, verbose_name='description')),
                ('base_url', models.CharField(max_length=500, validators=[django.core.validators.URLValidator(schemes=['http', 'https'])], verbose_name='address')),
                ('operations', models.JSONField(default=list, editable=False, verbose_name='operations')),
                ('auth', models.CharField(choices=[('none', 'None'), ('bearer', 'Bearer token'), ('basic', 'User and password'), ('header', 'Header'), ('query', 'Query parameter')], default='none', max_length=20, verbose_name='authentication')),
                ('auth_name', models.CharField(blank=True, help_text='For a header or a query parameter.', max_length=100, verbose_name='name of header or parameter')),
                ('encrypted_secret', models.TextField(blank=True, editable=False, verbose_name='secret, encrypted')),
                ('secret_set_at', models.DateTimeField(editable=False, null=True, verbose_name='secret set')),
                ('is_enabled', models.BooleanField(default=True, verbose_name='enabled')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='updated')),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.team', verbose_name='team')),
            ],
            options={
                'verbose_name': 'toolset',
                'verbose_name_plural': 'toolsets',
                'ordering': ['team', 'name'],
                'constraints': [models.UniqueConstraint(fields=('team', 'name'), name='one_toolset_per_name')],
            },
        ),
    ]
