"""Admin pages of workflows: apps, runs, conversations."""

from apps.workflows.admin.application import ApplicationAdmin, VersionAdmin
from apps.workflows.admin.conversation import ConversationAdmin, MessageAdmin
from apps.workflows.admin.file import FileAdmin
from apps.workflows.admin.run import RunAdmin
from apps.workflows.admin.toolset import ToolsetAdmin
from apps.workflows.admin.trigger import TriggerAdmin

__all__ = [
    "ApplicationAdmin",
    "ConversationAdmin",
    "FileAdmin",
    "MessageAdmin",
    "RunAdmin",
    "ToolsetAdmin",
    "TriggerAdmin",
    "VersionAdmin",
]
