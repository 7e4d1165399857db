"""A form field for rows of which some are chosen in an order: checkboxes that can be moved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.db.models import Case, Value, When
from django.utils.translation import gettext_lazy as _


class OrderedChoiceField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Checkboxes are sent in the order in which they stand, and that is the order of what was chosen.

    `annotations/ordered.js` puts buttons on the page that move them.
    """

    widget = forms.CheckboxSelectMultiple

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        """What the buttons are called."""
        return {**super().widget_attrs(widget), "data-up": _("Move up"), "data-down": _("Move down")}

    def clean(self, value: Any) -> list[Any]:  # type: ignore[override]
        """The chosen rows in their order. Raises ValidationError."""
        found = super().clean(value)
        places = {str(each): place for place, each in enumerate(value or ())}
        return sorted(found, key=lambda row: places.get(str(row.pk), len(places)))


def chosen_first(ids: Sequence[Any], *rest: Any) -> tuple[Any, ...]:
    """For `order_by`: what was chosen in its order, then the rest."""
    places = [When(id=chosen, then=Value(place)) for place, chosen in enumerate(ids)]
    return (*([Case(*places, default=Value(len(places)))] if places else []), *rest)
