"""Encoding texts as token ids that fit the model.

A text becomes one row of ids, or several overlapping rows where ``long_text`` is ``window``. The
special tokens are added here, from a template that is read from the tokenizer, so that every way of
shortening a text shares one code path.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hfdl.data.long_text import fit_pair, fit_single
from hfdl.errors import DataError, ModelError
from hfdl.progress import track

PIECE = 1000
"""Texts that go to the tokenizer in one call: enough for its threads, few enough to count."""


@dataclass(frozen=True)
class Template:
    """The special tokens around one text (A) or a pair (A, B), and the token types of each part.

    ``parts`` alternates special ids and the texts: (before, A, after) or (before, A, between, B,
    after). ``types`` holds the token type of each special id, and of the texts.
    """

    specials: tuple[tuple[int, ...], ...]
    special_types: tuple[tuple[int, ...], ...]
    text_types: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many special tokens the template adds."""
        return sum(map(len, self.specials))

    def build(self, *texts: Sequence[int]) -> list[int]:
        """The input ids of one row."""
        ids = list(self.specials[0])
        for text, after in zip(texts, self.specials[1:], strict=True):
            ids.extend(text)
            ids.extend(after)
        return ids

    def build_types(self, *texts: Sequence[int]) -> list[int]:
        """The token type ids of one row."""
        types = list(self.special_types[0])
        for text, text_type, after in zip(
            texts, self.text_types, self.special_types[1:], strict=True
        ):
            types.extend([text_type] * len(text))
            types.extend(after)
        return types


@dataclass(frozen=True, slots=True)
class EncodedText:
    """One example: its rows of input ids, and what was cut off.

    ``types`` is None where every token type is 0. ``total`` is the length of the whole text in
    tokens without specials, ``lost`` how many of them are in no row.
    """

    rows: list[list[int]]
    types: list[list[int]] | None
    total: int
    lost: int

    @property
    def size(self) -> int:
        """Tokens over all rows, specials included."""
        return sum(map(len, self.rows))


def read_template(tokenizer: Any, *, pair: bool) -> Template:
    """The template of a tokenizer.

    Raises:
        ModelError: there is no tokenizer yet, it is not a fast one, or it does more than add ids
            around the text.
    """
    if tokenizer is None:
        raise ModelError(
            "a new model has no tokenizer yet",
            rule="this task does not learn one from its data",
            remedy="name a folder that holds one: model.tokenizer=FOLDER",
        )
    if not getattr(tokenizer, "is_fast", False):
        raise ModelError(
            f"{type(tokenizer).__name__} is a slow tokenizer",
            rule="hfdl needs a tokenizer.json",
            remedy="save the model once with a fast tokenizer",
        )
    probe = tokenizer(*("a", "b")[: 2 if pair else 1], return_token_type_ids=True)
    ids, types = probe["input_ids"], probe["token_type_ids"]
    specials: list[list[int]] = [[]]
    special_types: list[list[int]] = [[]]
    text_types: list[int] = []
    for token, token_type, sequence in zip(ids, types, probe.sequence_ids(), strict=True):
        if sequence is None:
            specials[-1].append(token)
            special_types[-1].append(token_type)
        elif sequence == len(text_types):
            text_types.append(token_type)
            specials.append([])
            special_types.append([])
    template = Template(
        tuple(map(tuple, specials)), tuple(map(tuple, special_types)), tuple(text_types)
    )
    texts = [
        tokenizer(text, add_special_tokens=False)["input_ids"]
        for text in ("a", "b")[: 2 if pair else 1]
    ]
    if len(text_types) != len(texts) or template.build(*texts) != ids:
        raise ModelError(
            f"{type(tokenizer).__name__} changes a text's tokens when it adds special ones",
            rule="special tokens must stand around the text",
            remedy="choose another model",
        )
    return template


