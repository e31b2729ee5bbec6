"""Rows as files: csv, tsv, json, jsonl and parquet, by the ending of the name."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TextIO

from hfdl.errors import OutputError, shell_path

from ..printing.output_file import written_aside
from ..printing.text import to_json
from .cells import cell, plain

Row = Mapping[str, Any]


class Rows(Protocol):
    """Takes rows, all with the same columns, as they come."""

    def write(self, rows: Iterable[Row]) -> None:
        """Write some rows."""
        ...

    def close(self) -> None:
        """Write what belongs after the last row."""
        ...


def is_special(path: Path) -> bool:
    """Whether it is a device or a pipe (/dev/stdout), which no file can replace."""
    return path.exists() and not path.is_file() and not path.is_dir()


def refuse_ending(output: Path) -> None:
    """Refuse a name whose ending is no format; a name without one, or a device, gets JSON lines.

    Raises:
        OutputError: naming the endings that there are.
    """
    suffix = output.suffix.lower()
    if suffix and suffix not in _FORMATS and not is_special(output):
        raise OutputError(
            f"the ending {output.suffix!r} is unknown", where=str(output),
            rule=f"the ending says what is written: {', '.join(_FORMATS)}",
            remedy=f"name it: --output {shell_path(output.with_suffix('.csv'))}",
        )  # fmt: skip


@contextmanager
def row_file(output: Path) -> Iterator[Rows]:
    """A file of rows, which appears when it is complete.

    Raises:
        OutputError: it cannot be written.
    """
    make = _FORMATS.get(output.suffix.lower(), JsonLines)
    with written_aside(output) as path:
        try:
            stream = path.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise OutputError(
                f"cannot be written: {error.strerror}", where=str(output),
                remedy="name another file",
            ) from None  # fmt: skip
        with stream:
            rows: Rows = ParquetRows(path) if make is ParquetRows else make(stream)
            yield rows
            rows.close()


class JsonLines:
    """An object a line."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self.stream.write(f"{to_json(plain(row))}\n")
        self.stream.flush()

    def close(self) -> None:
        pass


class JsonArray:
    """One list of objects, an object a line."""

    def __init__(self, stream: TextIO) -> None:
        self.stream, self._before = stream, "[\n"

    def write(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self.stream.write(f"{self._before}{to_json(plain(row))}")
            self._before = ",\n"

    def close(self) -> None:
        self.stream.write("[]\n" if self._before == "[\n" else "\n]\n")


class CsvRows:
    """Comma-separated, quoted where it must be; a list or an object is JSON in its cell."""

    def __init__(self, stream: TextIO) -> None:
        self._writer = csv.writer(stream, lineterminator="\n")
        self._has_header = False

    def write(self, rows: Iterable[Row]) -> None:
        for row in rows:
            if not self._has_header:
                self._writer.writerow(row)
                self._has_header = True
            self._writer.writerow(map(cell, row.values()))

    def close(self) -> None:
        pass


class TsvRows:
    """Tab-separated as hfdl reads it: without quotes, so no cell may hold a tab or a line break."""

    def __init__(self, stream: TextIO) -> None:
        self.stream, self._count = stream, 0

    def write(self, rows: Iterable[Row]) -> None:
        for row in rows:
            if not self._count:
                self._line(row)
            self._count += 1
            self._line(map(cell, row.values()))

    def close(self) -> None:
        pass

    def _line(self, cells: Iterable[str]) -> None:
        texts = [*cells]
        for text in texts:
            if any(mark in text for mark in "\t\n\r"):
                raise OutputError(
                    f"a cell holds a tab or a line break: {text!r:.60}",
                    where=f"--output, row {self._count}",
                    rule="tsv has no quoting",
                    remedy="give the output a name that ends in .csv",
                )
        self.stream.write("\t".join(texts) + "\n")


class ParquetRows:
    """A parquet file. The rows are held until the last, since the types of its columns are theirs.

    A column of values that no one type holds is written as JSON texts.
    """

    def __init__(self, path: Path) -> None:
        from hfdl.data.readers.parquet_files import import_arrow

        self.path, self._arrow = path, import_arrow()
        self._columns: dict[str, list[Any]] = {}

    def write(self, rows: Iterable[Row]) -> None:
        for row in rows:
            for name, value in row.items():
                self._columns.setdefault(name, []).append(value)

    def close(self) -> None:
        pa, pq = self._arrow
        columns = {name: _array(pa, values) for name, values in self._columns.items()}
        pq.write_table(pa.table(columns), self.path)


def _array(pa: Any, values: list[Any]) -> Any:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return pa.array([None if v is None else to_json(plain(v)) for v in values])


_FORMATS: dict[str, Any] = {
    ".csv": CsvRows, ".tsv": TsvRows, ".json": JsonArray, ".jsonl": JsonLines,
    ".ndjson": JsonLines, ".parquet": ParquetRows,
}  # fmt: skip
