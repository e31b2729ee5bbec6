"""``hfdl data check``: what is in the data, and what would go wrong with it.

``problems`` would make training fail and carry the very text of the error that training raises;
``warnings`` would let it train on less than its user believes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import PurePath
from typing import Any

from hfdl.config.schema import DataConfig
from hfdl.data.duplicates import Entry, Finding, conflicts, normalise, overlaps, repeated
from hfdl.data.label_check import LabelReport, check_labels
from hfdl.data.lengths import LengthReport, describe_lengths, token_lengths
from hfdl.data.readers import FORMATS
from hfdl.data.table import Table
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
        missing_texts: rows without a text: null, or a list or object in its place.
        empty_texts: rows whose text is empty or blank.
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
    duplicate_texts: Finding = field(default_factory=Finding)
    lengths: LengthReport | None = None


@dataclass(frozen=True)
class DataReport:
    """The whole data set.

    Args:
        problem_type: as in a transformers config; None where the label column is missing.
        splits: report by split.
        overlaps: by ``"train/validation"`` and so on: rows of the later split that the earlier
            one has too.
        conflicts: texts with two different labels.
        unseen_labels: by split: labels that train does not have, with their places.
        warnings: what its user should know.
        problems: what would make training fail.
    """

    problem_type: str | None
    splits: dict[str, SplitReport]
    overlaps: dict[str, Finding]
    conflicts: Finding
    unseen_labels: dict[str, dict[str, Finding]]
    warnings: list[str]
    problems: list[str]

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values that json can write."""
        return asdict(self)


def check_data(
    tables: Mapping[str, Table],
    config: DataConfig,
    tokenizer: Any = None,
    max_length: int | None = None,
) -> DataReport:
    """Examine the splits without training.

    Args:
        tables: splits by name, as ``load_splits`` returns them.
        config: the recipe's data section: columns, labels, what becomes of long texts.
        tokenizer: a Hugging Face tokenizer; None: no token lengths.
        max_length: longest input in tokens, special tokens included; None: no limit.

    Returns:
        the report. A wrong row or column is a line of ``problems``, never an exception.
    """
    problems: list[str] = []
    warnings: list[str] = []
    labels = check_labels(tables, config)
    reports: dict[str, SplitReport] = {}
    entries: dict[str, list[Entry]] = {}
    for split, table in tables.items():
        try:
            texts = _texts(table, config)
        except DataError as error:
            problems.append(str(error))
            texts = []
        entries[split] = _entries(texts, table, labels.texts.get(split))
        lengths = _lengths(texts, tokenizer, max_length) if tokenizer is not None else None
        reports[split] = _report(table, texts, entries[split], labels, split, lengths)
        problems += _text_problems(split, reports[split], config)
        warnings += _text_warnings(split, reports[split], config)
    found = overlaps(entries)
    conflicting = conflicts(entries) if labels.problem_type != "regression" else Finding()
    warnings += _pair_warnings(found, conflicting) + labels.warnings
    return DataReport(
        problem_type=labels.problem_type,
        splits=reports,
        overlaps=found,
        conflicts=conflicting,
        unseen_labels=labels.unseen,
        warnings=warnings,
        problems=problems + labels.problems,
    )


_Texts = Sequence[tuple[str, ...] | None]
"""The text of each row, or its pair of texts; None for a row without."""


def _texts(table: Table, config: DataConfig) -> _Texts:
    columns = [table.column(config.text, "data.text")]
    if config.text_pair is not None:
        columns.append(table.column(config.text_pair, "data.text_pair"))
    return [_text(row) for row in zip(*columns, strict=True)]


def _text(row: tuple[Any, ...]) -> tuple[str, ...] | None:
    """Numbers count as texts, as they do in training."""
    if any(value is None or isinstance(value, list | dict) for value in row):
        return None
    return tuple(str(value) for value in row)


def _entries(texts: _Texts, table: Table, labels: Sequence[str | None] | None) -> list[Entry]:
    found: list[Entry] = []
    for i, row in enumerate(texts):
        if row is not None and (key := "\n".join(normalise(text) for text in row)).strip():
            found.append(Entry(key, labels[i] if labels else None, table.where(i)))
    return found


def _lengths(texts: _Texts, tokenizer: Any, max_length: int | None) -> LengthReport | None:
    rows = [row for row in texts if row is not None]
    if not rows:
        return None
    columns = [list(column) for column in zip(*rows, strict=True)]
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
    empty = [
        table.where(i)
        for i, row in enumerate(texts)
        if row is not None and not all(text.strip() for text in row)
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
        duplicate_texts=repeated(entries),
        lengths=lengths,
    )


def format_of(table: Table) -> str:
    """What kind of source a table comes from, in one word."""
    if table.source.startswith("hfdl://"):
        return "embedded"
    if " in memory" in table.source:
        return "memory"
    if table.files is not None:
        return "folder"
    suffix = PurePath(table.source).suffix.lower()
    return suffix.removeprefix(".") if suffix in FORMATS else "Hub"


def _text_problems(split: str, report: SplitReport, config: DataConfig) -> list[str]:
    problems: list[str] = []
    if report.missing_texts.count:
        problems.append(
            f"{split}: {_rows(report.missing_texts)} without a text; {_first(report.missing_texts)}"
        )
    lengths = report.lengths
    if config.long_text == "error" and lengths is not None and lengths.long_texts:
        problems.append(
            f"{split}: {_count(lengths.long_texts, 'text')} longer than {lengths.max_length} "
            f"tokens, which data.long_text=error refuses; the longest has {lengths.max}"
        )
    return problems


def _text_warnings(split: str, report: SplitReport, config: DataConfig) -> list[str]:
    warnings: list[str] = []
    if report.empty_texts.count:
        warnings.append(
            f"{split}: {_rows(report.empty_texts)} with an empty text; {_first(report.empty_texts)}"
        )
    if report.duplicate_texts.count:
        warnings.append(
            f"{split}: {_rows(report.duplicate_texts)} whose text occurs before; "
            f"{_first(report.duplicate_texts)}"
        )
    lengths = report.lengths
    cuts = config.long_text in ("truncate", "head_tail")
    if cuts and lengths is not None and lengths.long_texts:
        warnings.append(
            f"{split}: {lengths.long_text_share:.1%} of the texts are longer than "
            f"{lengths.max_length} tokens, and {lengths.cut_token_share:.1%} of all tokens are cut "
            "off; raise data.max_length or set data.long_text=window"
        )
    return warnings


def _pair_warnings(found: Mapping[str, Finding], conflicting: Finding) -> list[str]:
    warnings: list[str] = []
    for pair, finding in found.items():
        earlier, later = pair.split("/")
        if finding.count:
            warnings.append(
                f"{later}: {_rows(finding)} whose text {earlier} has too, so its scores flatter; "
                f"{_first(finding)}"
            )
    if conflicting.count:
        texts = _count(conflicting.count, "text")
        warnings.append(f"{texts} with two different labels; {_first(conflicting)}")
    return warnings


def _rows(finding: Finding) -> str:
    return _count(finding.count, "row")


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _first(finding: Finding) -> str:
    return f"first: {finding.places[0]}"
