"""``hfdl data check`` of sentences with named entities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hfdl.config.schema import DataConfig
from hfdl.data.checks.duplicates import Finding, conflicts, overlaps
from hfdl.data.checks.labels import LabelReport
from hfdl.data.checks.report import DataReport, TagReport, overlap_warnings, repeat_warnings
from hfdl.data.checks.texts import (
    Reading,
    SplitReport,
    TextReport,
    check_texts,
    count,
    first,
    format_of,
)
from hfdl.data.entities.sentences import Sentence, SentenceSet, read_sentences, refuse_no_entities
from hfdl.data.entities.tags import Entity, read_entities
from hfdl.data.table import Table
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
    sets = {split: _read(table, config, split, problems) for split, table in tables.items()}
    read = {split: found for split, found in sets.items() if found is not None}
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
        problem_type=None,
        splits=reports,
        overlaps=overlaps(texts.entries),
        conflicts=conflicting,
        unseen_labels=unseen,
        warnings=[
            *texts.warnings,
            *(fact for found in read.values() for fact in found.facts),
            *_type_warnings(tags),
            *repeat_warnings(texts),
            *overlap_warnings(texts),
            *_conflict_warnings(conflicting),
        ],
        problems=problems + texts.problems,
        tags=tags,
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
    known = read["train"].types
    lenient = config.model_copy(update={"illegal_tags": "repair"})
    unseen: dict[str, dict[str, Finding]] = {}
    for split, found in read.items():
        new = [kind for kind in found.types if kind not in known]
        if not new:
            continue
        unseen[split] = {kind: Finding.of(_places(found, kind)) for kind in new}
        try:
            read_sentences(found.table, lenient, split, scheme=found.scheme, types=known)
        except DataError as error:
            problems.append(str(error))
    return unseen


def _places(found: SentenceSet, kind: str) -> list[str]:
    return [
        found.where_word(row, entity.start)
        for row, sentence in enumerate(found.sentences)
        for entity in _entities(sentence, found.scheme)
        if entity.label == kind
    ]


def _entities(sentence: Sentence, scheme: str) -> list[Entity]:
    return read_entities(sentence.tags or (), scheme)[0]


def _texts(
    read: Mapping[str, SentenceSet], config: DataConfig, tokenizer: Any, max_length: int | None
) -> TextReport:
    """The sentences as texts, with what is named in them for their label."""
    remedy = "raise data.max_length or set data.long_text=window"
    fate = config.long_text or "window"
    reading = Reading({"data.text": "text"}, fate, remedy, tokenizer, max_length)
    tables = {
        split: replace(found.table, columns={"text": [one.text for one in found.sentences]})
        for split, found in read.items()
    }
    named: dict[str, list[str | None]] = {
        split: [_named(sentence, found.scheme) for sentence in found.sentences]
        for split, found in read.items()
    }
    return check_texts(tables, reading, LabelReport(texts=named))


def _named(sentence: Sentence, scheme: str) -> str:
    """``PER Ann Lee, LOC Paris``."""
    parts = [
        f"{label} {sentence.text[sentence.words[start][0] : sentence.words[end - 1][1]]}"
        for start, end, label in _entities(sentence, scheme)
    ]
    return ", ".join(parts) or "nothing named"


def _split_report(split: str, table: Table, texts: TextReport) -> SplitReport:
    columns = list(table.columns)
    if split in texts.splits:
        return replace(texts.splits[split], columns=columns)
    return SplitReport(table.source, format_of(table), len(table), columns)


def _tag_reports(read: Mapping[str, SentenceSet]) -> dict[str, TagReport]:
    reports: dict[str, TagReport] = {}
    for split, found in read.items():
        named = Counter(
            entity.label
            for sentence in found.sentences
            for entity in _entities(sentence, found.scheme)
        )
        others = {kind for name, other in read.items() if name != split for kind in other.types}
        reports[split] = TagReport(
            scheme=found.scheme,
            words=sum(len(sentence.words) for sentence in found.sentences),
            entities={kind: named[kind] for kind in found.types},
            illegal=Finding(found.repaired, found.illegal),
            only=[kind for kind in found.types if kind not in others] if len(read) > 1 else [],
        )
    return reports


def _type_warnings(tags: Mapping[str, TagReport]) -> list[str]:
    warnings = [
        f"{split}: no entities"
        for split, report in tags.items()
        if not report.entities and split != "train"  # of train it is a problem
    ]
    for split, report in tags.items():
        if split == "train" and report.only:
            kinds = ", ".join(f"{kind} ({report.entities[kind]:,})" for kind in report.only)
            warnings.append(f"train alone has entities of type {kinds}; no score will tell of them")
    return warnings


def _conflict_warnings(found: Finding) -> list[str]:
    if not found.count:
        return []
    return [f"{count(found.count, 'sentence')} with two different annotations; {first(found)}"]
