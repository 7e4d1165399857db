"""Addresses of the service API that annotations serve; included under `/v1/`."""

from django.urls import path

from apps.annotations.api import experiment_views, file_views, reply_views, views

urlpatterns = [
    path("messages/<uuid:message_id>/feedbacks", views.MessageFeedback.as_view(), name="v1-message-feedback"),
    path("app/feedbacks", views.AppFeedbacks.as_view(), name="v1-app-feedbacks"),
    path("apps/annotations", views.Annotations.as_view(), name="v1-annotations"),
    path("apps/annotations/<uuid:annotation_id>", views.AnnotationDetail.as_view(), name="v1-annotation"),
    path(
        "apps/annotations/<uuid:annotation_id>/hit-histories",
        reply_views.AnnotationHits.as_view(),
        name="v1-annotation-hits",
    ),
    path("apps/annotations/export", file_views.AnnotationExport.as_view(), name="v1-annotation-export"),
    path("apps/annotations/imports", file_views.AnnotationImports.as_view(), name="v1-annotation-imports"),
    path(
        "apps/annotations/imports/<uuid:import_id>",
        file_views.AnnotationImport.as_view(),
        name="v1-annotation-import",
    ),
    *(
        path(
            f"apps/annotations/imports/<uuid:import_id>/{step}",
            file_views.AnnotationImportStep.as_view(),
            {"step": step},
            name=f"v1-annotation-import-{step}",
        )
        for step in ("take-in", "undo", "stop")
    ),
    path("apps/annotation-reply/<slug:action>", reply_views.AnnotationReply.as_view(), name="v1-annotation-reply"),
    path(
        "apps/annotation-reply/<slug:action>/status/<uuid:job_id>",
        reply_views.AnnotationReplyStatus.as_view(),
        name="v1-annotation-reply-status",
    ),
    path("experiments", experiment_views.Experiments.as_view(), name="v1-experiments"),
    path("experiments/<uuid:experiment_id>", experiment_views.ExperimentDetail.as_view(), name="v1-experiment"),
    path(
        "experiments/<uuid:experiment_id>/results",
        experiment_views.ExperimentResults.as_view(),
        name="v1-experiment-results",
    ),
    path("experiments/<uuid:experiment_id>/stop", experiment_views.StopExperiment.as_view(), name="v1-experiment-stop"),
    path(
        "experiments/<uuid:experiment_id>/retry", experiment_views.RetryExperiment.as_view(), name="v1-experiment-retry"
    ),
]
