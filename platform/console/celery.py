"""The Celery app: tasks are found in every installed app, periodic ones are declared here."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings.dev")

app = Celery("skep")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

app.conf.beat_schedule = {
    # One that nobody took is as good as the next; the same goes for what is due.
    "go-on-with-runs": {"task": "workflows.go_on_with_runs", "schedule": 15.0, "options": {"expires": 60}},
    "give-up-waiting": {"task": "workflows.give_up_waiting", "schedule": 15.0},
    "deliver-questions": {"task": "workflows.deliver_questions", "schedule": 60.0},
    "fire-due-triggers": {"task": "workflows.fire_due_triggers", "schedule": 10.0, "options": {"expires": 60}},
    "index-large-annotation-stores": {"task": "annotations.index_large_stores", "schedule": 3600.0},
    "go-on-with-answers": {"task": "annotations.go_on_with_answers", "schedule": 60.0, "options": {"expires": 120}},
    "forget-old-vectors-of-answers": {"task": "annotations.forget_old_vectors", "schedule": 3600.0},
    "forget-files-of-answers": {"task": "annotations.forget_import_files", "schedule": 3600.0},
    "go-on-with-training": {"task": "annotations.go_on_with_training", "schedule": 60.0, "options": {"expires": 120}},
    "forget-training-files": {"task": "annotations.forget_training_files", "schedule": 3600.0},
    "go-on-with-experiments": {
        "task": "annotations.go_on_with_experiments",
        "schedule": 30.0,
        "options": {"expires": 60},
    },
    "feed-review-queues": {"task": "annotations.feed_queues", "schedule": 30.0, "options": {"expires": 25}},
    "evaluate-online": {"task": "annotations.begin_online", "schedule": 30.0, "options": {"expires": 25}},
    "go-on-with-calibrations": {
        "task": "annotations.go_on_with_calibrations",
        "schedule": 60.0,
        "options": {"expires": 120},
    },
    "rebuild-missing-traces": {"task": "traces.rebuild_missing", "schedule": 300.0},
    "make-partitions-of-traces": {"task": "traces.make_partitions", "schedule": 21_600.0},
    "expire-traces": {"task": "traces.expire", "schedule": 21_600.0},
    "check-alerts": {"task": "traces.check_alerts", "schedule": 60.0, "options": {"expires": 55}},
    "deliver-alert-notices": {"task": "traces.deliver_notices", "schedule": 60.0, "options": {"expires": 55}},
    "send-traces-on": {"task": "traces.send_on", "schedule": 10.0, "options": {"expires": 30}},
    "go-on-with-exports": {"task": "traces.go_on_with_exports", "schedule": 60.0, "options": {"expires": 120}},
    "go-on-with-changes": {"task": "traces.go_on_with_changes", "schedule": 60.0, "options": {"expires": 120}},
    "forget-exports": {"task": "traces.forget_exports", "schedule": 3600.0},
    "forget-alert-history": {"task": "traces.forget_alert_history", "schedule": 86_400.0},
    "forget-blobs": {"task": "workflows.forget_blobs", "schedule": 3600.0},
    "forget-files": {"task": "workflows.forget_files", "schedule": 86_400.0},
    "forget-old-refusals": {"task": "sandbox.forget_old_refusals", "schedule": 86_400.0},
    "forget-old-queries": {"task": "datasets.forget_old_queries", "schedule": 86_400.0},
    "go-on-with-evaluations": {"task": "datasets.go_on_with_evaluations", "schedule": 60.0},
    "sweep-indexing": {"task": "datasets.sweep_indexing", "schedule": 20.0},
    "reconcile-vectors": {"task": "datasets.reconcile_vectors", "schedule": 86_400.0},
    "forget-old-vectors": {"task": "datasets.forget_old_vectors", "schedule": 86_400.0},
}
