"""Reading annotations: each list is scoped by the app or the teams it is given."""

from apps.annotations.selectors.annotations import list_annotations, open_annotation
from apps.annotations.selectors.corrections import approved_correction, corrections_of
from apps.annotations.selectors.feedback import feedback_history, feedback_of, list_feedbacks
from apps.annotations.selectors.nearest import Match, matching_annotation, nearest_examples
from apps.annotations.selectors.review import neighbours, open_turn, to_review

__all__ = [
    "Match",
    "approved_correction",
    "corrections_of",
    "feedback_history",
    "feedback_of",
    "list_annotations",
    "list_feedbacks",
    "matching_annotation",
    "nearest_examples",
    "neighbours",
    "open_annotation",
    "open_turn",
    "to_review",
]
