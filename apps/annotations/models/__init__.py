"""Feedback, corrections, the answers they lead to, and the examples models learn from."""

from apps.annotations.models.annotation import Annotation, AnnotationHit
from apps.annotations.models.correction import Correction
from apps.annotations.models.example import FewShotExample
from apps.annotations.models.feedback import Feedback
from apps.annotations.models.review import Review

__all__ = ["Annotation", "AnnotationHit", "Correction", "Feedback", "FewShotExample", "Review"]
