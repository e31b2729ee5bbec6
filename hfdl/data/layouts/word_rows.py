"""Files with a word a row: its sentence is named in a column, once or in every row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from hfdl.config.schema import DataConfig
from hfdl.data.table import Table, cell_text, counted
from hfdl.errors import DataError

_WORDS = ("word", "words", "token", "tokens", "form")
_TAGS = ("tag", "tags", "label", "labels", "ner", "nertag", "nertags", "bio", "entity")
_SENTENCES = (
    "sentence", "sentenceid", "sentenceidx", "sentenceindex", "sentencenumber", "sentenceno",
    "sentenceno", "sentid", "sentidx", "sent",
)  # fmt: skip


_DOCUMENTS = ("doc", "docid", "docidx", "document", "documentid", "file", "fileid", "filename")


class _Columns(NamedTuple):
    word: str
    tag: str | None
    sentence: str | None
    document: str | None  # sentences may be counted anew in each


def sentences_of_words(table: Table, config: DataConfig) -> Table:
    """A row a sentence, with a list in each column, where the table has a word a row.

    The sentence is ``data.sentence``, or a column of such a name (``sentence_id``, ``Sentence #``);
    an empty cell is of the sentence before it. ``data.tokens`` and ``data.tags`` may be found by
    their names too. Every other table stays.

    Raises:
        DataError: a word a row and no column of the sentence; a sentence that begins again; a row
            without a word.
    """
    if config.sentence is not None and config.sentence not in table.columns:
        table.column(config.sentence, "data.sentence")
    columns = _columns(table, config)
    if columns is None or not _has_word_a_row(table, columns):
        return table
    if columns.sentence is None:
        raise _no_sentence(table, columns)
    groups = _groups(table, columns.sentence, columns.document)
    if config.sentence is None and len(groups) == len(table) > 1:
        return table  # an id a row: each row is a sentence
    words = _words(table, columns.word)
    grouped: dict[str, list[Any]] = {
        name: [[values[row] for row in rows] for rows in groups]
        for name, values in table.columns.items()
    }
    grouped[columns.word] = [[words[row] for row in rows] for rows in groups]
    grouped[columns.sentence] = [table.columns[columns.sentence][rows[0]] for rows in groups]
    grouped.setdefault(config.tokens, grouped[columns.word])
    if columns.tag is not None:
        grouped.setdefault(config.tags, grouped[columns.tag])
    return _located(table, grouped, groups).noted(
        f"{counted(len(table), 'word')} in {counted(len(groups), 'sentence')}, told apart by "
        f"column {columns.sentence!r}"
    )


def _columns(table: Table, config: DataConfig) -> _Columns | None:
    """The columns of word, tag and sentence; None where there is no word."""
    if table.item_lines is not None:
        return None
    sentence = config.sentence or _named(table, _SENTENCES)
    word = config.tokens if config.tokens in table.columns else _named(table, _WORDS)
    if word is None and sentence is not None and config.text in table.columns:
        word = config.text
    if word is None:
        return None
    tag = config.tags if config.tags in table.columns else _named(table, _TAGS)
    document = _named(table, _DOCUMENTS)
    return _Columns(word, tag, None if sentence == word else sentence, document)


def _named(table: Table, names: Sequence[str]) -> str | None:
    """The first column with one of some names, in any case and without what is no letter."""
    for name in table.columns:
        if "".join(filter(str.isalnum, name.casefold())) in names:
            return name
    return None


def _has_word_a_row(table: Table, columns: _Columns) -> bool:
    """Whether no cell holds several: a tag has no blank in it, a word hardly ever."""
    cells = table.columns[columns.tag or columns.word]
    words = table.columns[columns.word]
    if len(table) < 2 or any(isinstance(cell, list | tuple | dict) for cell in (*cells, *words)):
        return False
    several = any(isinstance(cell, str) and " " in cell.strip() for cell in cells)
    if columns.tag is not None and columns.sentence is None:
        several = several or any(isinstance(w, str) and " " in w.strip() for w in words)
    return not several


def _groups(table: Table, sentence: str, document: str | None) -> list[list[int]]:
    """The rows of each sentence; a file ends one, and so does a document."""
    groups: list[list[int]] = []
    seen: dict[tuple[Any, str], int] = {}
    current: tuple[Any, str] | None = None
    for row, cell in enumerate(table.columns[sentence]):
        file = (
            table.files[row] if table.files is not None else table.source,
            table.columns[document][row] if document is not None else None,
        )
        name = (cell_text(cell) or "").strip()
        name = "" if name.casefold() == "nan" else name  # pandas' text for an empty cell
        if not name and current is not None and current[0] == file:
            groups[-1].append(row)
            continue
        if not name:
            raise DataError(
                f"the first word has no sentence (column {sentence!r} is empty)",
                where=table.where(row),
                rule="a sentence is named in its first row, or in all",
                remedy="fill it in",
            )
        if (file, name) == current:
            groups[-1].append(row)
            continue
        current = (file, name)
        if current in seen:
            raise DataError(
                f"sentence {name!r} begins again, after it began in {table.where(seen[current])}",
                where=table.where(row),
                rule=f"the words of a sentence stand together (column {sentence!r})",
                remedy="sort the rows, or give each sentence a name of its own",
            )
        seen[current] = row
        groups.append([row])
    return groups


def _words(table: Table, name: str) -> list[str]:
    words: list[str] = []
    for row, cell in enumerate(table.columns[name]):
        word = cell_text(cell)
        if word is None or not word.strip(" \t"):
            raise DataError(
                f"no word in column {name!r}",
                where=table.where(row),
                rule="the file has a word a row",
                remedy="fill it in or remove the row",
            )
        words.append(word)
    return words


def _located(table: Table, columns: dict[str, list[Any]], groups: list[list[int]]) -> Table:
    """A table of those columns whose rows know where their sentences and words stand."""
    firsts = [rows[0] for rows in groups]
    lines = table.lines
    files = None if table.files is None else [table.files[row] for row in firsts]
    return replace(
        table,
        columns=columns,
        lines=None if lines is None else [lines[row] for row in firsts],
        files=files if lines is not None else [table.where(row) for row in firsts],
        item_lines=None if lines is None else [[lines[row] for row in rows] for rows in groups],
    )


def _no_sentence(table: Table, columns: _Columns) -> DataError:
    return DataError(
        f"a word a row (column {columns.word!r}), and no column that tells the sentence",
        where=table.source,
        rule="a model reads sentences; the columns are: " + ", ".join(table.columns),
        remedy="name the column that numbers them: data.sentence=COLUMN; or write a CoNLL file, "
        "with a blank line after each sentence and no header",
    )
