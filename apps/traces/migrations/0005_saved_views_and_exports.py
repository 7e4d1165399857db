"""Tables for saved views, and for jobs over whole lists: exports and changes."""

import django.db.models.deletion
import support.ids
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('traces', '0004_partitions'),
    ]

    operations = [
        migrations.CreateModel(
            name='SavedView',
            fields=[
                ('id', models.UUIDField(default=support.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('team_id', models.UUIDField(verbose_name='team')),
                ('user_id', models.UUIDField(verbose_name='owner')),
                ('user_name', models.CharField(blank=True, max_length=150, verbose_name='owner')),
                ('table', models.CharField(choices=[('traces', 'Traces'), ('spans', 'Spans'), ('thoughts', 'Agent thoughts')], max_length=20, verbose_name='list')),
                ('name', models.CharField(max_length=60, verbose_name='name')),
                ('query', models.CharField(blank=True, max_length=4000, verbose_name='filters')),
                ('is_shared', models.BooleanField(default=False, verbose_name='shared with the team')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='changed')),
            ],
            options={
                'verbose_name': 'saved view',
                'verbose_name_plural': 'saved views',
                'ordering': ['created_at', 'id'],
                'constraints': [models.UniqueConstraint(fields=('team_id', 'user_id', 'table', 'name'), name='one_view_by_name')],
            },
        ),
        migrations.CreateModel(
            name='TraceChange',
            fields=[
                ('id', models.UUIDField(default=support.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('team_id', models.UUIDField(verbose_name='team')),
                ('user_id', models.UUIDField(verbose_name='asked by')),
                ('user_name', models.CharField(blank=True, max_length=150, verbose_name='asked by')),
                ('team_ids', models.JSONField(null=True, verbose_name='teams')),
                ('table', models.CharField(choices=[('traces', 'Traces'), ('spans', 'Spans'), ('thoughts', 'Agent thoughts')], max_length=20, verbose_name='list')),
                ('question', models.JSONField(default=dict, verbose_name='filters')),
                ('status', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('completed', 'Completed'), ('failed', 'Failed'), ('stopped', 'Stopped')], default='queued', max_length=20, verbose_name='status')),
                ('rows_done', models.BigIntegerField(default=0, verbose_name='rows')),
                ('rows_expected', models.BigIntegerField(default=0, verbose_name='expected rows')),
                ('cursor', models.CharField(blank=True, max_length=120)),
                ('error', models.TextField(blank=True, verbose_name='error')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='asked')),
                ('started_at', models.DateTimeField(null=True, verbose_name='started')),
                ('beat_at', models.DateTimeField(null=True, verbose_name='last heard of')),
                ('finished_at', models.DateTimeField(null=True, verbose_name='finished')),
                ('action', models.CharField(choices=[('add_tag', 'Add a tag'), ('remove_tag', 'Remove a tag'), ('delete', 'Delete')], max_length=20, verbose_name='action')),
                ('value', models.CharField(blank=True, max_length=60, verbose_name='tag')),
            ],
            options={
                'verbose_name': 'trace change',
                'verbose_name_plural': 'trace changes',
                'ordering': ['-created_at', '-id'],
                'indexes': [models.Index(fields=['team_id', '-created_at'], name='trace_change_newest'), models.Index(condition=models.Q(('status__in', ['queued', 'running'])), fields=['beat_at'], name='trace_change_waiting')],
            },
        ),
        migrations.CreateModel(
            name='TraceExport',
            fields=[
                ('id', models.UUIDField(default=support.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('team_id', models.UUIDField(verbose_name='team')),
                ('user_id', models.UUIDField(verbose_name='asked by')),
                ('user_name', models.CharField(blank=True, max_length=150, verbose_name='asked by')),
                ('team_ids', models.JSONField(null=True, verbose_name='teams')),
                ('table', models.CharField(choices=[('traces', 'Traces'), ('spans', 'Spans'), ('thoughts', 'Agent thoughts')], max_length=20, verbose_name='list')),
                ('question', models.JSONField(default=dict, verbose_name='filters')),
                ('status', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('completed', 'Completed'), ('failed', 'Failed'), ('stopped', 'Stopped')], default='queued', max_length=20, verbose_name='status')),
                ('rows_done', models.BigIntegerField(default=0, verbose_name='rows')),
                ('rows_expected', models.BigIntegerField(default=0, verbose_name='expected rows')),
                ('cursor', models.CharField(blank=True, max_length=120)),
                ('error', models.TextField(blank=True, verbose_name='error')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='asked')),
                ('started_at', models.DateTimeField(null=True, verbose_name='started')),
                ('beat_at', models.DateTimeField(null=True, verbose_name='last heard of')),
                ('finished_at', models.DateTimeField(null=True, verbose_name='finished')),
                ('format', models.CharField(choices=[('csv', 'CSV, for spreadsheets'), ('jsonl', 'JSON lines, for programs')], max_length=10, verbose_name='format')),
                ('with_payloads', models.BooleanField(default=False, verbose_name='whole inputs and outputs')),
                ('path', models.CharField(blank=True, max_length=200)),
                ('size', models.BigIntegerField(default=0, verbose_name='size')),
                ('expires_at', models.DateTimeField(null=True, verbose_name='kept until')),
            ],
            options={
                'verbose_name': 'trace export',
                'verbose_name_plural': 'trace exports',
                'ordering': ['-created_at', '-id'],
                'indexes': [models.Index(fields=['team_id', '-created_at'], name='trace_export_newest'), models.Index(condition=models.Q(('status__in', ['queued', 'running'])), fields=['beat_at'], name='trace_export_waiting')],
            },
        ),
        migrations.CreateModel(
            name='DefaultView',
            fields=[
                ('id', models.UUIDField(default=support.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('team_id', models.UUIDField(verbose_name='team')),
                ('user_id', models.UUIDField(verbose_name='user')),
                ('table', models.CharField(choices=[('traces', 'Traces'), ('spans', 'Spans'), ('thoughts', 'Agent thoughts')], max_length=20, verbose_name='list')),
                ('view', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='defaults', to='traces.savedview', verbose_name='view')),
            ],
            options={
                'verbose_name': 'default view',
                'verbose_name_plural': 'default views',
                'constraints': [models.UniqueConstraint(fields=('team_id', 'user_id', 'table'), name='one_default_view')],
            },
        ),
    ]
