"""``hfdl data check`` for a corpus: documents, characters and tokens, and no labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hfdl.config.schema import DataConfig
from hfdl.data.checks.lengths import encoded
from hfdl.data.checks.report import DataReport, duplicate_warnings
from hfdl.data.checks.texts import Reading, check_texts
from hfdl.data.corpus.documents import as_documents
from hfdl.data.table import Table, cell_text, is_blank, notes_of

ENORMOUS = 1_000_000
"""Characters of one document that make a wrong separator likely."""


@dataclass(frozen=True)
class CorpusFigures:
    """How much text a split holds.

    Args:
        documents: those that are not blank.
        characters: over all of them.
        tokens: special tokens left out; None without a tokenizer.
        unknown: tokens that are the unknown token.
        longest: characters of the longest document.
    """

    documents: int
    characters: int
    tokens: int | None
    unknown: int
    longest: int

    @property
    def characters_per_token(self) -> float | None:
        """None without tokens."""
        return self.characters / self.tokens if self.tokens else None


@dataclass(frozen=True, kw_only=True)
class CorpusReport(DataReport):
    """As ``DataReport``.

    Args:
        corpus: how much text each split holds.
    """

    corpus: dict[str, CorpusFigures] = field(default_factory=dict)


def check_corpus(
    tables: Mapping[str, Table],
    config: DataConfig,
    tokenizer: Any = None,
    max_length: int | None = None,
) -> CorpusReport:
    """Examine the splits of a corpus without training.

    Args:
        tables: splits by name, as ``load_splits`` returns them; txt files are cut here.
        config: the recipe's data section: the column of the text, the separator.
        tokenizer: a Hugging Face tokenizer; None: nothing about tokens.
        max_length: longest input in tokens; longer documents are read in several.

    Returns:
        the report. A wrong row or column is a line of ``problems``, never an exception.
    """
    cut = {name: as_documents(table, config) for name, table in tables.items()}
    # A long document is read in several pieces, so none is cut off: fate 'window'.
    reading = Reading({"data.text": config.text}, "window", "", tokenizer, max_length)
    texts = check_texts(cut, reading)
    figures = {name: _figures(table, config, tokenizer) for name, table in cut.items()}
    # An absent column is a problem already.
    problems = [
        f"{name}: {cut[name].source}: it holds no text"
        for name, split in figures.items()
        if not split.documents and config.text in cut[name].columns
    ]
    return CorpusReport(
        splits=texts.splits,
        overlaps=texts.overlaps,
        warnings=[*texts.warnings, *duplicate_warnings(texts), *_warnings(figures)],
        problems=[*texts.problems, *problems],
        corpus=figures,
        notes=notes_of(cut),
    )


def _figures(table: Table, config: DataConfig, tokenizer: Any) -> CorpusFigures:
    cells = map(cell_text, table.columns.get(config.text, ()))
    texts = [text for text in cells if text is not None and not is_blank(text)]
    tokens, unknown = _count_tokens(texts, tokenizer) if tokenizer is not None else (None, 0)
    sizes = [len(text) for text in texts]
    return CorpusFigures(len(texts), sum(sizes), tokens, unknown, max(sizes, default=0))


def _count_tokens(texts: Sequence[str], tokenizer: Any) -> tuple[int, int]:
    tokens = unknown = 0
    for ids in encoded(tokenizer, texts, special=False):
        tokens += len(ids)
        unknown += ids.count(tokenizer.unk_token_id)
    return tokens, unknown


def _warnings(figures: Mapping[str, CorpusFigures]) -> list[str]:
    warnings: list[str] = []
    for name, split in figures.items():
        if split.longest > ENORMOUS:
            warnings.append(
                f"{name}: one document has {split.longest:,} characters; is data.separator right?"
            )
        if split.tokens and split.unknown:
            warnings.append(
                f"{name}: {split.unknown:,} of {split.tokens:,} tokens "
                f"({split.unknown / split.tokens:.2%}) are unknown to the tokenizer"
            )
    return warnings
