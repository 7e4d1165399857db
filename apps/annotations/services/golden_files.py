"""Taking files of items in: what one would do is told first, then it is done as one version."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from accounts.models import User
from apps.annotations.golden.reading import BadFile, Reading, read_items
from apps.annotations.models import GoldenSet, GoldenVersion
from apps.annotations.services.golden_changing import Changed, Standing
from apps.annotations.services.golden_items import SameQuestion, add_items, require_right
from support.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What taking a file in would do."""

    reading: Reading
    new: int
    #: Word for word there already, or twice in the file.
    same: int
    #: Asked already, with another answer expected.
    differing: int


def preview_file(golden_set: GoldenSet, data: bytes, *, is_csv: bool, by: User) -> Preview:
    """Read a file and compare it with the newest version; nothing is changed.

    Raises NotFound, NotAllowed, InvalidInput.
    """
    require_right(by, golden_set.team_id)
    reading = _read(data, is_csv=is_csv)
    standing = Standing.of(golden_set, reading.items)
    new = same = differing = 0
    for item in reading.items:
        others = standing.like(item)
        if any(other.expected == item.expected for other in others):
            same += 1
        elif others:
            differing += 1
        else:
            new += 1
            standing.expect(golden_set, item)
    return Preview(reading=reading, new=new, same=same, differing=differing)


def import_file(
    golden_set: GoldenSet,
    data: bytes,
    *,
    is_csv: bool,
    by: User,
    same_question: SameQuestion,
    leave_out_bad: bool = False,
    name: str = "",
) -> Changed:
    """Take a file in as the next version; with lines that are wrong only if they may be left out.

    Raises NotFound, NotAllowed, InvalidInput.
    """
    reading = _read(data, is_csv=is_csv)
    if reading.bad_lines and not leave_out_bad:
        raise InvalidInput(_("Some lines are wrong. Mend them, or leave them out."), field="file")
    return add_items(
        golden_set,
        reading.items,
        by=by,
        origin=GoldenVersion.Origin.FILE,
        same_question=same_question,
        note=name,
    )


def _read(data: bytes, *, is_csv: bool) -> Reading:
    try:
        return read_items(data, is_csv=is_csv)
    except BadFile as exc:
        words = {
            "too_large": _("The file is larger than 20 MB."),
            "not_text": _("The file is not UTF-8. In a spreadsheet choose “CSV UTF-8” when saving."),
            "empty": _("The file holds no items."),
            "no_columns": _("The first line must name the columns, one of them “question”."),
            "too_many": _("The file holds more than 20,000 items."),
        }
        raise InvalidInput(words[str(exc)], field="file") from exc
