"""Which state an item of a review queue is in, and what may happen to it next. Pure: no clock, no database."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

#: So many people could not judge it: nobody else is asked until somebody looks at why.
MOST_SKIPS = 3


class ItemState(StrEnum):
    """Where an item is on its way."""

    PENDING = "pending"
    DISAGREED = "disagreed"
    COMPLETED = "completed"
    ADJUDICATED = "adjudicated"
    SET_ASIDE = "set-aside"


class AssignmentState(StrEnum):
    """What one person has to do with one item."""

    LEASED = "leased"
    SUBMITTED = "submitted"
    #: Could not or would not judge it; does not get it again.
    SKIPPED = "skipped"
    #: Put it off: gets it again when nothing else is left.
    LATER = "later"
    #: The lease ran out, or it was given back.
    RELEASED = "released"


#: States that hold one of the places of an item.
HOLDING = frozenset({AssignmentState.LEASED, AssignmentState.SUBMITTED})
#: States after which a person is asked about the item again only when everything else is done.
PUT_OFF = frozenset({AssignmentState.LATER})
#: States after which a person is not asked again.
DONE_WITH = frozenset({AssignmentState.SUBMITTED, AssignmentState.SKIPPED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known about an item: how many answers it needs and has, and whether those say the same."""

    wanted: int
    submitted: int
    skipped: int = 0
    agreed: bool = True
    adjudicated: bool = False


def state_of(standing: Standing) -> ItemState:
    """The state that follows from what stands; events need not be remembered."""
    if standing.adjudicated:
        return ItemState.ADJUDICATED
    if standing.submitted >= standing.wanted:
        return ItemState.COMPLETED if standing.agreed else ItemState.DISAGREED
    return ItemState.SET_ASIDE if standing.skipped >= MOST_SKIPS else ItemState.PENDING


def may_undo(state: ItemState) -> bool:
    """An answer can be taken back until somebody decided on it."""
    return state is not ItemState.ADJUDICATED


def may_adjudicate(state: ItemState) -> bool:
    """Decided is what people saw differently; a decision can be made anew."""
    return state in (ItemState.DISAGREED, ItemState.ADJUDICATED)
