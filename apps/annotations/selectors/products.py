"""What became of corrections, for the pages that lead there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from apps.annotations.models import Annotation, FewShotExample, GoldenItem, PreferencePair


class Kind(StrEnum):
    """What an approved correction may become."""

    ANNOTATION = "annotation"
    EXAMPLE = "example"
    GOLDEN_ITEM = "golden-item"
    PREFERENCE_PAIR = "preference-pair"


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One thing that came of a correction, and whether it is in use."""

    kind: Kind
    id: UUID
    is_in_use: bool
    #: Questions answered from an annotation.
    hits: int = 0
    #: Of a golden item: its set, its number there, and the version that has it first or has it no more.
    set_id: UUID | None = None
    set_name: str = ""
    number: int = 0
    version: int = 0


def products_of(correction_ids: Iterable[UUID]) -> dict[UUID, list[Product]]:
    """correction -> its products, in four queries for all; corrections without any are absent."""
    ids = list(correction_ids)
    found: dict[UUID, list[Product]] = defaultdict(list)
    for annotation in Annotation.objects.filter(correction__in=ids).only("correction_id", "is_enabled", "hit_count"):
        _add(found, annotation.correction_id, _simple(Kind.ANNOTATION, annotation, hits=annotation.hit_count))
    for example in FewShotExample.objects.filter(correction__in=ids).only("correction_id", "is_enabled"):
        _add(found, example.correction_id, _simple(Kind.EXAMPLE, example))
    for correction_id, item in _golden_items(ids):
        _add(found, correction_id, item)
    for pair in PreferencePair.objects.filter(correction__in=ids).only("correction_id", "is_enabled"):
        _add(found, pair.correction_id, _simple(Kind.PREFERENCE_PAIR, pair))
    return dict(found)


def _add(found: dict[UUID, list[Product]], correction_id: UUID | None, product: Product) -> None:
    if correction_id is not None:
        found[correction_id].append(product)


def _simple(kind: Kind, row: Annotation | FewShotExample | PreferencePair, *, hits: int = 0) -> Product:
    return Product(kind=kind, id=row.id, is_in_use=row.is_enabled, hits=hits)


def _golden_items(ids: list[UUID]) -> list[tuple[UUID | None, Product]]:
    """The newest state of the item in each set."""
    rows = GoldenItem.objects.filter(correction__in=ids).select_related("golden_set")
    newest = rows.order_by("correction_id", "golden_set_id", "-valid_from_version")
    return [
        (
            row.correction_id,
            Product(
                kind=Kind.GOLDEN_ITEM,
                id=row.id,
                is_in_use=row.is_current,
                set_id=row.golden_set_id,
                set_name=row.golden_set.name,
                number=row.number,
                version=row.valid_to_version or row.valid_from_version,
            ),
        )
        for row in newest.distinct("correction_id", "golden_set_id")
    ]
