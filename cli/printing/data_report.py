"""The printed form of ``hfdl data check``'s report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hfdl.runs.texts import clean

from .text import print_table, print_text

if TYPE_CHECKING:
    from hfdl.data.checks.report import DataReport, SplitReport

_MOST_LABELS = 20


def print_report(report: DataReport, note: str | None) -> None:
    """Print a data report.

    Args:
        report: the report.
        note: why something could not be looked at, if anything.
    """
    _print_splits(report)
    _print_labels(report)
    _print_entities(report)
    _print_corpus(report)
    _print_lengths(report)
    _print_list("note", [*report.notes, *([note] if note else [])])
    _print_list("warning", report.warnings)
    _print_list("problem", report.problems)
    if not report.problems:
        count = len(report.warnings)
        print_text(f"\nOK: no problems, {count} warning{'' if count == 1 else 's'}")


def _print_splits(report: DataReport) -> None:
    rows = [
        [
            name,
            f"{split.rows:,}",
            str(_empty(report, name)),
            str(split.duplicate_texts.count),
            split.format,
            split.source,
        ]
        for name, split in report.splits.items()
    ]
    print_table(["split", "rows", "empty", "duplicates", "format", "source"], rows)


def _empty(report: DataReport, split: str) -> int:
    sides = [report.splits[split], *([report.targets[split]] if split in report.targets else [])]
    return sum(side.empty_texts.count for side in sides)


def _print_labels(report: DataReport) -> None:
    labels = list(dict.fromkeys(name for split in report.splits.values() for name in split.labels))
    if labels:
        print()
        rows = [[label, *_shares(report, label)] for label in labels[:_MOST_LABELS]]
        print_table(["label", *report.splits], rows)
        if len(labels) > _MOST_LABELS:
            print_text(f"... {len(labels)} labels in all")
    targets = {name: split.targets for name, split in report.splits.items() if split.targets}
    if targets:
        print()
        rows = [[name, *(f"{value:.4g}" for value in t.values())] for name, t in targets.items()]
        print_table(["targets", *next(iter(targets.values()))], rows)


def _shares(report: DataReport, label: str) -> list[str]:
    return [_share(split, label) for split in report.splits.values()]


def _share(split: SplitReport, label: str) -> str:
    count = split.labels.get(label, 0)
    read = split.rows - split.empty_texts.count
    return f"{count:,} ({count / read:.1%})" if read else "0"


def _print_entities(report: DataReport) -> None:
    """Entities by type and split, under the number of words."""
    if not report.tags:
        return
    tags = report.tags.values()
    kinds = list(dict.fromkeys(kind for split in tags for kind in split.entities))
    rows = [
        [kind, *(f"{split.entities.get(kind, 0):,}" for split in tags)]
        for kind in kinds[:_MOST_LABELS]
    ]
    print()
    print_table(
        ["entities", *report.tags],
        [
            *rows,
            ["all", *(f"{sum(split.entities.values()):,}" for split in tags)],
            ["words", *(f"{split.words:,}" for split in tags)],
            ["scheme", *(split.scheme for split in tags)],
            ["illegal tags", *(f"{split.illegal.count:,}" for split in tags)],
        ],
    )
    if len(kinds) > _MOST_LABELS:
        print_text(f"... {len(kinds)} types in all")


def _print_corpus(report: DataReport) -> None:
    """How much text each split of a language model's corpus holds."""
    from hfdl.data.checks.corpus import CorpusReport

    if not isinstance(report, CorpusReport):
        return
    rows = []
    for name, split in report.corpus.items():
        sizes = [split.documents, split.characters, split.longest]
        has_tokens = split.tokens is not None and split.characters_per_token is not None
        tokens = [f"{split.tokens:,}", f"{split.characters_per_token:.2f}"] if has_tokens else []
        rows.append([name, *(f"{size:,}" for size in sizes), *(tokens or ["-", "-"])])
    print()
    headers = ["corpus", "documents", "characters", "longest", "tokens", "characters a token"]
    print_table(headers, rows)


def _print_lengths(report: DataReport) -> None:
    rows = [
        [
            name,
            *map(str, (lengths.min, lengths.median, lengths.p95, lengths.max)),
            f"{lengths.long_text_share:.1%}",
            f"{lengths.cut_token_share:.1%}",
        ]
        for name, split in _sides(report).items()
        if (lengths := split.lengths)
    ]
    if rows:
        limit = next(s.lengths.max_length for s in report.splits.values() if s.lengths)
        print()
        headers = ["tokens", "min", "median", "95%", "max", f"texts over {limit}", "tokens over it"]
        print_table(headers, rows)


def _sides(report: DataReport) -> dict[str, SplitReport]:
    """The splits, those of a translation once for sources and once for targets."""
    if not report.targets:
        return report.splits
    sides: dict[str, SplitReport] = {}
    for name, sources in report.splits.items():
        sides |= {f"{name}, sources": sources, f"{name}, targets": report.targets[name]}
    return sides


def _print_list(kind: str, lines: list[str]) -> None:
    if lines:
        print()
    for line in lines:
        print_text(f"{kind}: {clean(line)}")
