"""Checking the texts of all splits: missing, empty, repeated, too long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from hfdl.config.schema import DataConfig
from hfdl.data.checks.duplicates import Entry, Finding, count, normalise, overlaps, repeated
from hfdl.data.checks.labels import LabelReport
from hfdl.data.checks.lengths import LengthReport, describe_lengths, token_lengths
from hfdl.data.layouts.rows import Rows
from hfdl.data.layouts.textless import with_texts
from hfdl.data.readers.readers import FORMATS
from hfdl.data.table import Table, cell_text, is_blank
from hfdl.errors import DataError


@dataclass(frozen=True)
class SplitReport:
    """One split.

    Args:
        source: where it comes from.
        format: extension of its file, or ``embedded``, ``memory``, ``folder`` or ``Hub``.
        rows: number of rows.
        columns: names of its columns.
        labels: rows by label, in the order of the ids; empty for a regression.
        targets: ``min``, ``mean`` and ``max`` of a regression's targets, else None.
        missing_texts: rows with something else in the place of a text: a list, an object.
        empty_texts: rows whose text (of a pair: both) is missing, empty or blank.
        half_pairs: pairs of which one text is so: they are read with the other alone.
        duplicate_texts: rows whose text an earlier row of the split has.
        lengths: token lengths, if there is a tokenizer.
    """

    source: str
    format: str
    rows: int
    columns: list[str]
    labels: dict[str, int] = field(default_factory=dict)
    targets: dict[str, float] | None = None
    missing_texts: Finding = field(default_factory=Finding)
    empty_texts: Finding = field(default_factory=Finding)
    half_pairs: Finding = field(default_factory=Finding)
    duplicate_texts: Finding = field(default_factory=Finding)
    lengths: LengthReport | None = None


@dataclass(frozen=True)
class Reading:
    """Which texts are looked at, and how a model will read them.

    Args:
        columns: the column of the text, or of both of a pair, by the key that names it.
        fate: what becomes of long texts, as ``data.long_text``.
        remedy: what can be done where they are cut.
        tokenizer: a Hugging Face tokenizer; None: no token lengths.
        max_length: longest input in tokens, special tokens included; None: no limit.
        name: how lines name the texts of a split.
        left_out: whether rows without a text are left out.
    """

    columns: Mapping[str, str]
    fate: str
    remedy: str
    tokenizer: Any = None
    max_length: int | None = None
    name: str = "{split}"
    left_out: bool = True


@dataclass
class TextReport:
    """The findings about texts so far.

    Args:
        splits: report by split.
        entries: by split: its texts, to compare with each other.
        warnings: lines for ``DataReport.warnings``.
        problems: lines for ``DataReport.problems``.
    """

    splits: dict[str, SplitReport] = field(default_factory=dict)
    entries: dict[str, list[Entry]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def overlaps(self) -> dict[str, Finding]:
        """By pair of splits: rows of the later one that the earlier one has."""
        return overlaps(self.entries)


def check_texts(
    tables: Mapping[str, Table], reading: Reading, labels: LabelReport | None = None
) -> TextReport:
    """Examine the texts; whatever is wrong becomes a line of ``problems``.

    Args:
        tables: splits by name.
        reading: which texts, and how they are read.
        labels: the labels of the rows that have a text, if these have some.
    """
    labels = labels or LabelReport()
    whole = TextReport()
    for split, table in tables.items():
        try:
            texts = _texts(table, reading.columns)
        except DataError as error:
            whole.problems.append(str(error))
            texts = []
        entries = _entries(texts, table, labels.texts.get(split))
        lengths = None
        if reading.tokenizer is not None:
            lengths = _lengths(texts, reading.tokenizer, reading.max_length)
        report = _report(table, texts, entries, labels, split, lengths)
        whole.entries[split], whole.splits[split] = entries, report
        name = reading.name.format(split=split)
        whole.problems += _problems(name, report, reading.fate)
        whole.warnings += [*_empty(name, report, reading), *_long(name, report, reading)]
    return whole


def rows_with_texts(
    tables: Mapping[str, Table], config: DataConfig, rows: Rows, problems: list[str]
) -> dict[str, Table]:
    """The rows that training reads. A split without any is a problem, and left as it is."""
    kept: dict[str, Table] = {}
    for split, table in tables.items():
        try:
            kept[split] = with_texts(table, config, rows)
        except DataError as error:
            problems.append(str(error))
            kept[split] = table
    return kept


_Texts = Sequence[tuple[str, ...] | None]
"""The text of each row, or its pair of texts; None where something else is in their place."""


def _texts(table: Table, columns: Mapping[str, str]) -> _Texts:
    values = [table.column(column, key) for key, column in columns.items()]
    return [_text(row) for row in zip(*values, strict=True)]


def _text(row: tuple[Any, ...]) -> tuple[str, ...] | None:
    """Numbers count as texts, as they do in training, and a missing text as an empty one."""
    texts = ["" if is_blank(value) else cell_text(value) for value in row]
    known = tuple(text for text in texts if text is not None)
    return known if len(known) == len(row) else None


def _is_empty(row: tuple[str, ...] | None) -> bool:
    return row is not None and all(map(is_blank, row))


def _entries(texts: _Texts, table: Table, labels: Sequence[str | None] | None) -> list[Entry]:
    entries: list[Entry] = []
    left = iter(labels or ())
    for i, row in enumerate(texts):
        if _is_empty(row):
            continue
        label = next(left, None)
        if row is not None:
            key = "\n".join(normalise(text) for text in row)
            entries.append(Entry(key, label, table.where(i)))
    return entries


def _lengths(texts: _Texts, tokenizer: Any, max_length: int | None) -> LengthReport | None:
    present = [row for row in texts if row is not None and not _is_empty(row)]
    if not present:
        return None
    columns = [list(column) for column in zip(*present, strict=True)]
    return describe_lengths(token_lengths(tokenizer, *columns), max_length)


def _report(
    table: Table,
    texts: _Texts,
    entries: Sequence[Entry],
    labels: LabelReport,
    split: str,
    lengths: LengthReport | None,
) -> SplitReport:
    missing = [table.where(i) for i, row in enumerate(texts) if row is None]
    empty = [table.where(i) for i, row in enumerate(texts) if _is_empty(row)]
    half = [
        table.where(i)
        for i, row in enumerate(texts)
        if row is not None and any(map(is_blank, row)) and not _is_empty(row)
    ]
    return SplitReport(
        source=table.source,
        format=format_of(table),
        rows=len(table),
        columns=list(table.columns),
        labels=labels.counts.get(split, {}),
        targets=labels.targets.get(split),
        missing_texts=Finding.of(missing),
        empty_texts=Finding.of(empty),
        half_pairs=Finding.of(half),
        duplicate_texts=repeated(entries),
        lengths=lengths,
    )


def format_of(table: Table) -> str:
    """The kind of a table's source, in one word."""
    if table.source.startswith("hfdl://"):
        return "embedded"
    if " in memory" in table.source:
        return "memory"
    suffix = PurePath(table.source).suffix.lower()
    if suffix in FORMATS:
        return suffix.removeprefix(".")
    return "Hub" if table.files is None else "folder"


