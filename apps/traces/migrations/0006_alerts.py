"""Makes the tables of alerts: bounds on figures of runs, when they were crossed, and who was told."""

import django.core.validators
import django.db.models.deletion
import support.ids
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('traces', '0005_saved_views_and_exports'),
    ]

    operations = [
        migrations.CreateModel(
            name='Alert',
            fields=[
                ('encrypted_secret', models.TextField(blank=True, editable=False)),
                ('secret_set_at', models.DateTimeField(editable=False, null=True)),
                ('id', models.UUIDField(default=support.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('team_id', models.UUIDField(editable=False, verbose_name='team')),
                ('name', models.CharField(max_length=120, verbose_name='name')),
                ('is_enabled', models.BooleanField(default=True, verbose_name='enabled')),
                ('measure', models.CharField(choices=[('error_rate', 'Share of failed runs, %'), ('errors', 'Failed runs'), ('runs', 'Runs'), ('latency_p50', 'Duration, median, s'), ('latency_p95', 'Duration, 95th percentile, s'), ('latency_p99', 'Duration, 99th percentile, s'), ('first_text_p95', 'Time to first text, 95th percentile, s'), ('cost', 'Cost'), ('tokens', 'Tokens'), ('dislikes', 'Answers marked as not helpful'), ('dislike_rate', 'Share of verdicts that say not helpful, %')], default='error_rate', max_length=20, verbose_name='figure')),
                ('direction', models.CharField(choices=[('above', 'Above'), ('below', 'Below')], default='above', max_length=10, verbose_name='fires when it is')),
                ('threshold', models.DecimalField(decimal_places=6, max_digits=18, validators=[django.core.validators.MinValueValidator(0)], verbose_name='threshold')),
                ('application_id', models.UUIDField(blank=True, null=True, verbose_name='app')),
                ('application_name', models.CharField(blank=True, editable=False, max_length=200)),
                ('window_minutes', models.PositiveIntegerField(choices=[(5, '5 minutes'), (15, '15 minutes'), (30, '30 minutes'), (60, '1 hour'), (180, '3 hours'), (360, '6 hours'), (1440, '1 day'), (10080, '7 days')], default=60, verbose_name='over the last')),
                ('every_minutes', models.PositiveIntegerField(choices=[(1, 'Every minute'), (5, 'Every 5 minutes'), (15, 'Every 15 minutes'), (60, 'Every hour')], default=5, verbose_name='checked')),
                ('least_runs', models.PositiveIntegerField(default=5, help_text='Runs (or verdicts) in the window; with fewer there is no data. Sums and counts need none.', verbose_name='needs at least')),
                ('no_data', models.CharField(choices=[('keep', 'Leave the alert as it is'), ('ok', 'Count it as within bounds'), ('tell', 'Tell people that nothing arrives')], default='keep', max_length=10, verbose_name='without data')),
                ('remind_minutes', models.PositiveIntegerField(choices=[(0, 'Never'), (60, 'Every hour'), (240, 'Every 4 hours'), (1440, 'Every day')], default=240, verbose_name='remind while it fires')),
                ('tells_recovery', models.BooleanField(default=True, verbose_name='tell when it is within bounds again')),
                ('emails', models.JSONField(blank=True, default=list, verbose_name='e-mail to')),
                ('webhook_url', models.CharField(blank=True, max_length=1000, verbose_name='webhook')),
                ('muted_until', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='muted until')),
                ('state', models.CharField(choices=[('unknown', 'Not checked yet'), ('ok', 'Within bounds'), ('firing', 'Firing'), ('no_data', 'No data')], default='unknown', editable=False, max_length=10, verbose_name='state')),
                ('since', models.DateTimeField(editable=False, null=True, verbose_name='since')),
                ('value', models.FloatField(editable=False, null=True, verbose_name='last figure')),
                ('checked_at', models.DateTimeField(editable=False, null=True, verbose_name='checked')),
                ('due_at', models.DateTimeField(db_index=True, editable=False, null=True)),
                ('notified_at', models.DateTimeField(editable=False, null=True)),
                ('failure', models.CharField(blank=True, editable=False, max_length=300, verbose_name='last failure')),
                ('created_by', models.CharField(blank=True, editable=False, max_length=150, verbose_name='made by')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='made')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='changed')),
            ],
            options={
                'verbose_name': 'alert',
                'verbose_name_plural': 'alerts',
                'ordering': ['name'],
                'indexes': [models.Index(fields=['team_id', 'state'], name='alert_team_state')],
            },
        ),
        migrations.CreateModel(
            name='AlertFiring',
            fields=[
                ('id', models.UUIDField(default=support.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('team_id', models.UUIDField(verbose_name='team')),
                ('state', models.CharField(choices=[('unknown', 'Not checked yet'), ('ok', 'Within bounds'), ('firing', 'Firing'), ('no_data', 'No data')], max_length=10, verbose_name='state')),
                ('direction', models.CharField(choices=[('above', 'Above'), ('below', 'Below')], max_length=10)),
                ('threshold', models.DecimalField(decimal_places=6, max_digits=18, verbose_name='threshold')),
                ('value', models.FloatField(null=True, verbose_name='figure at first')),
                ('worst', models.FloatField(null=True, verbose_name='worst figure')),
                ('began_at', models.DateTimeField(verbose_name='began')),
                ('ended_at', models.DateTimeField(null=True, verbose_name='ended')),
                ('alert', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='firings', to='traces.alert', verbose_name='alert')),
            ],
            options={
                'verbose_name': 'firing',
                'verbose_name_plural': 'firings',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['alert', '-id'], name='firing_of_alert')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('alert',), name='one_open_firing_per_alert')],
            },
        ),
        migrations.CreateModel(
            name='AlertNotice',
            fields=[
                ('id', models.UUIDField(default=support.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('team_id', models.UUIDField(verbose_name='team')),
                ('kind', models.CharField(choices=[('fired', 'Fired'), ('no_data', 'No data'), ('reminder', 'Still firing'), ('recovered', 'Recovered'), ('test', 'Test')], max_length=10, verbose_name='what')),
                ('channel', models.CharField(choices=[('email', 'E-mail'), ('webhook', 'Webhook')], max_length=10, verbose_name='by')),
                ('target', models.CharField(max_length=1000, verbose_name='to')),
                ('body', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='made')),
                ('due_at', models.DateTimeField(db_index=True, null=True)),
                ('sent_at', models.DateTimeField(null=True, verbose_name='sent')),
                ('tries', models.PositiveIntegerField(default=0, verbose_name='tries')),
                ('error', models.CharField(blank=True, max_length=300, verbose_name='error')),
                ('alert', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notices', to='traces.alert', verbose_name='alert')),
            ],
            options={
                'verbose_name': 'notice',
                'verbose_name_plural': 'notices',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['alert', '-id'], name='notice_of_alert')],
            },
        ),
    ]
