"""Admin pages of workflows: apps, runs, conversations."""

from apps.workflows.admin.application import ApplicationAdmin, VersionAdmin
from apps.workflows.admin.conversation import ConversationAdmin, MessageAdmin
from apps.workflows.admin.run import RunAdmin

__all__ = ["ApplicationAdmin", "ConversationAdmin", "MessageAdmin", "RunAdmin", "VersionAdmin"]
