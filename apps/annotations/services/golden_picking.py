"""Good cases that people pick in lists, by the ids of messages, traces or corrections, as items of golden sets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.selectors import may, teams_of
from apps.annotations.golden.item import BadItem, NewItem, checked
from apps.annotations.models import Correction, Feedback, GoldenItem, GoldenSet, GoldenVersion
from apps.annotations.services.golden_changing import Changed
from apps.annotations.services.golden_items import SameQuestion, add_items
from apps.annotations.services.golden_sources import item_as_answered, item_of_correction, item_of_trace
from apps.traces.selectors.lists import PICKED, of_teams, question_of, rows_of
from apps.workflows.selectors.messages import recent_messages
from support.errors import Conflict, InvalidInput, NotAllowed

#: As many enter at once, so that one sees what one does and waits for it.
MOST_PICKED = 1_000
Status = Correction.Status
#: What such a trace says is nothing to expect.
BAD = ("failed", "stopped", "incomplete")


@dataclass(slots=True, kw_only=True)
class Picked:
    """What was picked, as items by team."""

    items: dict[UUID, list[NewItem]] = field(default_factory=lambda: defaultdict(list))
    #: The apps they are from.
    application_ids: set[UUID] = field(default_factory=set)
    #: Enter without an expected answer, because theirs was disliked or failed and nobody has corrected it.
    unexpected: int = 0
    #: Corrections that are not in force.
    unapproved: int = 0
    #: Ask nothing, or too much.
    unfit: int = 0
    #: There no more, or never for this person.
    gone: int = 0

    @property
    def count(self) -> int:
        """How many items there are."""
        return sum(map(len, self.items.values()))


@dataclass(slots=True, kw_only=True)
class Fit:
    """What adding the picked items to a set would do."""

    new: int = 0
    #: There already, word for word.
    same: int = 0
    #: Picked twice: they ask and say what another one does.
    repeated: int = 0
    #: Asked already, with another answer expected.
    differing: int = 0
    #: Of other teams than the set.
    elsewhere: int = 0


def ids_found(query: Mapping[str, str], *, by: User) -> list[UUID]:
    """The newest traces that fit the filters of a list, of the person's teams. Raises InvalidInput."""
    question = question_of({name: value for name, value in query.items() if name != PICKED}, table="traces")
    teams = _teams(by)
    rows = rows_of(question, within=of_teams("traces", teams), team_ids=teams).order_by("-started_at", "-id")
    return list(rows.values_list("id", flat=True)[:MOST_PICKED])


def look_up(ids: Sequence[UUID], *, by: User) -> Picked:
    """What these ids stand for, as far as the person may review it; each case once. Raises InvalidInput."""
    if len(ids) > MOST_PICKED:
        raise InvalidInput(_("At most %(n)s at once.") % {"n": MOST_PICKED})
    teams = _teams(by)
    picked = Picked()
    corrections = {row.id: row for row in _corrections(teams).filter(id__in=ids)}
    traces = {row.id: row for row in of_teams("traces", teams).filter(id__in=ids)}
    # A trace that tells of a message is that message.
    told = {*ids, *(row.message_id for row in traces.values() if row.message_id)}
    turns = {row.id: row for row in recent_messages(teams).filter(id__in=told)}
    stand = {row.message_id: row for row in _corrections(teams).filter(message_id__in=turns, status=Status.APPROVED)}
    disliked = _disliked(turns)
    seen: set[UUID] = set()
    for each in ids:
        row = corrections.get(each) or _turn_or_trace(each, turns, traces)
        row = stand.get(row.id, row) if row is not None else None
        if row is None:
            picked.gone += 1
        elif row.id in seen:
            continue
        elif isinstance(row, Correction) and not row.is_approved:
            picked.unapproved += 1
        elif isinstance(row, Correction):
            _note(picked, row, item_of_correction(row), is_bad=False)
        elif row.id in turns:
            _note(picked, row, item_as_answered(row), is_bad=row.id in disliked or row.status == "error")
        else:
            _note(picked, row, item_of_trace(row), is_bad=row.status in BAD)
        if row is not None:
            seen.add(row.id)
    return picked


def fits(golden_sets: Collection[GoldenSet], picked: Picked) -> dict[UUID, Fit]:
    """set -> what adding would do, in one query for all."""
    every = [item for items in picked.items.values() for item in items]
    current = GoldenItem.objects.filter(golden_set__in=[each.id for each in golden_sets], valid_to_version=None)
    rows = current.filter(key__in={item.key for item in every}) | current.filter(
        correction__in=[item.correction_id for item in every if item.correction_id]
    )
    there: dict[UUID, list[GoldenItem]] = defaultdict(list)
    for row in rows.only("golden_set_id", "key", "expected", "correction_id"):
        there[row.golden_set_id].append(row)
    return {each.id: _fit(picked.items.get(each.team_id, []), there[each.id], picked) for each in golden_sets}


