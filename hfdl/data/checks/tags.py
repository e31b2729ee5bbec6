"""``hfdl data check`` for sentences with named entities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hfdl.config.schema import DataConfig
from hfdl.data.checks.duplicates import Finding, conflicts
from hfdl.data.checks.labels import LabelReport
from hfdl.data.checks.report import DataReport, TagReport, duplicate_warnings
from hfdl.data.checks.texts import (
    Reading,
    SplitReport,
    TextReport,
    check_texts,
    format_of,
    rows_with_texts,
)
from hfdl.data.entities.sentences import SentenceSet, read_sentences, refuse_no_entities
from hfdl.data.table import Table, notes_of
from hfdl.errors import DataError


def check_tags(
    tables: Mapping[str, Table],
    config: DataConfig,
    tokenizer: Any = None,
    max_length: int | None = None,
) -> DataReport:
    """Examine the splits of tagged sentences without training.

    Args:
        tables: splits by name, as ``load_splits`` returns them.
        config: the recipe's data section: columns, scheme, what becomes of illegal tags.
        tokenizer: a Hugging Face tokenizer; None: no token lengths.
        max_length: longest input in tokens, special tokens included; None: no limit.

    Returns:
        the report. A wrong row or column is a line of ``problems``, never an exception.
    """
    problems: list[str] = []
    given, tables = tables, rows_with_texts(tables, config, "entities", problems)
    left = {split: tables[split].notes[len(table.notes) :] for split, table in given.items()}
    sets = {split: _read(table, config, split, problems) for split, table in tables.items()}
    read = {split: tagged for split, tagged in sets.items() if tagged is not None}
    unseen = _unseen(read, config, problems)
    if "train" in read:
        try:
            refuse_no_entities(read["train"])
        except DataError as error:
            problems.append(str(error))
    texts = _texts(read, config, tokenizer, max_length)
    reports = {split: _split_report(split, table, texts) for split, table in tables.items()}
    conflicting = conflicts(texts.entries)
    tags = _tag_reports(read)
    return DataReport(
        splits=reports,
        overlaps=texts.overlaps,
        conflicts=conflicting,
        unseen_labels=unseen,
        warnings=[
            *(f"{split}: {note}" for split, notes in left.items() for note in notes),
            *texts.warnings,
            *(fact for tagged in read.values() for fact in tagged.facts),
            *_type_warnings(tags),
            *duplicate_warnings(texts, conflicting, "sentence", "annotations"),
        ],
        problems=problems + texts.problems,
        tags=tags,
        notes=notes_of(given),
    )


def _read(table: Table, config: DataConfig, split: str, problems: list[str]) -> SentenceSet | None:
    """The sentences as training reads them; what it refuses is a problem."""
    try:
        return read_sentences(table, config, split)
    except DataError as error:
        problems.append(str(error))
    if config.illegal_tags == "repair":
        return None
    try:  # perhaps only its tags are illegal: then they can still be counted
        return read_sentences(table, config.model_copy(update={"illegal_tags": "repair"}), split)
    except DataError:
        return None


def _unseen(
    read: Mapping[str, SentenceSet], config: DataConfig, problems: list[str]
) -> dict[str, dict[str, Finding]]:
    """By split: types that train does not have, with their places."""
    if "train" not in read:
        return {}
    types = read["train"].types
    lenient = config.model_copy(update={"illegal_tags": "repair"})
    unseen: dict[str, dict[str, Finding]] = {}
    for split, tagged in read.items():
        new = [label for label in tagged.types if label not in types]
        if not new:
            continue
        unseen[split] = {label: Finding.of(_places(tagged, label)) for label in new}
        try:
            read_sentences(tagged.table, lenient, split, scheme=tagged.scheme, types=types)
        except DataError as error:
            problems.append(str(error))
    return unseen


def _places(tagged: SentenceSet, label: str) -> list[str]:
    return [
        tagged.where_span(row, entity)
        for row in range(len(tagged.sentences))
        for entity in tagged.spans(row)
        if entity.label == label
    ]


def _texts(
    read: Mapping[str, SentenceSet], config: DataConfig, tokenizer: Any, max_length: int | None
) -> TextReport:
    """The sentences as texts, with what is named in them for their label."""
    remedy = "raise data.max_length or set data.long_text=window"
    fate = config.long_text or "window"
    reading = Reading({"data.text": "text"}, fate, remedy, tokenizer, max_length)
    tables = {
        split: replace(one.table, columns={"text": [sentence.text for sentence in one.sentences]})
        for split, one in read.items()
    }
    named: dict[str, list[str | None]] = {
        split: [_named(one, row) for row in range(len(one.sentences))]
        for split, one in read.items()
    }
    return check_texts(tables, reading, LabelReport(texts=named))


def _named(tagged: SentenceSet, row: int) -> str:
    """``PER Ann Lee, LOC Paris``."""
    text = tagged.sentences[row].text
    parts = [f"{label} {text[start:end]}" for start, end, label in tagged.spans(row)]
    return ", ".join(parts) or "nothing named"


def _split_report(split: str, table: Table, texts: TextReport) -> SplitReport:
    columns = list(table.columns)
    if split in texts.splits:
        return replace(texts.splits[split], columns=columns)
    return SplitReport(table.source, format_of(table), len(table), columns)


def _tag_reports(read: Mapping[str, SentenceSet]) -> dict[str, TagReport]:
    reports: dict[str, TagReport] = {}
    for split, tagged in read.items():
        rows = range(len(tagged.sentences))
        counts = Counter(entity.label for row in rows for entity in tagged.spans(row))
        others = {label for name, one in read.items() if name != split for label in one.types}
        only = [label for label in tagged.types if label not in others]
        reports[split] = TagReport(
            scheme=tagged.scheme,
            words=sum(len(sentence.words) for sentence in tagged.sentences),
            entities={label: counts[label] for label in tagged.types},
            illegal=Finding(tagged.repaired, tagged.illegal),
            only=only if len(read) > 1 else [],
        )
    return reports


def _type_warnings(tags: Mapping[str, TagReport]) -> list[str]:
    warnings = [
        f"{split}: no entities"
        for split, report in tags.items()
        if not report.entities and split != "train"  # of train it is a problem
    ]
    if "train" in tags and tags["train"].only:
        entities = tags["train"].entities
        types = ", ".join(f"{label} ({entities[label]:,})" for label in tags["train"].only)
        warnings.append(f"train alone has entities of type {types}; no score will tell of them")
    return warnings
