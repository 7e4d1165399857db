"""Where traces are sent on to, and what waits to be sent."""

import support.ids
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('traces', '0007_rollups'),
    ]

    operations = [
        migrations.CreateModel(
            name='TraceDestination',
            fields=[
                ('encrypted_secret', models.TextField(blank=True, editable=False)),
                ('secret_set_at', models.DateTimeField(editable=False, null=True)),
                ('id', models.UUIDField(default=support.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('team_id', models.UUIDField(unique=True, verbose_name='team')),
                ('endpoint', models.CharField(max_length=500, verbose_name='address')),
                ('is_on', models.BooleanField(default=True, verbose_name='send')),
                ('with_content', models.BooleanField(default=False, verbose_name='with content')),
                ('sent', models.BigIntegerField(default=0, verbose_name='sent')),
                ('dropped', models.BigIntegerField(default=0, verbose_name='given up')),
                ('last_sent_at', models.DateTimeField(null=True, verbose_name='last sent')),
                ('last_error', models.CharField(blank=True, max_length=300, verbose_name='last error')),
                ('last_error_at', models.DateTimeField(null=True)),
                ('paused_until', models.DateTimeField(null=True)),
                ('failures', models.PositiveIntegerField(default=0)),
                ('busy_by', models.CharField(blank=True, max_length=32)),
                ('busy_until', models.DateTimeField(null=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'verbose_name': 'destination of traces',
                'verbose_name_plural': 'destinations of traces',
            },
        ),
        migrations.CreateModel(
            name='OutgoingTrace',
            fields=[
                ('trace_id', models.UUIDField(primary_key=True, serialize=False)),
                ('team_id', models.UUIDField()),
                ('queued_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'verbose_name': 'outgoing trace',
                'verbose_name_plural': 'outgoing traces',
                'indexes': [models.Index(fields=['team_id', 'trace_id'], name='outgoing_of_team')],
            },
        ),
    ]
