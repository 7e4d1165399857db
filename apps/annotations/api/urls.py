"""Addresses of the service API that annotations serve; included under `/v1/`."""

from django.urls import path

from apps.annotations.api import views

urlpatterns = [
    path("messages/<uuid:message_id>/feedbacks", views.MessageFeedback.as_view(), name="v1-message-feedback"),
    path("app/feedbacks", views.AppFeedbacks.as_view(), name="v1-app-feedbacks"),
    path("apps/annotations", views.Annotations.as_view(), name="v1-annotations"),
    path("apps/annotations/<uuid:annotation_id>", views.AnnotationDetail.as_view(), name="v1-annotation"),
]
