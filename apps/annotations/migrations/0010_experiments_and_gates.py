"""Evaluators, experiments with their results, and publish gates."""

import django.core.validators
import django.db.models.deletion
import support.ids
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_keys_for_traces'),
        ('annotations', '0009_fill_products_of_corrections'),
        ('workflows', '0011_callers_trace'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Evaluator',
            fields=[
                ('id', models.UUIDField(default=support.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=80, verbose_name='name')),
                ('description', models.TextField(blank=True, max_length=2000, verbose_name='description')),
                ('kind', models.CharField(choices=[('exact', 'Exactly the expected answer'), ('contains', 'Contains words'), ('regex', 'Matches a pattern'), ('json-schema', 'Fits a JSON schema'), ('similarity', 'Similar in meaning to the expected answer'), ('judge', 'Judged by a model against a rubric'), ('pairwise', 'Compared by a model with the answer of another experiment'), ('code', 'Judged by code in the sandbox')], max_length=12, verbose_name='kind')),
                ('config', models.JSONField(blank=True, default=dict, verbose_name='settings')),
                ('pass_at', models.FloatField(default=1.0, validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(1.0)], verbose_name='passes from')),
                ('is_archived', models.BooleanField(default=False, verbose_name='archived')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='changed')),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='created by')),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.team', verbose_name='team')),
            ],
            options={
                'verbose_name': 'evaluator',
                'verbose_name_plural': 'evaluators',
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='Experiment',
            fields=[
                ('id', models.UUIDField(default=support.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(blank=True, max_length=120, verbose_name='name')),
                ('set_version', models.PositiveIntegerField(verbose_name='version of the set')),
                ('evaluators', models.JSONField(default=list, verbose_name='evaluators')),
                ('status', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('completed', 'Completed'), ('spent', 'Out of budget'), ('stopped', 'Stopped'), ('failed', 'Failed')], default='queued', max_length=10, verbose_name='status')),
                ('error', models.TextField(blank=True, verbose_name='error')),
                ('parallel', models.PositiveSmallIntegerField(default=4, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(32)], verbose_name='items at once')),
                ('item_seconds', models.PositiveIntegerField(default=120, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(3600)], verbose_name='seconds for an item')),
                ('max_calls', models.PositiveIntegerField(blank=True, null=True, verbose_name='most calls of models')),
                ('max_tokens', models.PositiveBigIntegerField(blank=True, null=True, verbose_name='most tokens')),
                ('max_cost', models.DecimalField(blank=True, decimal_places=6, max_digits=16, null=True, verbose_name='highest cost')),
                ('currency', models.CharField(default='USD', max_length=3, verbose_name='currency')),
                ('calls', models.PositiveIntegerField(default=0, verbose_name='calls of models')),
                ('tokens', models.PositiveBigIntegerField(default=0, verbose_name='tokens')),
                ('cost', models.DecimalField(decimal_places=6, default=Decimal('0'), max_digits=16, verbose_name='cost')),
                ('unpriced_calls', models.PositiveIntegerField(default=0, verbose_name='calls without a price')),
                ('total', models.PositiveIntegerField(default=0, verbose_name='items')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('started_at', models.DateTimeField(null=True, verbose_name='started')),
                ('beat_at', models.DateTimeField(null=True, verbose_name='last heard of')),
                ('finished_at', models.DateTimeField(null=True, verbose_name='finished')),
                ('application', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='workflows.application', verbose_name='app')),
                ('baseline', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='annotations.experiment', verbose_name='compared with')),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='begun by')),
                ('golden_set', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='experiments', to='annotations.goldenset', verbose_name='golden set')),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.team', verbose_name='team')),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='workflows.version', verbose_name='version')),
            ],
            options={
                'verbose_name': 'experiment',
                'verbose_name_plural': 'experiments',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='GateOverride',
            fields=[
                ('id', models.UUIDField(default=support.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('refusals', models.JSONField(default=list, verbose_name='refused because')),
                ('reason', models.TextField(max_length=2000, verbose_name='reason')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='published')),
                ('application', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='workflows.application', verbose_name='app')),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='by')),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.team', verbose_name='team')),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='workflows.version', verbose_name='version')),
            ],
            options={
                'verbose_name': 'overridden gate',
                'verbose_name_plural': 'overridden gates',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='PublishGate',
            fields=[
                ('id', models.UUIDField(default=support.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('threshold', models.FloatField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(1.0)], verbose_name='at least')),
                ('figure', models.CharField(choices=[('lower', 'Lower end of the interval (95 %)'), ('mean', 'Mean')], default='lower', max_length=5, verbose_name='figure')),
                ('against_live', models.CharField(choices=[('none', 'Do not compare'), ('beyond-chance', 'Not worse beyond chance'), ('any', 'Not worse at all')], default='none', max_length=13, verbose_name='beside the published version')),
                ('is_enabled', models.BooleanField(default=True, verbose_name='in force')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='changed')),
                ('application', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='workflows.application', verbose_name='app')),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='created by')),
                ('evaluator', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='gates', to='annotations.evaluator', verbose_name='evaluator')),
                ('golden_set', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='gates', to='annotations.goldenset', verbose_name='golden set')),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.team', verbose_name='team')),
            ],
            options={
                'verbose_name': 'publish gate',
                'verbose_name_plural': 'publish gates',
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Result',
            fields=[
                ('id', models.UUIDField(default=support.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('number', models.PositiveIntegerField(verbose_name='number')),
                ('status', models.CharField(choices=[('waiting', 'Waiting'), ('running', 'Running'), ('completed', 'Answered'), ('failed', 'Failed'), ('left-out', 'Left out')], default='waiting', max_length=10, verbose_name='status')),
                ('run_id', models.UUIDField(null=True, verbose_name='run')),
                ('is_answered', models.BooleanField(default=False, editable=False)),
                ('answer', models.TextField(blank=True, verbose_name='answer')),
                ('outputs', models.JSONField(default=dict, verbose_name='outputs')),
                ('error_code', models.CharField(blank=True, max_length=60, verbose_name='error')),
                ('error_message', models.TextField(blank=True, verbose_name='what went wrong')),
                ('calls', models.PositiveIntegerField(default=0, verbose_name='calls of models')),
                ('tokens', models.PositiveBigIntegerField(default=0, verbose_name='tokens')),
                ('cost', models.DecimalField(decimal_places=6, max_digits=16, null=True, verbose_name='cost')),
                ('elapsed', models.FloatField(help_text='Seconds.', null=True, verbose_name='elapsed')),
                ('attempts', models.PositiveSmallIntegerField(default=0, verbose_name='tries')),
                ('lease_owner', models.CharField(blank=True, editable=False, max_length=100)),
                ('lease_until', models.DateTimeField(editable=False, null=True)),
                ('started_at', models.DateTimeField(null=True, verbose_name='started')),
                ('finished_at', models.DateTimeField(null=True, verbose_name='finished')),
                ('experiment', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='results', to='annotations.experiment', verbose_name='experiment')),
                ('item', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='results', to='annotations.goldenitem', verbose_name='item')),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.team', verbose_name='team')),
            ],
            options={
                'verbose_name': 'result of an experiment',
                'verbose_name_plural': 'results of experiments',
                'ordering': ['number'],
            },
        ),
        migrations.CreateModel(
            name='ResultScore',
            fields=[
                ('id', models.UUIDField(default=support.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('place', models.PositiveSmallIntegerField(verbose_name='evaluator')),
                ('score', models.FloatField(null=True, verbose_name='score')),
                ('passed', models.BooleanField(null=True, verbose_name='passed')),
                ('label', models.CharField(blank=True, max_length=60, verbose_name='verdict')),
                ('explanation', models.TextField(blank=True, verbose_name='why')),
                ('details', models.JSONField(default=dict, verbose_name='details')),
                ('error_code', models.CharField(blank=True, max_length=60, verbose_name='error')),
                ('error_message', models.TextField(blank=True, verbose_name='what went wrong')),
                ('calls', models.PositiveIntegerField(default=0, verbose_name='calls of models')),
                ('tokens', models.PositiveBigIntegerField(default=0, verbose_name='tokens')),
                ('cost', models.DecimalField(decimal_places=6, max_digits=16, null=True, verbose_name='cost')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='given')),
                ('experiment', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='scores', to='annotations.experiment', verbose_name='experiment')),
                ('result', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='scores', to='annotations.result', verbose_name='result')),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.team', verbose_name='team')),
            ],
            options={
                'verbose_name': 'score of a result',
                'verbose_name_plural': 'scores of results',
                'ordering': ['place'],
            },
        ),
        migrations.AddConstraint(
            model_name='evaluator',
            constraint=models.UniqueConstraint(fields=('team', 'name'), name='one_evaluator_of_a_name'),
        ),
        migrations.AddIndex(
            model_name='experiment',
            index=models.Index(fields=['team', '-id'], name='experiment_team_newest'),
        ),
        migrations.AddIndex(
            model_name='experiment',
            index=models.Index(fields=['version', 'golden_set', '-id'], name='experiment_of_version'),
        ),
        migrations.AddIndex(
            model_name='experiment',
            index=models.Index(condition=models.Q(('status__in', ['queued', 'running'])), fields=['beat_at'], name='experiment_waiting'),
        ),
        migrations.AddConstraint(
            model_name='publishgate',
            constraint=models.UniqueConstraint(fields=('application', 'golden_set', 'evaluator'), name='one_publish_gate_of_an_evaluator'),
        ),
        migrations.AddConstraint(
            model_name='publishgate',
            constraint=models.CheckConstraint(condition=models.Q(('threshold__isnull', False), models.Q(('against_live', 'none'), _negated=True), _connector='OR'), name='publish_gate_asks_something'),
        ),
        migrations.AddIndex(
            model_name='result',
            index=models.Index(fields=['experiment', 'status', 'number'], name='result_by_status'),
        ),
        migrations.AddIndex(
            model_name='result',
            index=models.Index(fields=['run_id'], name='result_of_run'),
        ),
        migrations.AddConstraint(
            model_name='result',
            constraint=models.UniqueConstraint(fields=('experiment', 'item'), name='one_result_of_an_item'),
        ),
        migrations.AddConstraint(
            model_name='result',
            constraint=models.UniqueConstraint(fields=('experiment', 'number'), name='one_result_of_a_number'),
        ),
        migrations.AddIndex(
            model_name='resultscore',
            index=models.Index(fields=['experiment', 'place', 'passed'], name='result_score_by_place'),
        ),
        migrations.AddConstraint(
            model_name='resultscore',
            constraint=models.UniqueConstraint(fields=('result', 'place'), name='one_score_of_an_evaluator'),
        ),
    ]
