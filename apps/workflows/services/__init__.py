"""Writes of workflows: apps and versions, accepting, executing, stopping and closing runs."""

from apps.workflows.services.applications import (
    InvalidDocument,
    Saved,
    check_before_publishing,
    check_document,
    create_application,
    delete_application,
    document_name,
    import_document,
    publish_version,
    restore_version,
    save_version,
    set_public,
)
from apps.workflows.services.execute_run import launch, run_to_end
from apps.workflows.services.leave import close_own_runs
from apps.workflows.services.reap_runs import reap_lost_runs
from apps.workflows.services.start_run import Accepted, accept_chat, accept_workflow
from apps.workflows.services.stop_run import stop_run

__all__ = [
    "Accepted",
    "InvalidDocument",
    "Saved",
    "accept_chat",
    "accept_workflow",
    "check_before_publishing",
    "check_document",
    "close_own_runs",
    "create_application",
    "delete_application",
    "document_name",
    "import_document",
    "launch",
    "publish_version",
    "reap_lost_runs",
    "restore_version",
    "run_to_end",
    "save_version",
    "set_public",
    "stop_run",
]
