"""Feedback, corrections, the answers they lead to, the examples models learn from, and queues of what to review."""

from apps.annotations.models.annotation import Annotation, AnnotationHit
from apps.annotations.models.answer_import import AnswerImport, ImportedAnswer
from apps.annotations.models.assignment import Assignment
from apps.annotations.models.calibration import Calibration, CalibrationCase
from apps.annotations.models.correction import Correction, CorrectionStep
from apps.annotations.models.correction_settings import CorrectionSettings
from apps.annotations.models.evaluator import Evaluator
from apps.annotations.models.example import FewShotExample
from apps.annotations.models.experiment import Experiment
from apps.annotations.models.feedback import Feedback
from apps.annotations.models.gate import GateOverride, PublishGate
from apps.annotations.models.golden import GoldenItem, GoldenSet, GoldenVersion
from apps.annotations.models.online import OnlineEvaluation, TraceScore
from apps.annotations.models.preference import PreferencePair
from apps.annotations.models.queue import QueueQuestion, ReviewQueue
from apps.annotations.models.queue_item import QueueItem
from apps.annotations.models.reply import ReplyJob, ReplySetting
from apps.annotations.models.result import Result, ResultScore
from apps.annotations.models.review import Review
from apps.annotations.models.score import Score, ScoreConfig
from apps.annotations.models.training_export import TrainingExport
from apps.annotations.models.training_set import TrainingExample, TrainingSet, TrainingVersion

__all__ = [
    "Annotation",
    "AnnotationHit",
    "AnswerImport",
    "Assignment",
    "Calibration",
    "CalibrationCase",
    "Correction",
    "CorrectionSettings",
    "CorrectionStep",
    "Evaluator",
    "Experiment",
    "Feedback",
    "FewShotExample",
    "GateOverride",
    "GoldenItem",
    "GoldenSet",
    "GoldenVersion",
    "ImportedAnswer",
    "OnlineEvaluation",
    "PreferencePair",
    "PublishGate",
    "QueueItem",
    "QueueQuestion",
    "ReplyJob",
    "ReplySetting",
    "Result",
    "ResultScore",
    "Review",
    "ReviewQueue",
    "Score",
    "ScoreConfig",
    "TraceScore",
    "TrainingExample",
    "TrainingExport",
    "TrainingSet",
    "TrainingVersion",
]
