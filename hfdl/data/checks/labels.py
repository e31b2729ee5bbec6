"""Checking the labels of all splits: counted, compared, and encoded as training would."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hfdl.config.schema import DataConfig
from hfdl.data.checks.duplicates import Finding
from hfdl.data.label_doubts import label_doubts
from hfdl.data.label_numbers import numbers, problem_type
from hfdl.data.label_values import (
    label_cells,
    label_column,
    label_text,
    split_labels,
)
from hfdl.data.labels import LabelSet, label_ids, listed_labels, training_labels
from hfdl.data.readers.split_names import in_order
from hfdl.data.splits import stratified_split
from hfdl.data.table import Table
from hfdl.errors import DataError

_MULTI = "multi_label_classification"
_SHOWN = 12


@dataclass
class LabelReport:
    """The findings about labels so far.

    Args:
        problem_type: as in a transformers config; None where the label column is missing.
        texts: by split: each row's label in words, to compare rows with; None where it has none.
        counts: by split: rows by label, in the order of the ids.
        targets: by split: ``min``, ``mean`` and ``max`` of a regression.
        unseen: by split: labels that train does not have.
        warnings: lines for ``DataReport.warnings``.
        problems: lines for ``DataReport.problems``.
    """

    problem_type: str | None = None
    texts: dict[str, list[str | None]] = field(default_factory=dict)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    targets: dict[str, dict[str, float]] = field(default_factory=dict)
    unseen: dict[str, dict[str, Finding]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def check_labels(tables: Mapping[str, Table], config: DataConfig) -> LabelReport:
    """Examine the label columns; whatever is wrong becomes a line of ``problems``.

    Without a train split there is no label set: labels are counted and nothing is compared.
    """
    report = LabelReport()
    if not tables:
        return report
    leading = tables["train"] if "train" in tables else next(iter(tables.values()))
    try:
        report.problem_type = problem_type(config, leading)
    except DataError as error:
        report.problems.append(str(error))
        return report
    if report.problem_type == "regression":
        _check_numbers(tables, config, report)
    else:
        _check_names(tables, config, report)
    return report


def _check_numbers(tables: Mapping[str, Table], config: DataConfig, report: LabelReport) -> None:
    for split, table in tables.items():
        try:
            targets = numbers(label_cells(table, config), table, config)
        except DataError as error:
            report.problems.append(str(error))
            continue
        mean = sum(targets) / len(targets)
        report.targets[split] = {"min": min(targets), "mean": mean, "max": max(targets)}


def _check_names(tables: Mapping[str, Table], config: DataConfig, report: LabelReport) -> None:
    many = report.problem_type == _MULTI
    rows: dict[str, list[list[str]]] = {}
    for split, table in tables.items():
        try:
            values = label_cells(table, config)
        except DataError as error:
            report.problems.append(str(error))
            continue
        rows[split] = [_names(value, table, config, many) for value in values]
        report.texts[split] = [
            ", ".join(sorted(names)) if names or many else None for names in rows[split]
        ]
    labels = _label_set(tables, config, report) if "train" in rows else None
    order = labels.names if labels is not None else ()
    for split in rows:
        counts = Counter(name for names in rows[split] for name in names)
        in_order = {name: counts[name] for name in order}
        others = {name: n for name, n in sorted(counts.items()) if name not in in_order}
        report.counts[split] = in_order | others
    if "train" in rows:
        _find_unseen(rows, tables, report)
        _warn_of_labels(report, tables["train"], many, config)
        held_out = _held_out_counts(report, config)
        _warn_of_unmeasured({**report.counts, **held_out}, report, order)


def _held_out_counts(report: LabelReport, config: DataConfig) -> dict[str, Counter[str | None]]:
    """Rows by label of the validation split that training will hold out; none where it will not.

    Which rows it takes depends on the seed; how many of each label does not, unless sets of labels
    are drawn or each label has one row: then nothing is said.
    """
    named = [text for text in report.texts["train"] if text is not None]
    is_given = "validation" in report.counts or config.folds is not None
    if is_given or report.problem_type == _MULTI or len(set(named)) == len(named):
        return {}
    _, taken = stratified_split(named, len(named), config.validation_share, seed=0)
    return {"validation, held out from train": Counter(named[row] for row in taken)}


def _label_set(
    tables: Mapping[str, Table], config: DataConfig, report: LabelReport
) -> LabelSet | None:
    """Build and use the label set exactly as training does, and note each error it raises."""
    many = report.problem_type == _MULTI
    labels: LabelSet | None = None
    for split, table in in_order(tables).items():
        try:
            if labels is None:
                labels = training_labels(table, config, many=many)
            else:
                label_ids(table, config, labels, split, many=many)
        except DataError as error:
            if str(error) not in report.problems:
                report.problems.append(str(error))
            if labels is None:
                return None
    return labels


def _find_unseen(
    rows: Mapping[str, Sequence[Sequence[str]]], tables: Mapping[str, Table], report: LabelReport
) -> None:
    trained = {name for names in rows["train"] for name in names}
    for split in rows:
        places: dict[str, list[str]] = {}
        for i, names in enumerate(rows[split]):
            for name in names:
                if name not in trained:
                    places.setdefault(name, []).append(tables[split].where(i))
        if places:
            report.unseen[split] = {name: Finding.of(where) for name, where in places.items()}


def _warn_of_labels(report: LabelReport, table: Table, many: bool, config: DataConfig) -> None:
    counts = report.counts["train"]
    listed = listed_labels(config)
    mapping = listed if isinstance(listed, Mapping) else None
    report.warnings.extend(label_doubts(counts, mapping, config, table))
    absent = [name for name, count in counts.items() if count == 0]
    if absent:
        report.warnings.append(f"train has no row with the label {', '.join(map(repr, absent))}")
    if not many and len(table) >= 10 and len(counts) > len(table) / 2:
        report.warnings.append(
            f"train has {len(counts)} labels for {len(table)} rows: is data.label the right column?"
        )


def _warn_of_unmeasured(
    by_split: Mapping[str, Mapping[Any, int]], report: LabelReport, order: Sequence[str]
) -> None:
    """Labels that a held-out split has in no row: its figures will not be of them."""
    for split, counts in by_split.items():
        names = [f"`{name}`" for name in order if not counts.get(name)]
        if split != "train" and names:
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            verb, them = ("is", "it") if len(names) == 1 else ("are", "them")
            shown = ", ".join(names[:_SHOWN])
            report.warnings.append(
                f"{split}: {shown}{more} {verb} not measured, for no row has {them}"
            )


def _names(value: Any, table: Table, config: DataConfig, many: bool) -> list[str]:
    """The labels of a cell under the names they will train by; what is no label gives none."""
    parts = (split_labels(value, config.label_separator) or []) if many else [value]
    declared = (table.label_names or {}).get(label_column(config))
    names: list[str] = []
    for part in parts:
        if declared and type(part) is int:
            name = declared[part] if 0 <= part < len(declared) else None
        else:
            try:
                name = label_text(part)
            except TypeError:
                name = None
        if name is not None:
            mapping = config.labels if isinstance(config.labels, dict) else {}
            names.append(mapping.get(name, name))
    return names
