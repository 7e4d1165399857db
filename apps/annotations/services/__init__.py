"""What other packages and interfaces may do with feedback, corrections and approved answers."""

from apps.annotations.services.annotations import (
    add_annotation,
    add_example,
    delete_annotation,
    edit_annotation,
    is_approved_by_two,
    toggle_annotation,
    toggle_example,
)
from apps.annotations.services.corrections import (
    approve_correction,
    correct_answer,
    propose_correction,
    send_back,
    withdraw_correction,
)
from apps.annotations.services.feedback import record_feedback, withdraw_feedback

__all__ = [
    "add_annotation",
    "add_example",
    "approve_correction",
    "correct_answer",
    "delete_annotation",
    "edit_annotation",
    "is_approved_by_two",
    "propose_correction",
    "record_feedback",
    "send_back",
    "toggle_annotation",
    "toggle_example",
    "withdraw_correction",
    "withdraw_feedback",
]
