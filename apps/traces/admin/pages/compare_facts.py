"""What stands above two compared traces: their figures side by side, and how far apart they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from apps.traces.admin.formats import duration
from apps.traces.models import Trace
from support import money


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One figure of both traces in words, and how far apart they are."""

    label: str
    left: str
    right: str
    more: str = ""
    changed: str = "same"

    @classmethod
    def of(cls, label: str, left: Any, right: Any, words: Callable[[Any], str], *, more_is_bad: bool = False) -> Fact:
        """The fact of two numbers, either of which may be missing; `words` writes one."""
        shown = ["–" if each is None else words(each) for each in (left, right)]
        apart = right - left if left is not None and right is not None else 0
        changed = "same" if not apart or not more_is_bad else "slower" if apart > 0 else "faster"
        more = ("+" if apart > 0 else "−") + words(abs(apart)) if apart else ""
        return cls(label=label, left=shown[0], right=shown[1], more=more, changed=changed)


def facts_of(left: Trace, right: Trace) -> Iterator[Fact]:
    """What can be said of both in one number; amounts of two currencies have no difference."""
    yield Fact.of(_("Duration"), left.duration_us, right.duration_us, duration, more_is_bad=True)
    if left.first_text_us is not None or right.first_text_us is not None:
        yield Fact.of(_("First text"), left.first_text_us, right.first_text_us, duration, more_is_bad=True)
    yield Fact.of(_("Tokens"), left.total_tokens, right.total_tokens, _whole)
    if left.cost is not None or right.cost is not None:
        yield _cost(left, right)
    yield Fact.of(_("Spans"), left.span_count, right.span_count, _whole)
    yield Fact.of(_("Errors"), left.error_count, right.error_count, _whole, more_is_bad=True)
    if left.version_number or right.version_number:
        yield Fact(label=_("Version"), left=str(left.version_number or "–"), right=str(right.version_number or "–"))


def _cost(left: Trace, right: Trace) -> Fact:
    if left.currency == right.currency:
        return Fact.of(
            _("Cost"), left.cost, right.cost, lambda cost: money.in_words(cost, left.currency), more_is_bad=True
        )
    return Fact(
        label=_("Cost"),
        left=money.in_words(left.cost, left.currency),
        right=money.in_words(right.cost, right.currency),
    )


def _whole(number: int) -> str:
    return f"{number:,}"
