"""``hfdl data check``: what is in the data, and what would go wrong in training.

``problems`` would make training fail, and have the text of the error that training raises; with
``warnings`` it would train, but on less than its user expects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from hfdl.config.schema import DataConfig
from hfdl.data.checks.duplicates import Finding, conflicts, count
from hfdl.data.checks.labels import check_labels
from hfdl.data.checks.texts import Reading, SplitReport, TextReport, check_texts, rows_with_texts
from hfdl.data.table import Table, notes_of
from hfdl.display import Shown


@dataclass(frozen=True)
class TagReport:
    """The named entities of one split.

    Args:
        scheme: what training writes the tags in.
        words: number of words.
        entities: entities by type.
        illegal: illegal tags, with the first places.
        only: types that no other split has.
    """

    scheme: str
    words: int
    entities: dict[str, int]
    illegal: Finding
    only: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, repr=False)
class DataReport(Shown):
    """The whole data set.

    Args:
        problem_type: as in a transformers config; None where the label column is missing, and for
            other tasks than classification.
        splits: report by split.
        overlaps: by ``"train/validation"`` and so on: rows of the later split that the earlier
            one has too.
        conflicts: texts with two different labels.
        unseen_labels: by split: labels that train does not have, with their places.
        warnings: what a user should know.
        problems: what would make training fail.
        targets: by split: report of the targets of a translation; ``splits`` is of its sources.
        tags: by split: its named entities, for tagged sentences.
        notes: what was left out of the files, or read in a special way.
    """

    problem_type: str | None = None
    splits: dict[str, SplitReport]
    overlaps: dict[str, Finding]
    conflicts: Finding = field(default_factory=Finding)
    unseen_labels: dict[str, dict[str, Finding]] = field(default_factory=dict)
    warnings: list[str]
    problems: list[str]
    targets: dict[str, SplitReport] = field(default_factory=dict)
    tags: dict[str, TagReport] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def shown(self) -> tuple[str, list[tuple[str, Any]]]:
        sizes = ", ".join(f"{name} {split.rows:,} rows" for name, split in self.splits.items())
        rows = [("data", sizes), ("problems", len(self.problems)), ("warnings", len(self.warnings))]
        rows += [("problem", line) for line in self.problems[:2]]
        rows += [("warning", line) for line in self.warnings[:1]]
        return "Data check" + ("" if self.problems else ": OK"), rows

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
    labels = check_labels(rows_with_texts(tables, config, "labels", problems), config)
    columns = {"data.text": config.text}
    if config.text_pair is not None:
        columns["data.text_pair"] = config.text_pair
    remedy = "raise data.max_length or set data.long_text=window"
    reading = Reading(columns, config.long_text or "truncate", remedy, tokenizer, max_length)
    texts = check_texts(tables, reading, labels)
    conflicting = conflicts(texts.entries) if labels.problem_type != "regression" else Finding()
    duplicates = duplicate_warnings(texts, conflicting, "text", "labels")
    return DataReport(
        problem_type=labels.problem_type,
        splits=texts.splits,
        overlaps=texts.overlaps,
        conflicts=conflicting,
        unseen_labels=labels.unseen,
        warnings=[*texts.warnings, *duplicates, *labels.warnings],
        problems=[*problems, *texts.problems, *labels.problems],
        notes=notes_of(tables),
    )


def duplicate_warnings(
    texts: TextReport, conflicting: Finding | None = None, noun: str = "", annotation: str = ""
) -> list[str]:
    """A line for each split with texts that occur twice, and each two splits that share texts.

    Args:
        texts: of all splits.
        conflicting: texts with two different annotations; where there are any, one line more.
        noun, annotation: what that line calls them.
    """
    lines = [
        f"{split}: {report.duplicate_texts.rows} whose text occurs before; "
        f"{report.duplicate_texts.first}"
        for split, report in texts.splits.items()
        if report.duplicate_texts.count
    ]
    for pair, shared in texts.overlaps.items():
        if shared.count:
            earlier, later = pair.split("/")
            lines.append(
                f"{later}: {shared.rows} whose text {earlier} has too, so its scores flatter; "
                f"{shared.first}"
            )
    if conflicting is not None and conflicting.count:
        number = count(conflicting.count, noun)
        lines.append(f"{number} with two different {annotation}; {conflicting.first}")
    return lines
