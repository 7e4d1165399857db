"""What approved corrections lead to: made together when one is approved, and all taken out of use when it is not."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from accounts.models import User
from apps.annotations.models import Annotation, Correction, FewShotExample, GoldenItem, GoldenVersion, PreferencePair
from apps.annotations.models.searchable import SearchableAnswer
from apps.annotations.selectors.correction_settings import settings_of
from apps.annotations.services.embedding import embed_into
from apps.annotations.services.golden_items import add_items, withdraw_items_of
from apps.annotations.services.golden_sources import item_of_correction
from apps.annotations.services.second_person import second_person_asked_for


def put_to_use(correction: Correction, *, by: User) -> None:
    """Make what is switched on for the app, or bring back what was made before; the rest is taken out of use."""
    needs_second_person = second_person_asked_for(correction.application_id)
    wanted = settings_of(correction.application_id)
    answers: list[SearchableAnswer] = []
    if wanted.makes_annotation:
        answers.append(_answer(Annotation, correction))
    if wanted.makes_example:
        answers.append(_answer(FewShotExample, correction))
    if answers:
        embed_into(*answers)
    for row in answers:
        row.stand(is_wanted=True, needs_second_person=needs_second_person)
        row.save()
    kept: set[type] = {type(row) for row in answers}
    if wanted.makes_preference_pair and correction.original:
        _pair(correction)
        kept.add(PreferencePair)
    _switch_off(correction, but=kept)
    # What people put into other sets by hand stays there; what was switched on once does not.
    made = GoldenVersion.objects.filter(
        origin=GoldenVersion.Origin.CORRECTION,
        golden_set=OuterRef("golden_set"),
        number=OuterRef("valid_from_version"),
    )
    elsewhere = GoldenItem.objects.filter(Exists(made), correction=correction, valid_to_version=None)
    if wanted.golden_set is not None:
        elsewhere = elsewhere.exclude(golden_set=wanted.golden_set)
    sets = list(elsewhere.values_list("golden_set_id", flat=True))
    if sets:
        withdraw_items_of(correction.id, by=by, set_ids=sets)
    if wanted.golden_set is not None:
        add_items(wanted.golden_set, [item_of_correction(correction)], by=by, origin=GoldenVersion.Origin.CORRECTION)


def take_out_of_use(correction: Correction, *, by: User | None) -> None:
    """Nothing that came of it is used any more. What was answered from it stays in the history."""
    _switch_off(correction)
    withdraw_items_of(correction.id, by=by)


def _answer(kind: Any, correction: Correction) -> Any:
    """The annotation or the example of the correction, with its texts and who stands for them, not saved yet."""
    row = kind.objects.filter(correction=correction).select_for_update().first() or kind(correction=correction)
    is_new = (row.question, row.answer) != (correction.question, correction.corrected)
    row.team_id, row.application_id = correction.team_id, correction.application_id
    row.answer, row.created_by = correction.corrected, correction.approved_by
    row.ask(correction.question)
    row.written_by = correction.author
    # Somebody else may have approved the answer itself, where its author had approved the correction.
    if correction.approved_by_id not in (None, correction.author_id):
        row.approve(by=correction.approved_by)
    elif is_new:
        row.approve(by=None)
    return row


def _pair(correction: Correction) -> None:
    texts = {"question": correction.question, "chosen": correction.corrected, "rejected": correction.original}
    owner = {"team_id": correction.team_id, "application_id": correction.application_id}
    PreferencePair.objects.update_or_create(correction=correction, defaults={**owner, **texts, "is_enabled": True})


def _switch_off(correction: Correction, *, but: set[type] | frozenset[type] = frozenset()) -> None:
    """Take annotation, example and pair out of use, except those kinds."""
    kinds: tuple[Any, ...] = (Annotation, FewShotExample)
    for kind in kinds:
        if kind not in but:
            rows = kind.objects.filter(Q(is_enabled=True) | Q(is_waiting=True), correction=correction)
            rows.update(is_enabled=False, is_waiting=False, updated_at=timezone.now())
    if PreferencePair not in but:
        pairs = PreferencePair.objects.filter(correction=correction, is_enabled=True)
        pairs.update(is_enabled=False, updated_at=timezone.now())
