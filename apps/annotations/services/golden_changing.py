"""One change of a golden set while it is put together: the rows that it ends and adds, written as one version."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from accounts.models import User
from apps.annotations.golden.item import NewItem
from apps.annotations.models import GoldenItem, GoldenSet, GoldenVersion
from apps.annotations.selectors.golden import items_of
from support.errors import InvalidInput

BATCH = 500
#: Experiments run every item.
MOST_ITEMS = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What a change did. The version is the one that stands now; where nothing changed, the one before."""

    version: int
    added: int = 0
    changed: int = 0
    withdrawn: int = 0
    #: Were there already.
    skipped: int = 0


class Standing:
    """The current items that new ones may repeat."""

    def __init__(self, rows: Sequence[GoldenItem]) -> None:
        self._by_key: dict[str, list[GoldenItem]] = defaultdict(list)
        self._by_correction: dict[UUID, GoldenItem] = {}
        for row in rows:
            self.note(row)

    @classmethod
    def of(cls, golden_set: GoldenSet, wanted: Sequence[NewItem]) -> Standing:
        """What the set has of these questions and corrections."""
        current = golden_set.items.filter(valid_to_version=None)
        same = current.filter(key__in={item.key for item in wanted})
        corrections = {item.correction_id for item in wanted if item.correction_id is not None}
        return cls(list((same | current.filter(correction_id__in=corrections)).order_by("number")))

    def like(self, item: NewItem) -> list[GoldenItem]:
        """Items of the same correction, or else those that ask the same."""
        if item.correction_id is not None:
            return [self._by_correction[item.correction_id]] if item.correction_id in self._by_correction else []
        return self._by_key[item.key]

    def expect(self, golden_set: GoldenSet, item: NewItem) -> None:
        """Count an item as there that is not, as when a file is looked through."""
        row = GoldenItem(golden_set=golden_set, number=-1, key=item.key, expected=item.expected)
        self._by_key[item.key].append(row)

    def note(self, row: GoldenItem) -> None:
        """Count it as there; it takes the place of an earlier state of itself."""
        same = self._by_key[row.key]
        same[:] = [other for other in same if other.number != row.number] + [row]
        if row.correction_id is not None:
            self._by_correction[row.correction_id] = row


class Change:
    """The rows that a change ends and adds, written together as one version."""

    def __init__(self, golden_set: GoldenSet) -> None:
        self._set = golden_set
        self._ended: set[UUID] = set()
        self._rows: dict[int, GoldenItem] = {}
        self._next_number = golden_set.next_number
        self.added = self.changed = self.withdrawn = self.skipped = 0

    def add(self, item: NewItem, *, by: User) -> GoldenItem:
        """A new item with the next number."""
        row = self._row(item, number=self._next_number, by=by)
        self._next_number += 1
        self.added += 1
        return row

    def replace(self, old: GoldenItem, item: NewItem, *, by: User) -> GoldenItem:
        """Another state of an item, which may be one of this very change."""
        if old.number not in self._rows:
            self._ended.add(old.id)
            self.changed += 1
        return self._row(item, number=old.number, by=by)

    def bring_back(self, old: GoldenItem, item: NewItem, *, by: User) -> GoldenItem:
        """An item that was taken out, under its number."""
        self.added += 1
        return self._row(item, number=old.number, by=by)

    def withdraw(self, rows: Any) -> None:
        """End these items."""
        ids = set(rows.values_list("id", flat=True))
        self._ended |= ids
        self.withdrawn += len(ids)

    def write(self, *, by: User | None, origin: str, note: str) -> Changed:
        """The next version, if anything changed. Raises InvalidInput."""
        locked = self._set
        if not (self._ended or self._rows):
            return Changed(version=locked.version, skipped=self.skipped)
        version = locked.version + 1
        for row in self._rows.values():
            row.valid_from_version = version
        GoldenItem.objects.filter(id__in=self._ended).update(valid_to_version=version)
        GoldenItem.objects.bulk_create(self._rows.values(), batch_size=BATCH)
        locked.version, locked.next_number = version, self._next_number
        locked.save(update_fields=["version", "next_number", "updated_at"])
        count = items_of(locked, version).count()
        if count > MOST_ITEMS:
            raise InvalidInput(_("A golden set cannot have so many items."), field="items")
        done = {"added": self.added, "changed": self.changed, "withdrawn": self.withdrawn}
        GoldenVersion.objects.create(
            team_id=locked.team_id,
            golden_set=locked,
            number=version,
            origin=origin,
            note=note[:200],
            items=count,
            created_by=by,
            **done,
        )
        return Changed(version=version, skipped=self.skipped, **done)

    def _row(self, item: NewItem, *, number: int, by: User) -> GoldenItem:
        row = GoldenItem(
            team_id=self._set.team_id,
            golden_set=self._set,
            number=number,
            key=item.key,
            source_message_id=item.source_message_id,
            source_trace_id=item.source_trace_id,
            correction_id=item.correction_id,
            created_by=by,
            **item.content(),
        )
        self._rows[number] = row
        return row


def begin_change(golden_set: GoldenSet) -> Change:
    """A change on the set as it is now; others wait until it is over. The caller's object is brought up to date."""
    locked = GoldenSet.objects.select_for_update().get(id=golden_set.id)
    golden_set.version, golden_set.next_number = locked.version, locked.next_number
    return Change(golden_set)
