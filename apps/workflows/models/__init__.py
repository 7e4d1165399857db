"""Applications, their versions, runs with their event log, conversations and messages."""

from apps.workflows.models.application import Application, Version
from apps.workflows.models.blob import Blob, BlobUse
from apps.workflows.models.conversation import Conversation, Message
from apps.workflows.models.environment import EnvironmentValue, ReplacedSecret
from apps.workflows.models.file import File
from apps.workflows.models.run import Run, RunEvent
from apps.workflows.models.toolset import Toolset
from apps.workflows.models.trigger import Firing, Trigger
from apps.workflows.models.wait import Wait

__all__ = [
    "Application",
    "Blob",
    "BlobUse",
    "Conversation",
    "EnvironmentValue",
    "File",
    "Firing",
    "Message",
    "ReplacedSecret",
    "Run",
    "RunEvent",
    "Toolset",
    "Trigger",
    "Version",
    "Wait",
]
