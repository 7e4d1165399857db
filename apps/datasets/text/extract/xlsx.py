"""Reads Excel workbooks (.xlsx, .xlsm, .xlsb, the old .xls) and OpenDocument sheets in groups of rows.

A sheet is a page: its number is its position, its name heads the path. Values are what the workbook last computed.
"""

import datetime
from collections.abc import Iterator
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum

from apps.datasets.text.errors import Damaged, Encrypted, TooLarge
from apps.datasets.text.extract.rows import row_groups
from apps.datasets.text.limits import Limits
from apps.datasets.text.sections import Section

MAX_ROWS = 2_000_000
Value = int | float | str | bool | datetime.time | datetime.date | datetime.datetime | datetime.timedelta


def page_count(path: Path) -> int | None:
    """How many sheets hold cells."""
    with _opened(path) as book:
        return len(_sheets(book))


def extract(path: Path, *, limits: Limits) -> Iterator[Section]:
    """Yield groups of rows; every group begins with the header of its sheet."""
    with _opened(path) as book:
        names = _sheets(book)
        if len(names) > limits.max_pages:
            raise TooLarge(what="sheets", limit=limits.max_pages)
        left = MAX_ROWS
        for number, name in enumerate(names, start=1):
            try:
                sheet = book.get_sheet_by_name(name)
            except CalamineError as exc:
                raise Damaged(kind="xlsx", reason=f"the sheet {name} cannot be opened") from exc
            left -= sheet.total_height
            if left < 0:
                raise TooLarge(what="rows", limit=MAX_ROWS)
            rows = ([_shown(cell) for cell in row] for row in sheet.iter_rows())
            yield from row_groups(rows, page=number, heading_path=(name,))


def _opened(path: Path) -> CalamineWorkbook:
    try:
        return CalamineWorkbook.from_path(str(path))
    except PasswordError as exc:
        raise Encrypted from exc
    except (CalamineError, OSError, ValueError) as exc:
        raise Damaged(kind="xlsx", reason="its sheets cannot be opened") from exc


def _sheets(book: CalamineWorkbook) -> list[str]:
    return [each.name for each in book.sheets_metadata if each.typ == SheetTypeEnum.WorkSheet]


def _shown(value: Value) -> str:
    """A cell as a person sees it: whole numbers without a point, midnight without a time."""
    match value:
        case bool():
            return "TRUE" if value else "FALSE"
        case float() if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        case float():
            return f"{value:.15g}"
        case datetime.datetime() if value.time() == datetime.time():
            return value.date().isoformat()
        case datetime.datetime():
            return value.isoformat(sep=" ", timespec="seconds")
    return str(value)
