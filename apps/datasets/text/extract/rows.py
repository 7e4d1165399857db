"""Owns how the rows of a table become sections: groups as Markdown tables, the header repeated in every group."""

from collections.abc import Iterable, Iterator, Sequence

from apps.datasets.text.extract.tables import markdown_row, markdown_rule
from apps.datasets.text.scripts import estimate_tokens
from apps.datasets.text.sections import Section

GROUP_CHARS = 500
GROUP_TOKENS = 250
"""A group fits in one chunk of the usual size, so that every chunk has the header."""


def row_groups(
    rows: Iterable[Sequence[str]], *, page: int | None = None, heading_path: tuple[str, ...] = ()
) -> Iterator[Section]:
    """One section per group of rows; rows without any text are left out, the first that has some is the header."""
    filled = (row for row in rows if any(cell.strip() for cell in row))
    header = next(filled, None)
    if header is None:
        return
    head = f"{markdown_row(header)}\n{markdown_rule(len(header))}"
    table, rows_held = head, 0
    for row in filled:
        grown = f"{table}\n{markdown_row(row)}"
        if rows_held and (len(grown) > GROUP_CHARS or estimate_tokens(grown) > GROUP_TOKENS):
            yield Section(text=table, page=page, heading_path=heading_path)
            grown, rows_held = f"{head}\n{markdown_row(row)}", 0
        table, rows_held = grown, rows_held + 1
    yield Section(text=table, page=page, heading_path=heading_path)
