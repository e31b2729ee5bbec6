"""Reading CoNLL files: one word per line with its columns, a blank line after each sentence."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

from hfdl.data.readers.reading import PLAIN, Reading
from hfdl.data.readers.text_decoding import text_lines
from hfdl.data.table import Table, counted
from hfdl.errors import DataError

CONLL_SUFFIXES = (".conll", ".conllu", ".bio", ".iob", ".iob2", ".bioes")
"""Extensions of such files."""

_BLANK = " \t"  # other white space may be a word: corpora hold NBSP and zero-width tokens
_RUN = re.compile("[ \t]+")
_DOCUMENT = "-DOCSTART-"
_COMMENTS = ("# ", "#\t", "#begin document", "#end document")  # the last two: CoNLL-2012
_NO_WORD = re.compile(r"[0-9]+[-.][0-9]+")  # CoNLL-U: a range of words, or an empty node
_TAG = re.compile(r"O|[BIELSU]-\S+")
_ANY_TAG = re.compile(r"O|[BIELSU][-_]\S+", re.IGNORECASE)
_TYPE = re.compile(r"[A-Z][\w-]+")
_ENDLESS = 500  # words: no sentence of a corpus has more
_FEW = 50  # tags without a prefix that a file may have


def read_conll(text: str, source: str, reading: Reading = PLAIN) -> Table:
    """One row per sentence, with a list of words in each column.

    The columns are ``tokens`` (the first; the second where the first counts the words of each
    sentence, as in CoNLL-U and GermEval), ``tags`` (the last, where there are several), and each
    under its number from 1. They are split at tabs if the first line of data has one and tabs give
    every line the same columns, else at runs of blanks and tabs. Left out are blank lines, lines
    that begin with ``-DOCSTART-``, and comments: lines that begin with ``#`` and a blank or tab, or
    with ``#begin document`` or ``#end document``, and do not have the columns of the others. Of
    CoNLL-U, word ranges (``1-2``) and empty nodes (``1.1``) are left out too.

    Args:
        text: the content of the file.
        source: its name, for messages.
        reading: the options; only what columns the recipe asks for matters here.

    Raises:
        DataError: a line with more or fewer columns than the first, a column without a value, or
            no words at all.
    """
    lines = text_lines(text.removeprefix("\ufeff"))
    comments: list[int] = []
    sentences = list(_sentences(lines, source, comments))
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
    is_conllu = PurePath(source).suffix.lower() == ".conllu"
    counts_words = width > 2 and _counts(numbered[0], 1 if is_conllu else 2)
    columns = {"tokens": numbered[1 if counts_words else 0]}
    if width > 1:
        columns["tags"] = numbered[-1]
    columns |= {str(i + 1): column for i, column in enumerate(numbered)}
    item_lines = [[line for line, _ in sentence] for sentence in sentences]
    table = Table(
        source, columns, lines=[numbers[0] for numbers in item_lines], item_lines=item_lines
    )
    notes = _notes(source, comments, counts_words, numbered)
    words = _one_word(columns["tokens"], numbered[:-1]) if "tokens" in reading.asked else None
    return table.noted(*notes, words, _endless(item_lines))


def _endless(item_lines: list[list[int]]) -> str | None:
    """The line about a sentence so long that the blank lines behind sentences may be missing."""
    longest = max(item_lines, key=len)
    if len(longest) <= _ENDLESS:
        return None
    return (
        f"one sentence has {len(longest):,} words (line {longest[0]}): a blank line ends a sentence"
    )


def looks_like_conll(text: str) -> bool:
    """Whether a txt or tsv file is certainly a CoNLL file: its lines have the same columns, two or
    more, and the last is a tag in every line (O or B-PER; or types without a prefix, mostly O).
    """
    comments: list[int] = []
    try:
        sentences = list(_sentences(text_lines(text), "", comments))
    except DataError:
        return False
    if not sentences or len(sentences[0][0][1]) < 2:
        return False
    tags = Counter(fields[-1] for sentence in sentences for _, fields in sentence)
    if all(_ANY_TAG.fullmatch(tag) for tag in tags):
        return True
    are_types = all(tag == "O" or _TYPE.fullmatch(tag) for tag in tags)
    return are_types and len(tags) <= _FEW and 2 * tags["O"] > tags.total()


_Word = tuple[int, list[str]]
"""A line's number, and its columns."""


def _sentences(lines: list[str], source: str, comments: list[int]) -> Iterator[list[_Word]]:
    layout = _layout(lines)
    is_conllu = PurePath(source).suffix.lower() == ".conllu"
    sentence: list[_Word] = []
    for number, line in enumerate(lines, start=1):
        fields = _fields(line, layout.tabs, layout.trailing)
        if not fields or fields[0].startswith(_DOCUMENT):
            if sentence:
                yield sentence
            sentence = []
        elif _may_be_comment(line) and layout.is_comment(fields, begins=not sentence):
            comments.append(number)
        elif is_conllu and _NO_WORD.fullmatch(fields[0]):
            continue
        else:
            _refuse_ragged(fields, f"{source}, line {number}", layout.first, layout.width)
            sentence.append((number, fields))
    if sentence:
        yield sentence


