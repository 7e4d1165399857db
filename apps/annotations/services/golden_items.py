"""Changes of golden sets: each one makes a new version, and the versions before stay as they were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.selectors import may, teams_of
from apps.annotations.golden.item import BadItem, NewItem, checked
from apps.annotations.models import GoldenItem, GoldenSet, GoldenVersion
from apps.annotations.selectors.golden import items_of
from apps.annotations.services.golden_changing import Changed, Standing, begin_change
from support.errors import InvalidInput, NotAllowed, NotFound

#: In one change.
MOST_AT_ONCE = 20_000
Origin = GoldenVersion.Origin


class SameQuestion(StrEnum):
    """What becomes of a new item that asks what one of the set asks and expects something else."""

    ADD = "add"
    REPLACE = "replace"
    SKIP = "skip"


@transaction.atomic
def add_items(
    golden_set: GoldenSet,
    items: Sequence[NewItem],
    *,
    by: User,
    origin: str = Origin.HAND,
    same_question: SameQuestion = SameQuestion.ADD,
    note: str = "",
) -> Changed:
    """Add items as the next version. Safe to repeat: what is there already, word for word, is skipped.

    A correction has one item in a set: a later text of it takes the place of the earlier one.
    Raises NotFound, NotAllowed, InvalidInput.
    """
    require_right(by, golden_set.team_id)
    if len(items) > MOST_AT_ONCE:
        raise InvalidInput(_("These are too many items for one change."), field="items")
    wanted = [checked_item(item) for item in items]
    change = begin_change(golden_set)
    standing = Standing.of(golden_set, wanted)
    for item in wanted:
        others = standing.like(item)
        if any(other.expected == item.expected and other.key == item.key for other in others):
            change.skipped += 1
        elif not others or (item.correction_id is None and same_question is SameQuestion.ADD):
            standing.note(change.add(item, by=by))
        elif item.correction_id is not None or same_question is SameQuestion.REPLACE:
            standing.note(change.replace(others[-1], _over(others[-1], item), by=by))
        else:
            change.skipped += 1
    return change.write(by=by, origin=origin, note=note)


@transaction.atomic
def change_item(golden_set: GoldenSet, number: int, item: NewItem, *, by: User, note: str = "") -> Changed:
    """Give an item another content from the next version on. Raises NotFound, NotAllowed, InvalidInput."""
    require_right(by, golden_set.team_id)
    change = begin_change(golden_set)
    row = golden_set.items.filter(number=number, valid_to_version=None).first()
    if row is None:
        raise NotFound(_("There is no such item any more."))
    wanted = checked_item(
        replace(
            item,
            source_message_id=row.source_message_id,
            source_trace_id=row.source_trace_id,
            correction_id=row.correction_id,
        )
    )
    if wanted.content() != _content(row):
        change.replace(row, wanted, by=by)
    return change.write(by=by, origin=Origin.HAND, note=note)


@transaction.atomic
def withdraw_items(golden_set: GoldenSet, numbers: Sequence[int], *, by: User, note: str = "") -> Changed:
    """Leave these items out from the next version on. Raises NotFound, NotAllowed."""
    require_right(by, golden_set.team_id)
    change = begin_change(golden_set)
    change.withdraw(golden_set.items.filter(number__in=numbers, valid_to_version=None))
    return change.write(by=by, origin=Origin.HAND, note=note)


@transaction.atomic
def restore_version(golden_set: GoldenSet, number: int, *, by: User) -> Changed:
    """Make the next version what an earlier one was, but for items whose correction is not approved any more.

    Raises NotFound, NotAllowed.
    """
    require_right(by, golden_set.team_id)
    change = begin_change(golden_set)
    wanted = {row.number: row for row in items_of(golden_set, number).select_related("correction")}
    wanted = {n: row for n, row in wanted.items() if row.correction is None or row.correction.is_approved}
    now = {row.number: row for row in golden_set.items.filter(valid_to_version=None)}
    change.withdraw(golden_set.items.filter(valid_to_version=None).exclude(number__in=wanted))
    for each, row in wanted.items():
        if each not in now:
            change.bring_back(row, new_item(row), by=by)
        elif now[each].id != row.id:
            change.replace(now[each], new_item(row), by=by)
    return change.write(by=by, origin=Origin.HAND, note=_("Back to version %(n)s") % {"n": number})


@transaction.atomic
def withdraw_items_of(correction_id: UUID, *, by: User | None = None, set_ids: Sequence[UUID] | None = None) -> int:
    """Leave out what came from a correction, in these sets (None: every one); how many items.

    The caller has asked for the right.
    """
    sets = GoldenSet.objects.filter(items__correction_id=correction_id, items__valid_to_version=None)
    if set_ids is not None:
        sets = sets.filter(id__in=set_ids)
    withdrawn = 0
    # In one order, so that two withdrawals never wait for each other.
    for golden_set in sets.distinct().order_by("id"):
        change = begin_change(golden_set)
        change.withdraw(golden_set.items.filter(correction_id=correction_id, valid_to_version=None))
        withdrawn += change.write(by=by, origin=Origin.CORRECTION, note=_("Approval withdrawn")).withdrawn
    return withdrawn


def new_item(row: GoldenItem) -> NewItem:
    """A stored item as one could add it."""
    return NewItem(
        question=row.question,
        inputs=row.inputs,
        expected=row.expected,
        metadata=row.metadata,
        tags=tuple(row.tags),
        source_message_id=row.source_message_id,
        source_trace_id=row.source_trace_id,
        correction_id=row.correction_id,
    )


def checked_item(item: NewItem) -> NewItem:
    """The item as it is stored. Raises InvalidInput that names the part."""
    try:
        return checked(item)
    except BadItem as exc:
        raise InvalidInput(fault_in_words(exc), field=exc.part, reason=exc.fault) from exc


def fault_in_words(bad: BadItem) -> str:
    """What is wrong with an item, for the person who wrote it."""
    words = {
        "nothing_asked": _("Give a question or at least one input."),
        "too_long": _("%(part)s is too long."),
        "not_an_object": _("%(part)s must be a JSON object: names and values."),
        "bad_tags": _("Give up to 20 tags of up to 60 characters each."),
        "not_json": _("%(part)s is not valid JSON."),
        "not_text": _("%(part)s must be a text."),
        "too_many_cells": _("There are more cells than columns."),
    }
    parts = {
        "question": _("The question"),
        "inputs": _("Inputs"),
        "expected": _("The expected answer"),
        "metadata": _("Notes"),
        "tags": _("Tags"),
        "expected_json": _("The expected answer"),
        "line": _("The line"),
    }
    return words[bad.fault] % {"part": parts.get(bad.part, bad.part)}


def require_right(user: User, team_id: UUID, *, right: str = "annotate") -> None:
    """Who reviews answers says what is expected. Raises NotFound, NotAllowed."""
    if not teams_of(user).filter(id=team_id).exists():
        raise NotFound(_("There is no such golden set in your teams."))
    if not may(user, right, team_id=team_id):
        raise NotAllowed(_("Your role in this team does not include golden sets."))


def _over(row: GoldenItem, item: NewItem) -> NewItem:
    """What the new item says; where it says nothing, notes, tags and origin stay."""
    return replace(
        item,
        metadata=item.metadata or row.metadata,
        tags=item.tags or tuple(row.tags),
        source_message_id=item.source_message_id or row.source_message_id,
        source_trace_id=item.source_trace_id or row.source_trace_id,
        correction_id=item.correction_id,
    )


def _content(row: GoldenItem) -> Mapping[str, Any]:
    return {
        "question": row.question,
        "inputs": row.inputs,
        "expected": row.expected,
        "metadata": row.metadata,
        "tags": row.tags,
    }
