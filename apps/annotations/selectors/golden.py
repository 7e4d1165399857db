"""Reading golden sets: the door to a set, the items of a version, and what changed when."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery

from apps.annotations.models import GoldenItem, GoldenSet, GoldenVersion
from support.errors import NotFound

MOST_VERSIONS = 100


def golden_sets(team_ids: Iterable[UUID]) -> QuerySet[Any]:
    """The teams' sets by name, each with `item_count`."""
    latest = GoldenVersion.objects.filter(golden_set=OuterRef("pk"), number=OuterRef("version"))
    return (
        GoldenSet.objects.filter(team_id__in=list(team_ids))
        .select_related("application", "team")
        .annotate(item_count=Subquery(latest.values("items")[:1]))
        .order_by("name")
    )


def open_golden_set(set_id: UUID, *, team_ids: Iterable[UUID]) -> GoldenSet:
    """The one door to a set. Raises NotFound."""
    found = GoldenSet.objects.filter(id=set_id, team_id__in=list(team_ids)).select_related("application").first()
    if found is None:
        raise NotFound("There is no such golden set in your teams.")
    return found


def items_of(golden_set: GoldenSet, version: int) -> QuerySet[GoldenItem]:
    """The items that a version has, by number. The same ones whenever one asks."""
    begun = golden_set.items.filter(valid_from_version__lte=version)
    return begun.filter(Q(valid_to_version=None) | Q(valid_to_version__gt=version)).order_by("number")


def open_golden_version(golden_set: GoldenSet, number: int) -> GoldenVersion:
    """A version by its number. Raises NotFound."""
    found = golden_set.versions.filter(number=number).select_related("created_by").first()
    if found is None:
        raise NotFound("There is no such version.")
    return found


def golden_versions_of(golden_set: GoldenSet) -> list[GoldenVersion]:
    """The newest versions of a set."""
    return list(golden_set.versions.select_related("created_by")[:MOST_VERSIONS])


def open_item(golden_set: GoldenSet, number: int, *, version: int | None = None) -> GoldenItem:
    """An item as a version has it; without one, as it is now or was last. Raises NotFound."""
    found = golden_set.items.filter(number=number).select_related("correction", "created_by")
    if version is not None:
        found = found.filter(valid_from_version__lte=version)
    item = found.order_by("-valid_from_version").first()
    if item is None:
        raise NotFound("There is no such item.")
    return item


def states_of(golden_set: GoldenSet, number: int) -> list[GoldenItem]:
    """All states that an item had, newest first."""
    states = golden_set.items.filter(number=number).select_related("created_by")
    return list(states.order_by("-valid_from_version")[:MOST_VERSIONS])


def tags_in(golden_set: GoldenSet, version: int) -> list[tuple[str, int]]:
    """The tags that items of a version have, each with how many."""
    from_rows = items_of(golden_set, version).exclude(tags=[]).order_by()
    counted: dict[str, int] = {}
    for tags in from_rows.values_list("tags", flat=True):
        for tag in tags:
            counted[tag] = counted.get(tag, 0) + 1
    return sorted(counted.items())


def facts_of(golden_set: GoldenSet, version: int) -> dict[str, int]:
    """How many items a version has, and how many of them come from where."""
    return items_of(golden_set, version).aggregate(
        items=Count("id"),
        expecting=Count("id", filter=Q(expected__isnull=False)),
        from_corrections=Count("id", filter=Q(correction__isnull=False)),
        from_traces=Count("id", filter=Q(source_trace_id__isnull=False, correction__isnull=True)),
    )


def items_from_trace(trace_id: UUID, *, team_ids: Iterable[UUID]) -> list[GoldenItem]:
    """The current items that a trace led to, for the way from it to them."""
    found = GoldenItem.objects.filter(source_trace_id=trace_id, team_id__in=list(team_ids), valid_to_version=None)
    return list(found.select_related("golden_set").order_by(F("golden_set__name"), "number")[:20])
