"""Reading CoNLL files: one word per line with its columns, a blank line after each sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePath

from hfdl.data.readers.text_decoding import text_lines
from hfdl.data.table import Table
from hfdl.errors import DataError

CONLL_SUFFIXES = (".conll", ".conllu", ".bio", ".iob")
"""Extensions of such files."""

_BLANK = " \t"  # other white space may be a word: corpora hold NBSP and zero-width tokens
_RUN = re.compile("[ \t]+")
_DOCUMENT = "-DOCSTART-"
_NO_WORD = re.compile(r"[0-9]+[-.][0-9]+")  # CoNLL-U: a range of words, or an empty node


def read_conll(text: str, source: str) -> Table:
    """One row per sentence, with a list of words in each column.

    The columns are ``tokens`` (the first), ``tags`` (the last, where there are several), and each
    under its number from 1. They are split at tabs if the first line of data has one, else at runs
    of blanks and tabs. Left out are blank lines, ``-DOCSTART-`` lines, and comments: lines that
    begin with ``# `` and do not have the columns of the others. Of CoNLL-U, word ranges (``1-2``)
    and empty nodes (``1.1``) are left out too; there the words are column 2: ``data.tokens=2``.

    Args:
        text: the content of the file.
        source: its name, for messages.

    Raises:
        DataError: a line with more or fewer columns than the first, a column without a value, or
            no words at all.
    """
    lines = text_lines(text.removeprefix("\ufeff"))
    sentences = list(_sentences(lines, source))
    if not sentences:
        raise DataError(
            "no words",
            where=source,
            rule="a CoNLL file has one word and its tag a line, and a blank line after a sentence",
            remedy="is this the right file?",
        )
    width = len(sentences[0][0][1])
    numbered = [
        [[fields[i] for _, fields in sentence] for sentence in sentences] for i in range(width)
    ]
    columns = {"tokens": numbered[0]}
    if width > 1:
        columns["tags"] = numbered[-1]
    columns |= {str(i + 1): column for i, column in enumerate(numbered)}
    item_lines = [[line for line, _ in sentence] for sentence in sentences]
    return Table(
        source, columns, lines=[numbers[0] for numbers in item_lines], item_lines=item_lines
    )


_Word = tuple[int, list[str]]
"""A line's number, and its columns."""


def _sentences(lines: list[str], source: str) -> Iterator[list[_Word]]:
    tabs, first, width = _layout(lines)
    is_conllu = PurePath(source).suffix.lower() == ".conllu"
    sentence: list[_Word] = []
    for number, line in enumerate(lines, start=1):
        fields = _fields(line, tabs)
        if not fields or fields[0] == _DOCUMENT:
            if sentence:
                yield sentence
            sentence = []
        elif _is_comment(line, len(fields), width) or (is_conllu and _NO_WORD.fullmatch(fields[0])):
            continue
        else:
            _refuse_ragged(fields, f"{source}, line {number}", first, width)
            sentence.append((number, fields))
    if sentence:
        yield sentence


def _layout(lines: list[str]) -> tuple[bool, int, int]:
    """Whether tabs separate, and number and width of the first line of data."""
    data = [
        (number, line)
        for number, line in enumerate(lines, start=1)
        if line.strip(_BLANK) and not line.startswith(_DOCUMENT)
    ]
    plain = ((number, line) for number, line in data if not _may_be_comment(line))
    number, line = next(plain, data[0] if data else (0, ""))
    tabs = "\t" in line.strip(_BLANK)
    return tabs, number, len(_fields(line, tabs))


def _fields(line: str, tabs: bool) -> list[str]:
    """The columns of a line; none of a blank one."""
    if not line.strip(_BLANK):
        return []
    if tabs:
        return [field.strip(" ") for field in line.split("\t")]
    return _RUN.split(line.strip(_BLANK))


def _may_be_comment(line: str) -> bool:
    return line == "#" or line.startswith("# ")


def _is_comment(line: str, columns: int, width: int) -> bool:
    return width > 1 and columns != width and _may_be_comment(line)


def _refuse_ragged(fields: list[str], where: str, first: int, width: int) -> None:
    if len(fields) != width:
        raise DataError(
            f"{len(fields)} column{'' if len(fields) == 1 else 's'} where line {first} has {width}",
            where=where,
            rule="each line of words has the same columns",
            remedy="add what is missing; a blank line ends a sentence",
        )
    if "" in fields:
        raise DataError(
            f"column {fields.index('') + 1} of {width} is empty",
            where=where,
            rule="each word has a value in each column",
            remedy="add it (_ stands for none in CoNLL-U), or remove the line",
        )
