"""Addresses of the pages that annotations serve outside the admin."""

from django.urls import path

from apps.annotations.pages.feedback import give_feedback

app_name = "annotations"
urlpatterns = [path("feedback/<uuid:message_id>/", give_feedback, name="give-feedback")]
