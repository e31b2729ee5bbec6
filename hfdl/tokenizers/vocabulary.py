"""Vocabularies: tokens and their ids.

Models compute with numbers, so each token has one, its id: 0, 1, 2, ... in the order of the tokens.
An embedding table has a row for each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hfdl.errors import DataError, did_you_mean


class Vocabulary:
    """The tokens of a tokenizer, each with its id.

        >>> vocabulary = Vocabulary(["[UNK]", "sea", "ship"], special=["[UNK]"])
        >>> vocabulary.id("ship"), vocabulary.token(1), vocabulary.one_hot("sea")
        (2, 'sea', [0, 1, 0])

    Args:
        tokens: in the order of their ids, the first is 0.
        special: those of them that are not text, such as ``[MASK]``.

    Raises:
        DataError: a token is empty or comes twice, or a special token is not among the tokens.
    """

    def __init__(self, tokens: Iterable[str], special: Iterable[str] = ()) -> None:
        self.tokens = tuple(tokens)
        self._ids: dict[str, int] = {}
        for i, token in enumerate(self.tokens):
            if self._ids.setdefault(token, i) != i:
                raise DataError(
                    f"the token {token!r} is there twice, as {self._ids[token]} and {i}",
                    where="vocabulary",
                    rule="each token has one id",
                )
        if "" in self._ids:
            raise DataError("a token is empty", where="vocabulary", rule="a token has characters")
        self.special = tuple(sorted(dict.fromkeys(special), key=self.id))

    def id(self, token: str) -> int:
        """The id of a token.

        Raises:
            DataError: it is not in the vocabulary.
        """
        if token not in self._ids:
            raise DataError(
                f"no token {token!r}",
                where="vocabulary",
                rule=f"it has {len(self)} tokens",
                remedy=did_you_mean(token, self.tokens) if 0 < len(self) <= 1000 else None,
            )
        return self._ids[token]

    def token(self, id: int) -> str:
        """The token of an id.

        Raises:
            DataError: there is none.
        """
        if not 0 <= id < len(self.tokens):
            raise DataError(
                f"no token has the id {id}",
                where="vocabulary",
                rule=f"ids are 0 to {len(self) - 1}" if self.tokens else "it is empty",
            )
        return self.tokens[id]

    def one_hot(self, token: str) -> list[int]:
        """A list as long as the vocabulary, 1 at the token's id and 0 elsewhere.

        Multiplied with an embedding table, it picks the token's row.
        """
        row = [0] * len(self)
        row[self.id(token)] = 1
        return row

    def __contains__(self, token: object) -> bool:
        return token in self._ids

    def __len__(self) -> int:
        return len(self.tokens)

    def __iter__(self) -> Iterator[str]:
        return iter(self.tokens)

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} tokens, {len(self.special)} of them special)"


def with_unknown(unknown: str | None, special: Iterable[str]) -> list[str]:
    """The special tokens, with the unknown token first unless it is among them."""
    special = list(special)
    return special if unknown is None or unknown in special else [unknown, *special]
