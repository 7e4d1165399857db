"""What approved corrections lead to per app, preference pairs, proposals, and the way back to queue and trace."""

import django.db.models.deletion
import support.ids
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_keys_for_traces'),
        ('annotations', '0007_golden_sets'),
        ('workflows', '0011_callers_trace'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='CorrectionSettings',
            fields=[
                ('id', models.UUIDField(default=support.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('needs_second_person', models.BooleanField(default=False, verbose_name='a second person approves')),
                ('makes_annotation', models.BooleanField(default=True, verbose_name='annotation reply')),
                ('makes_example', models.BooleanField(default=True, verbose_name='few-shot example')),
                ('makes_preference_pair', models.BooleanField(default=True, verbose_name='preference pair')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='changed')),
            ],
            options={
                'verbose_name': 'use of corrections',
                'verbose_name_plural': 'uses of corrections',
            },
        ),
        migrations.CreateModel(
            name='CorrectionStep',
            fields=[
                ('id', models.UUIDField(default=support.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('written', 'Written'), ('proposed', 'Proposed'), ('approved', 'Approved'), ('sent-back', 'Sent back'), ('withdrawn', 'Withdrawn'), ('replaced', 'Replaced by another')], max_length=12, verbose_name='step')),
                ('remark', models.CharField(blank=True, max_length=1000, verbose_name='remark')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='when')),
            ],
            options={
                'verbose_name': 'step of a correction',
                'verbose_name_plural': 'steps of corrections',
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='PreferencePair',
            fields=[
                ('id', models.UUIDField(default=support.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('question', models.TextField(verbose_name='question')),
                ('chosen', models.TextField(verbose_name='better answer')),
                ('rejected', models.TextField(verbose_name='worse answer')),
                ('is_enabled', models.BooleanField(default=True, verbose_name='in use')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='changed')),
            ],
            options={
                'verbose_name': 'preference pair',
                'verbose_name_plural': 'preference pairs',
                'ordering': ['-id'],
            },
        ),
        migrations.AddField(
            model_name='correction',
            name='queue_item',
            field=models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='corrections', to='annotations.queueitem', verbose_name='queue item'),
        ),
        migrations.AddField(
            model_name='correction',
            name='trace_id',
            field=models.UUIDField(editable=False, null=True, verbose_name='trace'),
        ),
        migrations.AlterField(
            model_name='correction',
            name='status',
            field=models.CharField(choices=[('draft', 'Draft'), ('proposed', 'Waits for approval'), ('approved', 'Approved'), ('withdrawn', 'Withdrawn')], default='draft', max_length=12, verbose_name='status'),
        ),
        migrations.AddIndex(
            model_name='correction',
            index=models.Index(condition=models.Q(('status', 'proposed')), fields=['team', '-id'], name='correction_waiting'),
        ),
        migrations.AddField(
            model_name='correctionsettings',
            name='application',
            field=models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='workflows.application', verbose_name='app'),
        ),
        migrations.AddField(
            model_name='correctionsettings',
            name='changed_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='changed by'),
        ),
        migrations.AddField(
            model_name='correctionsettings',
            name='golden_set',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='annotations.goldenset', verbose_name='golden set'),
        ),
        migrations.AddField(
            model_name='correctionsettings',
            name='team',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.team', verbose_name='team'),
        ),
        migrations.AddField(
            model_name='correctionstep',
            name='correction',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='steps', to='annotations.correction', verbose_name='correction'),
        ),
        migrations.AddField(
            model_name='correctionstep',
            name='person',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='person'),
        ),
        migrations.AddField(
            model_name='correctionstep',
            name='team',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.team', verbose_name='team'),
        ),
        migrations.AddField(
            model_name='preferencepair',
            name='application',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='workflows.application', verbose_name='app'),
        ),
        migrations.AddField(
            model_name='preferencepair',
            name='correction',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='preference_pair', to='annotations.correction', verbose_name='from correction'),
        ),
        migrations.AddField(
            model_name='preferencepair',
            name='team',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.team', verbose_name='team'),
        ),
        migrations.AddIndex(
            model_name='preferencepair',
            index=models.Index(fields=['team', '-id'], name='preference_team_newest'),
        ),
    ]
