"""Which pieces of a tokenised sentence belong to which of its words.

A sentence is tokenised as the one text it is, in training as in use: what the model reads does not
depend on whether its words are known. Pieces find their words by their characters, which every
fast tokenizer tells; none has to know of words.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from hfdl.data.entities.words import further_words

Span = tuple[int, int]
"""(start, end) in characters of the text, end exclusive."""

NO_WORD = -1
"""The word of a piece that holds no character of any word, such as a blank."""


@dataclass(frozen=True, slots=True)
class Aligned:
    """A sentence as pieces that know their words.

    Args:
        ids: P token ids, without special tokens.
        words: the word of each piece, shape (P,), ``NO_WORD`` where it has none.
        firsts: the first piece of each word, shape (W,). Every word has one.
        parts: pieces that begin, within a word, what is a word by itself in raw text; see
            ``further_words``.
    """

    ids: list[int]
    words: list[int]
    firsts: list[int]
    parts: frozenset[int] = frozenset()


def align(tokenizer: Any, texts: Sequence[str], words: Sequence[Sequence[Span]]) -> list[Aligned]:
    """Tokenise sentences and give each word its pieces.

    A piece belongs to the word that its first character within any word is of. A word of which
    the tokenizer leaves nothing (zero-width and control characters) is read as the unknown token,
    so that no label is lost. Where a piece reaches over two words, as a tokenizer across blanks
    may merge them, the words of that sentence are tokenised one by one, each with the blank
    before it.

    Args:
        tokenizer: a fast tokenizer.
        texts: N sentences.
        words: the words of each: spans that ascend and do not overlap.
    """
    if not texts:
        return []
    encoded = tokenize(tokenizer, texts)
    columns = zip(texts, words, encoded["input_ids"], encoded["offset_mapping"], strict=True)
    return [_align(tokenizer, *row) for row in columns]


def tokenize(tokenizer: Any, texts: Sequence[str], **options: Any) -> Any:
    """Token ids of whole texts without special tokens, and the characters that each comes from.

    Args:
        tokenizer: a fast tokenizer.
        texts: at least one.
        options: passed on to the tokenizer.

    Returns:
        transformers' ``BatchEncoding`` with ``input_ids`` and ``offset_mapping``.
    """
    return tokenizer(
        list(texts), add_special_tokens=False, return_attention_mask=False,
        return_token_type_ids=False, return_offsets_mapping=True, truncation=False, padding=False,
        verbose=False, **options,
    )  # fmt: skip


def _align(
    tokenizer: Any, text: str, words: Sequence[Span], ids: list[int], spans: Sequence[Span]
) -> Aligned:
    owner = [NO_WORD] * len(text)
    for word, (start, end) in enumerate(words):
        owner[start:end] = [word] * (end - start)
    touched = [_touched(owner, span) for span in spans]
    if any(len(of_piece) > 1 for of_piece in touched):
        ids, spans = _one_by_one(tokenizer, text, words)
        touched = [_touched(owner, span) for span in spans]
    pieces = [of_piece[0] if of_piece else NO_WORD for of_piece in touched]
    aligned = _complete(ids, pieces, len(words), unknown_id(tokenizer))
    inner = [] if text.isascii() else _inner(text, words, set(pieces))
    return replace(aligned, parts=_first_pieces(inner, spans, pieces, aligned))


def _inner(text: str, words: Sequence[Span], known: Container[int]) -> list[tuple[int, int]]:
    """Each place within a word where raw text would have a further word, with the word."""
    return [
        (word, start + place)
        for word, (start, end) in enumerate(words)
        for place in further_words(text[start:end])
        if word in known
    ]


def _first_pieces(
    inner: Sequence[tuple[int, int]], spans: Sequence[Span], pieces: Sequence[int], aligned: Aligned
) -> frozenset[int]:
    """The first piece that begins at each of those places."""
    first: dict[int, int] = {}
    for i, (start, _) in reversed(list(enumerate(spans))):
        first[start] = i
    # Unknown tokens were put in before words, never among the pieces of one.
    shift = {word: aligned.firsts[word] - pieces.index(word) for word in {w for w, _ in inner}}
    return frozenset(first[at] + shift[word] for word, at in inner if at in first)


def _touched(owner: list[int], span: Span) -> list[int]:
    """The words that a piece has characters of, in their order."""
    return list(dict.fromkeys(word for word in owner[slice(*span)] if word != NO_WORD))


def _one_by_one(tokenizer: Any, text: str, words: Sequence[Span]) -> tuple[list[int], list[Span]]:
    """Ids and spans of a text whose words are tokenised apart, each with what stands before it."""
    cuts = [0, *(end for _, end in words[:-1]), len(text)]
    parts = list(pairwise(cuts))
    encoded = tokenize(tokenizer, [text[start:end] for start, end in parts])
    ids = [piece for part in encoded["input_ids"] for piece in part]
    spans = [
        (shift + start, shift + end)
        for (shift, _), part in zip(parts, encoded["offset_mapping"], strict=True)
        for start, end in part
    ]
    return ids, spans


def _complete(ids: list[int], pieces: list[int], n_words: int, unknown: int) -> Aligned:
    """The pieces with an unknown token for each word that has none, before the next word's."""
    missing = sorted(set(range(n_words)) - set(pieces))
    for word in missing:
        place = next((i for i, other in enumerate(pieces) if other > word), len(pieces))
        ids = [*ids[:place], unknown, *ids[place:]]
        pieces = [*pieces[:place], word, *pieces[place:]]
    firsts = {word: i for i, word in reversed(list(enumerate(pieces)))}
    return Aligned(ids, pieces, [firsts[word] for word in range(n_words)])


def unknown_id(tokenizer: Any) -> int:
    """The unknown token's id; of a tokenizer that knows every byte, the padding token's."""
    unknown = tokenizer.unk_token_id
    return tokenizer.pad_token_id if unknown is None else unknown
