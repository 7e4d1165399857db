"""The annotations admin: one class per file, custom pages under `pages/`."""

from apps.annotations.admin.annotation import AnnotationAdmin
from apps.annotations.admin.answer_import import AnswerImportAdmin
from apps.annotations.admin.calibration import CalibrationAdmin
from apps.annotations.admin.correction import CorrectionAdmin
from apps.annotations.admin.evaluator import EvaluatorAdmin
from apps.annotations.admin.example import FewShotExampleAdmin
from apps.annotations.admin.experiment import ExperimentAdmin
from apps.annotations.admin.feedback import FeedbackAdmin
from apps.annotations.admin.gate import GateOverrideAdmin, PublishGateAdmin
from apps.annotations.admin.golden_set import GoldenSetAdmin
from apps.annotations.admin.hit import AnnotationHitAdmin
from apps.annotations.admin.online import OnlineEvaluationAdmin
from apps.annotations.admin.preference import PreferencePairAdmin
from apps.annotations.admin.queue import ReviewQueueAdmin
from apps.annotations.admin.reply import ReplySettingAdmin
from apps.annotations.admin.review import ReviewAdmin
from apps.annotations.admin.score_config import ScoreConfigAdmin
from apps.annotations.admin.training_set import TrainingSetAdmin

__all__ = [
    "AnnotationAdmin",
    "AnnotationHitAdmin",
    "AnswerImportAdmin",
    "CalibrationAdmin",
    "CorrectionAdmin",
    "EvaluatorAdmin",
    "ExperimentAdmin",
    "FeedbackAdmin",
    "FewShotExampleAdmin",
    "GateOverrideAdmin",
    "GoldenSetAdmin",
    "OnlineEvaluationAdmin",
    "PreferencePairAdmin",
    "PublishGateAdmin",
    "ReplySettingAdmin",
    "ReviewAdmin",
    "ReviewQueueAdmin",
    "ScoreConfigAdmin",
    "TrainingSetAdmin",
]
