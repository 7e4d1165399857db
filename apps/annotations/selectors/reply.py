"""How an app answers from its annotations now: what its team set, what its document says, and where vectors are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q

from apps.annotations.models import Annotation, FewShotExample, ReplyJob, ReplySetting
from apps.annotations.models.searchable import SearchableAnswer
from apps.annotations.models.training_set import GOING
from apps.workflows.selectors.applications import features_in_force
from support.errors import InvalidInput

#: Built in, local and instant.
DEFAULT_MODEL = "hashing"
DEFAULT_THRESHOLD = 0.92
KINDS: tuple[type[SearchableAnswer], ...] = (Annotation, FewShotExample)
#: The columns of each slot: the space, and the vector in it.
SLOTS = (("embedding_space", "embedding"), ("second_space", "second_embedding"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyState:
    """What counts for an app's next question. `space` is empty while it was never asked for."""

    is_enabled: bool
    threshold: float
    wanted_model: str
    model: str
    space: str = ""
    slot: int = 0


def reply_state(application_id: UUID, features: Mapping[str, Any]) -> ReplyState:
    """What the team set, or else what the document's features say, or else the defaults. One query."""
    setting = ReplySetting.objects.filter(application_id=application_id).first()
    return state_of(setting, features)


def state_of(setting: ReplySetting | None, features: Mapping[str, Any]) -> ReplyState:
    """The same of a setting at hand (None: the app has none)."""
    said = features.get("annotation_reply", {})
    wanted, enabled, threshold = model_said(features), not _says_no(said), _threshold_said(said)
    if setting is None:
        return ReplyState(is_enabled=enabled, threshold=threshold, wanted_model=wanted, model=wanted)
    wanted = setting.wanted_model or wanted
    return ReplyState(
        is_enabled=enabled if setting.is_enabled is None else setting.is_enabled,
        threshold=threshold if setting.threshold is None else setting.threshold,
        wanted_model=wanted,
        model=setting.model or wanted,
        space=setting.space,
        slot=setting.slot,
    )


def published_features(application_id: UUID) -> dict[str, Any]:
    """The features of the app's published document, or of its draft while there is none."""
    return features_in_force(application_id)


def elsewhere(kind: type[SearchableAnswer], application_id: UUID, *, space: str, slot: int) -> Any:
    """The rows of an app that have no vector of the space in the slot."""
    named, vector = SLOTS[slot]
    rows = kind._default_manager.filter(application_id=application_id)
    return rows.filter(~Q(**{named: space}) | Q(**{f"{vector}__isnull": True}))


def going_job(application_id: UUID) -> ReplyJob | None:
    """The job that is at work on the app's answers."""
    return ReplyJob.objects.filter(application_id=application_id, status__in=GOING).first()


def newest_embedding(application_id: UUID) -> ReplyJob | None:
    """The job that embedded last, or does."""
    return ReplyJob.objects.filter(application_id=application_id).exclude(model="", space="").first()


def open_reply_job(job_id: UUID, *, application_id: UUID, action: str) -> ReplyJob:
    """An API caller's door to a job of its app. Raises InvalidInput, as Dify does."""
    job = ReplyJob.objects.filter(id=job_id, application_id=application_id, action=action).first()
    if job is None:
        raise InvalidInput("The job does not exist.", path="/job_id")
    return job


def model_said(features: Mapping[str, Any]) -> str:
    """The embedding model that a document's features name for annotations, or the built-in one."""
    said = features.get("annotation_reply")
    named = said.get("embedding_model") if isinstance(said, Mapping) else None
    return str(named or DEFAULT_MODEL)


def _says_no(said: Any) -> bool:
    return said is False or (isinstance(said, Mapping) and said.get("enabled") is False)


def _threshold_said(said: Any) -> float:
    """The cosine that a document demands (the default where it says nothing usable)."""
    value = said.get("threshold") if isinstance(said, Mapping) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else DEFAULT_THRESHOLD