@dataclass(frozen=True)
class _Layout:
    """Whether tabs separate, and how many end each line with nothing behind them; number and width
    of the first line of data; what its last column holds in lines that cannot be comments.
    """

    tabs: bool
    trailing: int
    first: int
    width: int
    tags: frozenset[str]

    def is_comment(self, fields: list[str], *, begins: bool) -> bool:
        """Whether a line that begins with ``#`` is a comment: it has not the columns of the others,
        or stands before a sentence and ends in what is no tag (``# id = 1``).
        """
        if self.width < 2:
            return False
        if len(fields) != self.width:
            return True
        return begins and fields[-1] not in self.tags and not _TAG.fullmatch(fields[-1])


def _layout(lines: list[str]) -> _Layout:
    data = [
        (number, line)
        for number, line in enumerate(lines, start=1)
        if line.strip(_BLANK) and not line.startswith(_DOCUMENT)
    ]
    plain = [(number, line) for number, line in data if not _may_be_comment(line)] or data
    number, line = plain[0] if plain else (0, "")
    tabs = "\t" in line.strip(_BLANK)
    if tabs and not _is_even(plain, tabs=True) and _is_even(plain, tabs=False):
        tabs = False  # some columns are separated by tabs, others by blanks
    ends = [len(line) - len(line.rstrip("\t")) for _, line in plain] if tabs else []
    trailing = min(ends, default=0)
    rows = [_fields(line, tabs, trailing) for _, line in plain]
    width = len(rows[0]) if rows else 0
    return _Layout(
        tabs, trailing, number, width, frozenset(row[-1] for row in rows if len(row) == width)
    )


def _is_even(data: list[tuple[int, str]], *, tabs: bool) -> bool:
    """Whether all lines have the same columns, two or more."""
    widths = {len(_fields(line, tabs)) for _, line in data}
    return len(widths) == 1 and widths != {1}


def _fields(line: str, tabs: bool, trailing: int = 0) -> list[str]:
    """The columns of a line, without those that tabs at its end would be; none of a blank one."""
    if not line.strip(_BLANK):
        return []
    if tabs:
        return [field.strip(" ") for field in line[: len(line) - trailing].split("\t")]
    return _RUN.split(line.strip(_BLANK))


def _may_be_comment(line: str) -> bool:
    return line == "#" or line.startswith(_COMMENTS)


def _counts(column: list[list[str]], least: int) -> bool:
    """Whether a column numbers the words of each sentence, 1, 2, 3, and one has ``least``."""
    numbers = [str(i + 1) for i in range(max(map(len, column)))]
    return len(numbers) >= least and all(words == numbers[: len(words)] for words in column)


def _notes(
    source: str, comments: list[int], counts_words: bool, columns: list[list[list[str]]]
) -> list[str]:
    """What a person should know of how the lines were read; of CoNLL-U all of it is usual."""
    if PurePath(source).suffix.lower() == ".conllu":
        return []
    notes: list[str] = []
    if comments:
        verb = "was" if len(comments) == 1 else "were"
        lines = counted(len(comments), "comment line")
        notes.append(f"{lines} {verb} left out (first: line {comments[0]})")
    if counts_words:
        notes.append("column 1 counts the words, so column 2 is data.tokens")
    types = _types(columns[-1])
    # Chunks (B-NP) beside entities are usual; what has the same types may be meant as well.
    others = [i + 1 for i, column in enumerate(columns[:-1]) if types & _types(column)]
    if others:
        last, other = len(columns), others[-1]
        notes.append(
            f"columns {', '.join(map(str, others))} and {last} hold tags, and {last} is read; "
            f"data.tags={other} reads the other"
        )
    return notes


def _types(column: list[list[str]]) -> set[str]:
    """The types of the entities in a column; none where a value of it is no tag."""
    tags = {tag for tags in column for tag in tags}
    return {tag[2:] for tag in tags - {"O"}} if all(map(_TAG.fullmatch, tags)) else set()


def _one_word(tokens: list[list[str]], columns: list[list[list[str]]]) -> str | None:
    """The line about a column of words that holds one word alone, such as a document's name."""
    counts = [len({word for words in column for word in words}) for column in columns]
    if sum(map(len, tokens)) < 3 or len({word for words in tokens for word in words}) > 1:
        return None
    if not columns or max(counts) < 2:
        return None
    number = max(range(len(columns)), key=lambda i: (counts[i], _are_words(columns[i]))) + 1
    return (
        f"column {columns.index(tokens) + 1} is {tokens[0][0]!r} in every line and is read as the "
        f"words; data.tokens={number} reads another"
    )


def _are_words(column: list[list[str]]) -> bool:
    return any(word.isalpha() for words in column for word in words)


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
