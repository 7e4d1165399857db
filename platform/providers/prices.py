"""Which prices hold for a team: its own before those of the list."""

from __future__ import annotations

import time
from uuid import UUID

from model_runtime.price_book import PriceBook
from providers.models import ModelPrice

#: A changed price is used by every process after so many seconds at the latest.
KEPT_S = 30.0
_books: dict[UUID, tuple[float, PriceBook]] = {}


def price_book(team_id: UUID) -> PriceBook:
    """The prices of a team. One query, and none while the answer of an earlier call is fresh."""
    kept = _books.get(team_id)
    if kept is not None and kept[0] > time.monotonic():
        return kept[1]
    book = PriceBook([row.as_price() for row in ModelPrice.objects.filter(team_id=team_id)])
    _books[team_id] = time.monotonic() + KEPT_S, book
    return book


def forget_prices() -> None:
    """Ask anew: a price was changed."""
    _books.clear()