@transaction.atomic
def put_picked(
    golden_set: GoldenSet, picked: Picked, *, by: User, same_question: SameQuestion = SameQuestion.SKIP
) -> Changed:
    """Add the picked items of the set's team as its next version. Raises NotFound, NotAllowed, InvalidInput."""
    items = picked.items.get(golden_set.team_id, [])
    if same_question is not SameQuestion.ADD:
        items = _as_asked_there(golden_set, items)
    is_told = all(item.source_message_id for item in items)
    origin = GoldenVersion.Origin.CONVERSATION if is_told else GoldenVersion.Origin.TRACE
    return add_items(golden_set, items, by=by, origin=origin, same_question=same_question)


def new_set(name: str, *, team_id: UUID, application_id: UUID | None, by: User) -> GoldenSet:
    """An empty set for what was picked. Raises NotAllowed, InvalidInput, Conflict."""
    if not may(by, "edit", team_id=team_id):
        raise NotAllowed(_("Your role in this team does not include making golden sets."))
    name = " ".join(name.replace("\x00", "").split())
    if not name or len(name) > 80:
        raise InvalidInput(_("Give the new set a name of up to 80 characters."), field="name")
    if GoldenSet.objects.filter(team_id=team_id, name=name).exists():
        raise Conflict(_("There is a golden set with this name already."), field="name")
    return GoldenSet.objects.create(team_id=team_id, name=name, application_id=application_id, created_by=by)


def _teams(user: User) -> list[UUID]:
    ids = teams_of(user).values_list("id", flat=True)
    return [team_id for team_id in ids if may(user, "annotate", team_id=team_id)]


def _corrections(teams: list[UUID]) -> Any:
    return Correction.objects.filter(team_id__in=teams).select_related("message")


def _turn_or_trace(each: UUID, turns: Mapping[UUID, Any], traces: Mapping[UUID, Any]) -> Any:
    trace = traces.get(each)
    return turns.get(each) or (turns.get(trace.message_id, trace) if trace is not None else None)


def _disliked(ids: Iterable[UUID]) -> set[UUID]:
    given = Feedback.objects.filter(message_id__in=list(ids), superseded_at=None, rating=Feedback.Rating.DISLIKE)
    return set(given.values_list("message_id", flat=True))


def _note(picked: Picked, row: Any, item: NewItem, *, is_bad: bool) -> None:
    """Note what a row makes. A bad answer is nothing to expect."""
    try:
        item = checked(replace(item, expected=None) if is_bad else item)
    except BadItem:
        picked.unfit += 1
        return
    picked.unexpected += is_bad
    picked.items[row.team_id].append(item)
    if row.application_id is not None:
        picked.application_ids.add(row.application_id)


def _as_asked_there(golden_set: GoldenSet, items: list[NewItem]) -> list[NewItem]:
    """A correction of what the set asks already, by another item, is another answer to that."""
    current = golden_set.items.filter(valid_to_version=None)
    asked = set(current.filter(key__in=[item.key for item in items]).values_list("key", flat=True))
    linked = set(current.exclude(correction=None).values_list("correction_id", flat=True))
    return [
        replace(item, correction_id=None) if item.key in asked and item.correction_id not in linked else item
        for item in items
    ]


def _fit(items: list[NewItem], there: list[GoldenItem], picked: Picked) -> Fit:
    """As `add_items` with `SKIP` goes about it: an earlier item of the selection counts as there for a later one."""
    fit = Fit(elsewhere=picked.count - len(items))
    own: dict[str, list[Any]] = defaultdict(list)
    expected: dict[str, list[Any]] = defaultdict(list)
    corrections = {row.correction_id: row for row in there if row.correction_id}
    for row in there:
        expected[row.key].append(row.expected)
    for item in items:
        of_correction = corrections.get(item.correction_id) if item.correction_id else None
        others = expected[item.key] if of_correction is None else [of_correction.expected]
        if item.expected in own[item.key]:
            fit.repeated += 1
        elif item.expected in others:
            fit.same += 1
        elif not others and not own[item.key]:
            fit.new += 1
            own[item.key].append(item.expected)
        else:
            fit.differing += 1
    return fit
