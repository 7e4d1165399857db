"""Feedback, corrections, annotations with their hits, few-shot examples."""

import django.db.models.deletion
import pgvector.django.halfvec
import support.ids
from django.conf import settings
from django.db import migrations, models
from pgvector.django import VectorExtension


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        ('workflows', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        VectorExtension(),
        migrations.CreateModel(
            name='Correction',
            fields=[
                ('id', models.UUIDField(default=support.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('question', models.TextField(verbose_name='question')),
                ('original', models.TextField(editable=False, verbose_name='original answer')),
                ('corrected', models.TextField(verbose_name='corrected answer')),
                ('diff_stats', models.JSONField(default=dict, editable=False, verbose_name='changes')),
                ('status', models.CharField(choices=[('draft', 'Draft'), ('approved', 'Approved'), ('withdrawn', 'Withdrawn')], default='draft', max_length=12, verbose_name='status')),
                ('approved_at', models.DateTimeField(blank=True, null=True, verbose_name='approved')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='updated')),
                ('application', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='workflows.application', verbose_name='app')),
                ('approved_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='approved by')),
                ('author', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='author')),
                ('message', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='workflows.message', verbose_name='message')),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.team', verbose_name='team')),
            ],
            options={
                'verbose_name': 'correction',
                'verbose_name_plural': 'corrections',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Annotation',
            fields=[
                ('id', models.UUIDField(default=support.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('question', models.TextField(verbose_name='question')),
                ('answer', models.TextField(verbose_name='answer')),
                ('question_key', models.CharField(editable=False, max_length=64)),
                ('embedding_model', models.CharField(blank=True, editable=False, max_length=200, verbose_name='embedding model')),
                ('embedding_space', models.CharField(blank=True, editable=False, max_length=200)),
                ('embedding', pgvector.django.halfvec.HalfVectorField(editable=False, null=True)),
                ('is_enabled', models.BooleanField(default=True, verbose_name='in use')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='updated')),
                ('hit_count', models.PositiveIntegerField(default=0, editable=False, verbose_name='hits')),
                ('last_hit_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='last hit')),
                ('application', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='workflows.application', verbose_name='app')),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='created by')),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.team', verbose_name='team')),
                ('correction', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='annotation', to='annotations.correction', verbose_name='from correction')),
            ],
            options={
                'verbose_name': 'annotation',
                'verbose_name_plural': 'annotations',
                'ordering': ['-id'],
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Feedback',
            fields=[
                ('id', models.UUIDField(default=support.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('rating', models.CharField(choices=[('like', 'Helpful'), ('dislike', 'Not helpful')], max_length=10, verbose_name='rating')),
                ('reason', models.CharField(blank=True, choices=[('wrong', 'Wrong'), ('incomplete', 'Incomplete'), ('outdated', 'Outdated'), ('unsafe', 'Unsafe'), ('tone', 'Tone'), ('other', 'Something else')], max_length=20, verbose_name='reason')),
                ('text', models.TextField(blank=True, verbose_name='comment')),
                ('source', models.CharField(choices=[('api', 'API'), ('public', 'Chat page'), ('console', 'Playground'), ('admin', 'Review')], max_length=10, verbose_name='source')),
                ('end_user', models.CharField(blank=True, max_length=200, verbose_name='end user')),
                ('person', models.CharField(editable=False, max_length=220)),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='given')),
                ('superseded_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='superseded')),
                ('application', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='workflows.application', verbose_name='app')),
                ('message', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='workflows.message', verbose_name='message')),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.team', verbose_name='team')),
                ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='person')),
            ],
            options={
                'verbose_name': 'feedback',
                'verbose_name_plural': 'feedback',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='FewShotExample',
            fields=[
                ('id', models.UUIDField(default=support.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('question', models.TextField(verbose_name='question')),
                ('answer', models.TextField(verbose_name='answer')),
                ('question_key', models.CharField(editable=False, max_length=64)),
                ('embedding_model', models.CharField(blank=True, editable=False, max_length=200, verbose_name='embedding model')),
                ('embedding_space', models.CharField(blank=True, editable=False, max_length=200)),
                ('embedding', pgvector.django.halfvec.HalfVectorField(editable=False, null=True)),
                ('is_enabled', models.BooleanField(default=True, verbose_name='in use')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='updated')),
                ('application', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='workflows.application', verbose_name='app')),
                ('correction', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='example', to='annotations.correction', verbose_name='from correction')),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='created by')),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.team', verbose_name='team')),
            ],
            options={
                'verbose_name': 'few-shot example',
                'verbose_name_plural': 'few-shot examples',
                'ordering': ['-id'],
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='AnnotationHit',
            fields=[
                ('id', models.UUIDField(default=support.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('message_id', models.UUIDField(blank=True, null=True, verbose_name='message')),
                ('run_id', models.UUIDField(unique=True, verbose_name='run')),
                ('question', models.TextField(verbose_name='asked')),
                ('annotation_question', models.TextField(verbose_name="annotation's question")),
                ('annotation_answer', models.TextField(verbose_name='answer given')),
                ('score', models.FloatField(verbose_name='similarity')),
                ('source', models.CharField(choices=[('api', 'API'), ('console', 'Playground'), ('public', 'Chat page'), ('shell', 'Shell')], max_length=20, verbose_name='source')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='answered')),
                ('annotation', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='hits', to='annotations.annotation', verbose_name='annotation')),
                ('application', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='workflows.application', verbose_name='app')),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.team', verbose_name='team')),
            ],
            options={
                'verbose_name': 'annotation hit',
                'verbose_name_plural': 'annotation hits',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['annotation', '-id'], name='hit_annotation_newest'), models.Index(fields=['team', '-id'], name='hit_team_newest')],
            },
        ),
        migrations.AddIndex(
            model_name='correction',
            index=models.Index(fields=['team', '-id'], name='correction_team_newest'),
        ),
        migrations.AddConstraint(
            model_name='correction',
            constraint=models.UniqueConstraint(condition=models.Q(('status', 'approved')), fields=('message',), name='one_approved_correction_per_message'),
        ),
        migrations.AddIndex(
            model_name='annotation',
            index=models.Index(fields=['application', 'question_key'], name='annotation_same_question'),
        ),
        migrations.AddIndex(
            model_name='annotation',
            index=models.Index(fields=['team', '-id'], name='annotation_team_newest'),
        ),
        migrations.AddIndex(
            model_name='feedback',
            index=models.Index(fields=['application', '-id'], name='feedback_application_newest'),
        ),
        migrations.AddIndex(
            model_name='feedback',
            index=models.Index(fields=['team', '-id'], name='feedback_team_newest'),
        ),
        migrations.AddConstraint(
            model_name='feedback',
            constraint=models.UniqueConstraint(condition=models.Q(('superseded_at__isnull', True)), fields=('message', 'person'), name='one_current_feedback_per_person'),
        ),
        migrations.AddIndex(
            model_name='fewshotexample',
            index=models.Index(fields=['application', 'question_key'], name='example_same_question'),
        ),
        migrations.AddIndex(
            model_name='fewshotexample',
            index=models.Index(fields=['team', '-id'], name='example_team_newest'),
        ),
    ]
