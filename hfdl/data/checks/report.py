"""``hfdl data check``: what is in the data, and what would go wrong with it.

``problems`` would make training fail and carry the very text of the error that training raises;
``warnings`` would let it train on less than its user believes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from hfdl.config.schema import DataConfig
from hfdl.data.checks.duplicates import Finding, conflicts, overlaps
from hfdl.data.checks.labels import check_labels
from hfdl.data.checks.texts import (
    Reading,
    SplitReport,
    TextReport,
    check_texts,
    count,
    first,
    rows,
)
from hfdl.data.table import Table


@dataclass(frozen=True)
class TagReport:
    """The named entities of one split.

    Args:
        scheme: what training writes the tags in.
        words: number of words.
        entities: entities by type.
        illegal: tags that could not stand where they do, with the first places.
        only: types that no other split has.
    """

    scheme: str
    words: int
    entities: dict[str, int]
    illegal: Finding
    only: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class DataReport:
    """The whole data set.

    Args:
        problem_type: as in a transformers config; None where the label column is missing, and of
            a translation.
        splits: report by split.
        overlaps: by ``"train/validation"`` and so on: rows of the later split that the earlier
            one has too.
        conflicts: texts with two different labels.
        unseen_labels: by split: labels that train does not have, with their places.
        warnings: what its user should know.
        problems: what would make training fail.
        targets: by split: report of the targets of a translation; ``splits`` is of its sources.
        tags: by split: its named entities, for tagged sentences.
    """

    problem_type: str | None
    splits: dict[str, SplitReport]
    overlaps: dict[str, Finding]
    conflicts: Finding
    unseen_labels: dict[str, dict[str, Finding]]
    warnings: list[str]
    problems: list[str]
    targets: dict[str, SplitReport] = field(default_factory=dict)
    tags: dict[str, TagReport] = field(default_factory=dict)

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
    labels = check_labels(tables, config)
    columns = {"data.text": config.text}
    if config.text_pair is not None:
        columns["data.text_pair"] = config.text_pair
    remedy = "raise data.max_length or set data.long_text=window"
    reading = Reading(columns, config.long_text or "truncate", remedy, tokenizer, max_length)
    texts = check_texts(tables, reading, labels)
    conflicting = conflicts(texts.entries) if labels.problem_type != "regression" else Finding()
    warnings = [*texts.warnings, *repeat_warnings(texts), *overlap_warnings(texts)]
    return DataReport(
        problem_type=labels.problem_type,
        splits=texts.splits,
        overlaps=overlaps(texts.entries),
        conflicts=conflicting,
        unseen_labels=labels.unseen,
        warnings=[*warnings, *_conflict_warnings(conflicting), *labels.warnings],
        problems=texts.problems + labels.problems,
    )


def repeat_warnings(texts: TextReport) -> list[str]:
    """A line for each split with texts that occur twice."""
    return [
        f"{split}: {rows(report.duplicate_texts)} whose text occurs before; "
        f"{first(report.duplicate_texts)}"
        for split, report in texts.splits.items()
        if report.duplicate_texts.count
    ]


def overlap_warnings(texts: TextReport) -> list[str]:
    """A line for each two splits that share texts."""
    found = {tuple(pair.split("/")): finding for pair, finding in overlaps(texts.entries).items()}
    return [
        f"{later}: {rows(finding)} whose text {earlier} has too, so its scores flatter; "
        f"{first(finding)}"
        for (earlier, later), finding in found.items()
        if finding.count
    ]


def _conflict_warnings(found: Finding) -> list[str]:
    if not found.count:
        return []
    return [f"{count(found.count, 'text')} with two different labels; {first(found)}"]
