"""Lines as files: JSON lines, CSV for spreadsheets, Parquet. The same lines make the same bytes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any, BinaryIO, Protocol

import orjson

from apps.annotations.training.formats import FORMATS, Line

#: What a spreadsheet would take for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
#: Rows of a group in Parquet: as many are in memory at once.
GROUP_ROWS = 250


class Sink(Protocol):
    """Takes lines, page by page, and is closed at the end."""

    def write(self, lines: Iterable[Line]) -> None: ...

    def close(self) -> None: ...


def open_sink(file: BinaryIO, *, format: str) -> Sink:
    """What writes a format into an open file."""
    match format:
        case "csv":
            return CsvSink(file)
        case "parquet":
            return ParquetSink(file)
        case _:
            return JsonLinesSink(file)


class JsonLinesSink:
    """One JSON object a line."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, lines: Iterable[Line]) -> None:
        self._file.write(b"".join(orjson.dumps(line) + b"\n" for line in lines))

    def close(self) -> None:
        self._file.flush()


class CsvSink:
    """For people: cells that a spreadsheet would calculate get an apostrophe, and the mark of UTF-8 comes first."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._columns = list(FORMATS["csv"].schema["properties"])
        file.write(b"\xef\xbb\xbf")
        self._put([self._columns])

    def write(self, lines: Iterable[Line]) -> None:
        self._put([_guarded(str(line[column])) for column in self._columns] for line in lines)

    def close(self) -> None:
        self._file.flush()

    def _put(self, rows: Iterable[list[str]]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\r\n").writerows(rows)
        self._file.write(text.getvalue().encode())


class ParquetSink:
    """Columns, compressed with zstd, in groups of some hundred rows."""

    def __init__(self, file: BinaryIO) -> None:
        # 60 MB of library, which only who writes Parquet loads.
        import pyarrow
        import pyarrow.parquet

        self._pyarrow: Any = pyarrow
        columns = FORMATS["parquet"].schema["properties"]
        self._schema = pyarrow.schema(
            [
                (name, pyarrow.int64() if kind.get("type") == "integer" else pyarrow.string())
                for name, kind in columns.items()
            ]
        )
        # The system's allocator gives back what was written; texts hardly repeat, so dictionaries of them only cost.
        pyarrow.set_memory_pool(pyarrow.system_memory_pool())
        self._writer = pyarrow.parquet.ParquetWriter(file, self._schema, compression="zstd", use_dictionary=False)
        self._waiting: list[Line] = []

    def write(self, lines: Iterable[Line]) -> None:
        for line in lines:
            self._waiting.append(line)
            if len(self._waiting) >= GROUP_ROWS:
                self._put()

    def close(self) -> None:
        if self._waiting:
            self._put()
        self._writer.close()

    def _put(self) -> None:
        table = self._pyarrow.Table.from_pylist(self._waiting, schema=self._schema)
        self._writer.write_table(table, row_group_size=GROUP_ROWS)
        self._waiting = []


def _guarded(text: str) -> str:
    return f"'{text}" if text.lstrip(" \n").startswith(_FORMULA) else text
