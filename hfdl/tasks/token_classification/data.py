"""Sentences as rows of tokens that fit the model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from hfdl.config.schema import DataConfig
from hfdl.data.encode import PIECE, Template
from hfdl.data.entities.align import Aligned, Span, align
from hfdl.data.entities.sentence import Sentence
from hfdl.data.entities.windows import Row, cut_rows
from hfdl.errors import ConfigError, DataError
from hfdl.progress import track
from hfdl.tasks.token_classification.split import EncodedSentence


def fate_of_long_sentences(data: DataConfig) -> str:
    """``window`` by default: the words of a sentence all have tags, wherever they stand.

    Raises:
        ConfigError: ``head_tail``, which would leave out words in the middle of a sentence.
    """
    if data.long_text == "head_tail":
        raise ConfigError(
            "head_tail would cut words out of the middle of a sentence",
            where="data.long_text",
            rule="each word needs a tag: window, truncate or error",
            remedy="set data.long_text=window: windows lose nothing",
        )
    return data.long_text or "window"


class SentenceEncoder:
    """Tokenizer, template and the rule for long sentences, together.

    Args:
        tokenizer: a fast tokenizer.
        template: what it puts around a text.
        max_length: longest row in tokens, special ones included.
        long_text: ``window``, ``truncate`` or ``error``.
        stride: tokens that neighbouring windows share; None: a quarter of ``max_length``.
    """

    def __init__(
        self,
        tokenizer: Any,
        template: Template,
        *,
        max_length: int,
        long_text: str,
        stride: int | None,
    ) -> None:
        self.tokenizer, self.template = tokenizer, template
        self.max_length, self.long_text = max_length, long_text
        self.stride = max_length // 4 if stride is None else stride

    def __call__(
        self, sentences: Sequence[Sentence], where: Any = lambda row: f"text {row + 1}"
    ) -> list[EncodedSentence]:
        """Encode sentences.

        Raises:
            DataError: one is too long and ``long_text`` is ``error``.
        """
        texts, words = [s.text for s in sentences], [s.words for s in sentences]
        encoded = []
        for i, aligned in enumerate(self._aligned(texts, words)):
            size = len(aligned.ids)
            encoded.append(EncodedSentence.of(aligned, self._rows(size, aligned.firsts, i, where)))
        return encoded

    def _aligned(self, texts: Sequence[str], words: Sequence[Sequence[Span]]) -> Iterator[Aligned]:
        count = len(texts)
        for start in track(
            range(0, count, PIECE), "tokenising", total=count, unit="sentences",
            size=lambda start: min(PIECE, count - start),
        ):  # fmt: skip
            end = start + PIECE
            yield from align(self.tokenizer, texts[start:end], words[start:end])

    def _rows(self, size: int, firsts: Sequence[int], i: int, where: Any) -> list[Row]:
        room = self.max_length - self.template.size
        if size > room and self.long_text == "error":
            raise DataError(
                f"the sentence has {size + self.template.size} tokens",
                where=where(i),
                rule=f"data.max_length is {self.max_length} and data.long_text is error",
                remedy="shorten it, or cut it with data.long_text=window or "
                "data.long_text=truncate",
            )
        if size > room and self.long_text == "truncate":
            return [Row(0, room)]
        return cut_rows(size, firsts, room, self.stride)


def length_facts(name: str, encoded: Sequence[EncodedSentence], encoder: SentenceEncoder) -> str:
    """What became of the sentences that were too long, as a line for a person."""
    words, lost = sum(len(one.owners) for one in encoded), sum(one.lost for one in encoded)
    fits = encoder.max_length - encoder.template.size
    long = [one for one in encoded if len(one.aligned.ids) > fits]
    summary = f"{name}: lost {lost:,} of {words:,} words"
    if not long:
        return f"{summary} (every sentence fits {encoder.max_length})"
    of = f"{len(long):,} of {len(encoded):,} sentences"
    if encoder.long_text == "window":
        return f"{summary}; {of} read in {sum(len(one.rows) for one in long):,} windows"
    return (
        f"{summary} ({100 * lost / words if words else 0.0:.1f} %); {of} are longer than "
        f"{encoder.max_length} tokens (data.long_text={encoder.long_text})"
    )