class TextEncoder:
    """Tokenizer, template and the rule for long texts, together.

    Args:
        tokenizer: a fast tokenizer.
        max_length: longest row in tokens, specials included.
        long_text: ``truncate``, ``head_tail``, ``window`` or ``error``.
        stride: tokens that neighbouring windows share; None: a quarter of ``max_length``.
    """

    def __init__(
        self, tokenizer: Any, *, max_length: int, long_text: str, stride: int | None = None
    ) -> None:
        self.tokenizer = tokenizer
        self.max_length = max_length
        self.long_text = long_text
        self.stride = max_length // 4 if stride is None else stride
        self._template = functools.cache(functools.partial(read_template, tokenizer))

    def __call__(
        self,
        texts: Sequence[str],
        pairs: Sequence[str] | None = None,
        *,
        where: Callable[[int], str] = lambda row: f"text {row + 1}",
    ) -> list[EncodedText]:
        """Encode texts, or pairs of texts.

        Args:
            texts: N texts.
            pairs: N second texts, or None.
            where: the place of a row in words, for errors.

        Raises:
            DataError: a text is too long and ``long_text`` is ``error``.
        """
        template = self._template(pair=pairs is not None)
        first = self._ids(texts)
        second = None if pairs is None else self._ids(pairs)
        return [
            self._encode(template, ids, None if second is None else second[row], row, where)
            for row, ids in enumerate(first)
        ]

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        starts = track(
            range(0, len(texts), PIECE), "tokenising", total=len(texts), unit="texts",
            size=lambda start: min(PIECE, len(texts) - start),
        )  # fmt: skip
        return [ids for start in starts for ids in self._some_ids(texts[start : start + PIECE])]

    def _some_ids(self, texts: Sequence[str]) -> list[list[int]]:
        encoded = self.tokenizer(
            list(texts),
            add_special_tokens=False,
            return_attention_mask=False,
            return_token_type_ids=False,
            truncation=False,
            padding=False,
            verbose=False,
        )
        return encoded["input_ids"]

    def _encode(
        self,
        template: Template,
        ids: list[int],
        pair: list[int] | None,
        row: int,
        where: Callable[[int], str],
    ) -> EncodedText:
        room = self.max_length - template.size
        total = len(ids) + len(pair or ())
        if total <= room:
            pieces, lost = [(ids,) if pair is None else (ids, pair)], 0
        elif self.long_text == "error":
            raise DataError(
                f"the text has {total + template.size} tokens",
                where=where(row),
                rule=f"data.max_length is {self.max_length} and data.long_text is error",
                remedy="shorten it, or cut it with data.long_text=truncate, "
                "data.long_text=head_tail or data.long_text=window",
            )
        elif pair is None:
            rows, lost = fit_single(ids, room, self.long_text, self.stride)
            pieces = [(piece,) for piece in rows]
        else:
            pieces, lost = fit_pair(ids, pair, room, self.long_text, self.stride)
        types = [template.build_types(*piece) for piece in pieces]
        return EncodedText(
            # An empty text without special tokens (GPT-2) is one padding token, which is read.
            rows=[template.build(*piece) or [self.tokenizer.pad_token_id] for piece in pieces],
            types=types if any(map(any, types)) else None,
            total=total,
            lost=lost,
        )


def length_facts(name: str, encoded: Sequence[EncodedText], encoder: TextEncoder) -> list[str]:
    """A line for a person about the texts that are too long."""
    room = encoder.max_length
    long = [text for text in encoded if text.lost or len(text.rows) > 1]
    total, lost = sum(text.total for text in encoded), sum(text.lost for text in encoded)
    share = 100.0 * lost / total if total else 0.0
    if not long:
        return [f"{name}: lost 0 of {total:,} tokens (every text fits {room})"]
    windows = sum(len(text.rows) for text in long)
    way = f", read in {windows:,} windows" if encoder.long_text == "window" else ""
    return [
        f"{name}: lost {lost:,} of {total:,} tokens ({share:.1f} %); {len(long):,} of "
        f"{len(encoded):,} texts are longer than {room} tokens{way} "
        f"(data.long_text={encoder.long_text})"
    ]
