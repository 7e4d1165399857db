"""Applications, their versions, runs with their event log, conversations and messages."""

from apps.workflows.models.application import Application, Version
from apps.workflows.models.conversation import Conversation, Message
from apps.workflows.models.run import Run, RunEvent

__all__ = ["Application", "Conversation", "Message", "Run", "RunEvent", "Version"]
