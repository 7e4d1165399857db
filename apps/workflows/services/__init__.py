"""Writes of workflows: apps and versions, accepting, executing, stopping and closing runs."""

from apps.workflows.services.applications import (
    InvalidDocument,
    Saved,
    check_before_publishing,
    check_document,
    create_application,
    delete_application,
    document_name,
    publish_version,
    rename_application,
    restore_version,
    save_version,
    set_public,
)
from apps.workflows.services.background import hand_to_worker
from apps.workflows.services.deliver import deliver_questions
from apps.workflows.services.environment import (
    EnvironmentIncomplete,
    clear_environment_value,
    set_environment_value,
)
from apps.workflows.services.execute_run import launch, run_to_end, settle
from apps.workflows.services.forget_blobs import forget_blobs
from apps.workflows.services.forget_files import forget_files
from apps.workflows.services.forks import CannotFork, PrefixChanged, Wish, fork_run, launch_fork, rerun_from
from apps.workflows.services.gates import PublishRefused, refusals_of
from apps.workflows.services.go_on import go_on_here, go_on_with_run, go_on_with_runs
from apps.workflows.services.imports import dismiss_notes, import_document, keep_notes, same_or_imported
from apps.workflows.services.leave import hand_over_own_runs
from apps.workflows.services.measured import Outcome, accept_measured, outcome_of, see_to_end, stop_measured
from apps.workflows.services.reply import AlreadyAnswered, checked_reply, give_up_waiting, reply_to
from apps.workflows.services.start_run import Accepted, accept_chat, accept_workflow
from apps.workflows.services.stop_run import stop_run
from apps.workflows.services.triggers import (
    IdempotencyConflict,
    fire_webhook,
    note_refusal,
    rotate_address,
    run_schedule_now,
    switch_trigger,
)
from apps.workflows.services.triggers_due import fire_due_triggers

__all__ = [
    "Accepted",
    "AlreadyAnswered",
    "CannotFork",
    "EnvironmentIncomplete",
    "IdempotencyConflict",
    "InvalidDocument",
    "Outcome",
    "PrefixChanged",
    "PublishRefused",
    "Saved",
    "Wish",
    "accept_chat",
    "accept_measured",
    "accept_workflow",
    "check_before_publishing",
    "check_document",
    "checked_reply",
    "clear_environment_value",
    "create_application",
    "delete_application",
    "deliver_questions",
    "dismiss_notes",
    "document_name",
    "fire_due_triggers",
    "fire_webhook",
    "forget_blobs",
    "forget_files",
    "fork_run",
    "give_up_waiting",
    "go_on_here",
    "go_on_with_run",
    "go_on_with_runs",
    "hand_over_own_runs",
    "hand_to_worker",
    "import_document",
    "keep_notes",
    "launch",
    "launch_fork",
    "note_refusal",
    "outcome_of",
    "publish_version",
    "refusals_of",
    "rename_application",
    "reply_to",
    "rerun_from",
    "restore_version",
    "rotate_address",
    "run_schedule_now",
    "run_to_end",
    "same_or_imported",
    "save_version",
    "see_to_end",
    "set_environment_value",
    "set_public",
    "settle",
    "stop_measured",
    "stop_run",
    "switch_trigger",
]
