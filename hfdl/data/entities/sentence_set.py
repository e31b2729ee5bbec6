"""The sentences of a split, and the places of their words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from hfdl.data.entities.sentence import Sentence, Span
from hfdl.data.table import Table


@dataclass
class SentenceSet:
    """The sentences of a split.

    Args:
        table: where they come from.
        sentences: one a row of ``table``.
        scheme: the scheme of their tags: ``BIO``, ``BIOES`` or ``BILOU``.
        types: the types of entity that there may be, sorted.
        repaired: number of illegal tags, which were read as conlleval reads them.
        facts: lines for a person.
        illegal: the first of those tags, in words with their places, at most 5.
        read_tags: words by tag, in the spelling that they were read in; none where spans are given.
    """

    table: Table
    sentences: list[Sentence]
    scheme: str
    types: list[str]
    repaired: int = 0
    facts: list[str] = field(default_factory=list)
    illegal: list[str] = field(default_factory=list)
    read_tags: Counter[str] = field(default_factory=Counter)

    def where(self, row: int) -> str:
        """The place of a sentence: ``ner.conll, line 810``."""
        return self.table.where(row)

    def where_word(self, row: int, word: int) -> str:
        """The place of a word: ``ner.conll, line 812 (word 'Paris')``."""
        sentence = self.sentences[row]
        return place_of_word(self.table, row, word, [sentence.text[s:e] for s, e in sentence.words])

    def where_span(self, row: int, span: Span) -> str:
        """The place of the first word of an entity."""
        words = self.sentences[row].words
        return self.where_word(row, next(i for i, (_, end) in enumerate(words) if end > span.start))

    def spans(self, row: int) -> Sequence[Span]:
        """The entities of a sentence, in characters of its text."""
        return self.sentences[row].spans or ()


def place_of_word(table: Table, row: int, word: int, words: Sequence[str]) -> str:
    """The place of a word, and the word."""
    if table.item_lines is None:
        return f"{table.where(row)} (word {words[word]!r})"
    source = table.files[row] if table.files is not None else table.source
    return f"{source}, line {table.item_lines[row][word]} (word {words[word]!r})"
