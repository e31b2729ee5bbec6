"""How a model's raw texts are split into words: as the data that it was trained on.

Data given as text and spans is split by ``split_words``, in training as in use. Data given as
words was split by someone else, by rules unknown: in one set ``John's`` is ``John`` and ``'s``, in
another it is one word. Those rules are read off the words: of each place where ``split_words``
would cut it is counted, by the kinds of what stands around it, how often a training word has it
inside and how often two words meet there; the majority decides. The model's config keeps the
result, so that use splits as training did. What such a model reads in use are those words with a
blank between them, as in training: its tokenizer then makes the same tokens of the same words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

from hfdl.data.entities.words import SYLLABLES, UNSPACED, WORDLIKE, kind_of, split_words

CONFIG_KEY = "word_splitting"
"""Where a model's config keeps it."""

Word = tuple[int, int]

_BEFORE_A_BLANK = frozenset(".,;:!?)]}%")
_AFTER_A_BLANK = frozenset("([{#@$")
_USUAL = frozenset(left + right for left in "LXDH_" for right in "LXDH_")
_FEWEST = 2
"""Four kinds decide for themselves where they are seen so often."""


class WordSplitter:
    """Splits raw texts into words.

    Args:
        joins: places where two words of ``split_words`` are one word: the kinds of both (``DL``:
            ``14ml``), or four kinds around the place, a blank for one that does not matter.
        cuts: four kinds around places where a word ends although ``joins`` has the middle two.
        of_words: whether the model was trained on words, and so reads words with blanks between.
    """

    def __init__(
        self,
        joins: Iterable[str] = (),
        cuts: Iterable[str] = (),
        *,
        of_words: bool = False,
    ) -> None:
        self._joins, self._cuts, self.of_words = frozenset(joins), frozenset(cuts), of_words

    # ---- making one ----------------------------------------------------------------------------

    @classmethod
    def of_unknown_model(cls) -> Self:
        """For a model whose words are unknown: letters, digits and underscores are one word."""
        return cls(_USUAL)

    @classmethod
    def of_config(cls, config: Any) -> Self:
        """As a model's config says; see ``settings``."""
        kept = getattr(config, CONFIG_KEY, None)
        if not isinstance(kept, Mapping):
            return cls.of_unknown_model()
        of_words = kept.get("trained_on") == "words"
        return cls(kept.get("joins", ()), kept.get("cuts", ()), of_words=of_words)

    @classmethod
    def of_training_words(cls, sentences: Iterable[Sequence[str]]) -> Self:
        """The splitter that cuts as the given sentences are cut most often.

        Args:
            sentences: the words of each.
        """
        inside: Counter[str] = Counter()
        between: Counter[str] = Counter()
        for words in sentences:
            for place, is_inside in _places(words):
                (inside if is_inside else between).update((place, place[1:3]))
        seen = {*inside, *between}
        joined = {place for place in seen if inside[place] > between[place]}
        pairs = {place for place in joined if len(place) == 2}
        longer = {p for p in seen if len(p) == 4 and inside[p] + between[p] >= _FEWEST}
        return cls(
            pairs | {place for place in longer & joined if place[1:3] not in pairs},
            {place for place in longer - joined if place[1:3] in pairs},
            of_words=True,
        )

    @property
    def settings(self) -> dict[str, Any]:
        """What a model's config keeps."""
        if not self.of_words:
            return {"trained_on": "spans"}
        return {"trained_on": "words", "joins": sorted(self._joins), "cuts": sorted(self._cuts)}

    # ---- using it ------------------------------------------------------------------------------

    def __call__(self, text: str) -> list[Word]:
        """(start, end) of each word of a raw text, ascending."""
        parts = split_words(text)
        if not self._joins:
            return parts
        words: list[Word] = []
        for chunk in _chunks(parts):
            kinds = [kind_of(text[start:end]) for start, end in chunk]
            words.append(chunk[0])
            for i, (start, end) in enumerate(chunk[1:], start=1):
                if self._goes_on(_place(kinds, i)):
                    words[-1] = words[-1][0], end
                else:
                    words.append((start, end))
        return words

    def _goes_on(self, place: str) -> bool:
        if place in self._cuts:
            return False
        return place in self._joins or place[1:3] in self._joins


def _chunks(parts: Sequence[Word]) -> Iterator[list[Word]]:
    """Words that no blank separates."""
    chunk: list[Word] = []
    for part in parts:
        if chunk and chunk[-1][1] != part[0]:
            yield chunk
            chunk = []
        chunk.append(part)
    if chunk:
        yield chunk


def _place(kinds: Sequence[str], i: int) -> str:
    """The kinds around the place before part ``i``: two on the left, two on the right.

    Beyond a neighbour that is a word by itself nothing matters.
    """
    left = kinds[i - 2] if i > 1 and kinds[i - 1] not in WORDLIKE else " "
    right = kinds[i + 1] if i + 1 < len(kinds) and kinds[i] not in WORDLIKE else " "
    return left + kinds[i - 1] + kinds[i] + right


def _places(words: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """The places of a sentence where no blank is supposed, and whether each is within a word."""
    kinds: list[str] = []
    first: list[bool] = []  # whether a part begins a word
    for word in words:
        parts = [kind_of(word[start:end]) for start, end in split_words(word)]
        if kinds and parts and _has_blank(kinds[-1], parts[0]):
            yield from _of_chunk(kinds, first)
            kinds, first = [], []
        kinds += parts
        first += [i == 0 for i in range(len(parts))]
    yield from _of_chunk(kinds, first)


def _of_chunk(kinds: Sequence[str], first: Sequence[bool]) -> Iterator[tuple[str, bool]]:
    for i in range(1, len(kinds)):
        if not (kinds[i - 1] == kinds[i] == UNSPACED):
            yield _place(kinds, i), not first[i]


def _has_blank(left: str, right: str) -> bool:
    """Whether two words are supposed to stand apart in raw text, by the kinds where they meet."""
    if UNSPACED in (left, right) or left == right == SYLLABLES:
        return False
    if left in WORDLIKE:
        return right in WORDLIKE or right in _AFTER_A_BLANK
    return left in _BEFORE_A_BLANK and right not in _BEFORE_A_BLANK
