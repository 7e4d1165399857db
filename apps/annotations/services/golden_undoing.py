"""Taking one change of a golden set back: as a change of its own, and only where nothing has happened since."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from apps.annotations.models import GoldenSet, GoldenVersion
from apps.annotations.selectors.golden import open_golden_version
from apps.annotations.services.golden_changing import Changed, begin_change
from apps.annotations.services.golden_items import new_item, require_right


@transaction.atomic
def undo_version(golden_set: GoldenSet, number: int, *, by: User) -> Changed:
    """Take back what a version changed: added items go, those taken out return, changed ones are as they were.

    Items that were changed again since are left alone, and so are those whose correction is not approved any more.
    Raises NotFound, NotAllowed.
    """
    require_right(by, golden_set.team_id)
    open_golden_version(golden_set, number)
    change = begin_change(golden_set)
    begun = {row.number: row for row in golden_set.items.filter(valid_from_version=number)}
    ended = {row.number: row for row in golden_set.items.filter(valid_to_version=number).select_related("correction")}
    added = [row.id for each, row in begun.items() if each not in ended]
    change.withdraw(golden_set.items.filter(id__in=added, valid_to_version=None))
    standing = set(golden_set.items.filter(valid_to_version=None).values_list("number", flat=True))
    for each, row in ended.items():
        if row.correction is not None and not row.correction.is_approved:
            continue
        if each in begun and begun[each].is_current:
            change.replace(begun[each], new_item(row), by=by)
        elif each not in begun and each not in standing:
            change.bring_back(row, new_item(row), by=by)
    note = _("Version %(n)s undone") % {"n": number}
    return change.write(by=by, origin=GoldenVersion.Origin.HAND, note=note)
