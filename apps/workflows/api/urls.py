"""Addresses of the service API (`/v1`)."""

from django.urls import path

from apps.workflows.api.app_views import Info, Meta, Parameters
from apps.workflows.api.conversation_views import ConversationDetail, ConversationName, Conversations, Messages
from apps.workflows.api.file_views import FilePreview, UploadFile
from apps.workflows.api.form_views import HumanInputForm
from apps.workflows.api.publish_views import PublishApp
from apps.workflows.api.run_views import ChatMessages, ForkRun, RunDetail, RunEvents, StopRun, WorkflowRuns

urlpatterns = [
    path("chat-messages", ChatMessages.as_view(), name="v1-chat-messages"),
    path("chat-messages/<str:run_id>/stop", StopRun.as_view()),
    path("chat-messages/<str:run_id>/events", RunEvents.as_view()),
    path("workflows/run", WorkflowRuns.as_view(), name="v1-workflows-run"),
    path("workflows/run/<str:run_id>", RunDetail.as_view()),
    path("workflows/run/<str:run_id>/fork", ForkRun.as_view(), name="v1-fork-run"),
    path("workflows/tasks/<str:run_id>/stop", StopRun.as_view()),
    path("workflow/<str:run_id>/events", RunEvents.as_view(), name="v1-run-events"),
    path("form/human_input/<str:token>", HumanInputForm.as_view(), name="v1-human-input"),
    path("files/upload", UploadFile.as_view(), name="v1-files-upload"),
    path("files/<str:file_id>/preview", FilePreview.as_view()),
    path("conversations", Conversations.as_view()),
    path("conversations/<str:conversation_id>", ConversationDetail.as_view()),
    path("conversations/<str:conversation_id>/name", ConversationName.as_view()),
    path("messages", Messages.as_view()),
    path("app/publish", PublishApp.as_view(), name="v1-publish-app"),
    path("info", Info.as_view()),
    path("parameters", Parameters.as_view()),
    path("meta", Meta.as_view()),
]
