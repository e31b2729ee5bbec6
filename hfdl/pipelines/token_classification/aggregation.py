"""From scores of tokens to entities, by the strategies of transformers' token classification.

``none`` answers for tokens. ``simple`` joins neighbouring tokens of one type. ``first``,
``average`` and ``max`` make the tokens of a word agree first. The rules are those of transformers
5.23 (``pipelines/token_classification.py``), and its heuristics too, so that answers can be
compared. Only what it misreads is read otherwise, see ``TagReader``: tags of BIOES and BILOU, and
types with a hyphen in their names.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hfdl.pipelines.token_classification.rows import TokenizedText

STRATEGIES = ("none", "simple", "first", "average", "max")
_BIO = {"B", "I"}
_FULL = ({"B", "I", "O", "E", "S"}, {"B", "I", "O", "L", "U"})


@dataclass(frozen=True, slots=True)
class Piece:
    """A token with its ``scores`` (C,), one probability a tag."""

    word: str
    start: int
    end: int
    index: int
    is_subword: bool
    scores: np.ndarray


@dataclass(frozen=True, slots=True)
class Tagged:
    """A token or a word with its tag."""

    tag: str
    score: float
    word: str
    start: int
    end: int
    index: int


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag's meaning: the type, whether an entity begins here and whether it ends here."""

    type: str
    begins: bool
    ends: bool


class TagReader:
    """Reads the tags of a model.

    Args:
        names: the model's tags. If all of them are of BIOES or of BILOU and one shows it (by E, S,
            L or U), E and L end an entity, and S and U are one by themselves. Otherwise, as in
            transformers, B begins one, I goes on, and a tag with neither prefix goes on.
    """

    def __init__(self, names: Sequence[str]) -> None:
        prefixes = {name.split("-", 1)[0] if "-" in name or name == "O" else "" for name in names}
        is_full = any(prefixes <= full for full in _FULL) and not prefixes <= _BIO | {"O"}
        self._prefixes = {"B", "I", "E", "S", "L", "U"} if is_full else _BIO

    def __call__(self, tag: str) -> Tag:
        """The meaning of a tag. The type is what follows the prefix, hyphens and all."""
        prefix, hyphen, rest = tag.partition("-")
        if not hyphen or prefix not in self._prefixes:
            return Tag(tag, begins=False, ends=False)
        return Tag(rest, begins=prefix in "BSU", ends=prefix in "ESLU")


def pieces_of(
    text: TokenizedText, scores: np.ndarray, tokenizer: Any, first_index: int
) -> list[Piece]:
    """The tokens of a text with their scores.

    A token is a part of a word, as transformers sees it, if its string is longer than its
    characters (``##ing``, WordPiece), and with other tokenizers if no blank stands before it.

    Args:
        text: the tokenised text.
        scores: (tokens, C).
        tokenizer: its tokenizer.
        first_index: number of the first token in a row, the special ones before it counted.
    """
    has_prefix = bool(getattr(tokenizer.backend_tokenizer.model, "continuing_subword_prefix", None))
    words = tokenizer.convert_ids_to_tokens(text.ids)
    pieces = []
    for i, (word, (start, end)) in enumerate(zip(words, text.spans, strict=True)):
        surface = text.text[start:end]
        if text.ids[i] == tokenizer.unk_token_id:
            word, is_subword = surface, False
        elif has_prefix:
            is_subword = len(word) != len(surface)
        else:
            is_subword = start > 0 and " " not in text.text[start - 1 : start + 1]
        pieces.append(Piece(word, start, end, first_index + i, is_subword, scores[i]))
    return pieces


def aggregate(
    pieces: Sequence[Piece],
    strategy: str,
    names: Sequence[str],
    join: Callable[[list[str]], str],
    ignore: Collection[str],
) -> list[dict[str, Any]]:
    """The answer of the pipeline.

    Args:
        pieces: the tokens of a text in order.
        strategy: one of ``STRATEGIES``.
        names: C tags.
        join: makes a word of tokens: ``tokenizer.convert_tokens_to_string``.
        ignore: tags (strategy ``none``) or types that are left out.

    Returns:
        with ``none`` ``{"entity", "score", "index", "word", "start", "end"}`` a token, else
        ``{"entity_group", "score", "word", "start", "end"}`` an entity; plain Python values.
    """
    if strategy == "none":
        tokens = [_best(piece, names) for piece in pieces]
        return [_token(token) for token in tokens if token.tag not in ignore]
    units = pieces if strategy == "simple" else _words(pieces, strategy, join)
    reader = TagReader(names)
    groups = _groups([_best(unit, names) for unit in units], reader)
    entities = [_entity(group, reader, join) for group in groups]
    return [entity for entity in entities if entity["entity_group"] not in ignore]


def _best(piece: Piece, names: Sequence[str]) -> Tagged:
    best = int(piece.scores.argmax())
    return Tagged(
        names[best], float(piece.scores[best]), piece.word, piece.start, piece.end, piece.index
    )


def _words(pieces: Sequence[Piece], strategy: str, join: Callable[[list[str]], str]) -> list[Piece]:
    """One piece a word, with the scores that its tokens agree on."""
    words: list[list[Piece]] = []
    for piece in pieces:
        if words and piece.is_subword:
            words[-1].append(piece)
        else:
            words.append([piece])
    return [
        replace(
            word[0],
            word=join([piece.word for piece in word]),
            end=word[-1].end,
            scores=_agreed(word, strategy),
        )
        for word in words
    ]


def _agreed(word: Sequence[Piece], strategy: str) -> np.ndarray:
    if strategy == "first":
        return word[0].scores
    if strategy == "max":
        return max(word, key=lambda piece: piece.scores.max()).scores
    return np.mean([piece.scores for piece in word], axis=0)  # (C,)


def _groups(tagged: Sequence[Tagged], reader: TagReader) -> list[list[Tagged]]:
    """Neighbours of one type; a new group at a tag that begins, and after one that ends."""
    groups: list[list[Tagged]] = []
    last: Tag | None = None
    for one in tagged:
        tag = reader(one.tag)
        if last is not None and tag.type == last.type and not (tag.begins or last.ends):
            groups[-1].append(one)
        else:
            groups.append([one])
        last = tag
    return groups


def _token(token: Tagged) -> dict[str, Any]:
    return {
        "entity": token.tag,
        "score": token.score,
        "index": token.index,
        "word": token.word,
        "start": token.start,
        "end": token.end,
    }


def _entity(
    group: Sequence[Tagged], reader: TagReader, join: Callable[[list[str]], str]
) -> dict[str, Any]:
    return {
        "entity_group": reader(group[0].tag).type,
        "score": float(np.mean([one.score for one in group])),
        "word": join([one.word for one in group]),
        "start": group[0].start,
        "end": group[-1].end,
    }