def _problems(name: str, report: SplitReport, fate: str) -> list[str]:
    problems: list[str] = []
    if report.missing_texts.count:
        problems.append(
            f"{name}: {report.missing_texts.rows} without a text; {report.missing_texts.first}"
        )
    lengths = report.lengths
    if fate == "error" and lengths is not None and lengths.long_texts:
        problems.append(
            f"{name}: {count(lengths.long_texts, 'text')} longer than {lengths.max_length} "
            f"tokens, which data.long_text=error refuses; the longest has {lengths.max}"
        )
    return problems


def _empty(name: str, report: SplitReport, reading: Reading) -> list[str]:
    warnings: list[str] = []
    empty, half = report.empty_texts, report.half_pairs
    if empty.count:
        fate = ", left out" if reading.left_out else ""
        warnings.append(f"{name}: {empty.rows} with an empty text{fate}; {empty.first}")
    if half.count:
        alone = f"{name}: {half.rows} with one text of two, read with it alone; {half.first}"
        warnings.append(alone)
    return warnings


def _long(name: str, report: SplitReport, reading: Reading) -> list[str]:
    lengths = report.lengths
    if reading.fate not in ("truncate", "head_tail") or lengths is None or not lengths.long_texts:
        return []
    return [
        f"{name}: {lengths.long_text_share:.1%} of the texts are longer than "
        f"{lengths.max_length} tokens, and {lengths.cut_token_share:.1%} of all tokens are cut "
        f"off; {reading.remedy}"
    ]
