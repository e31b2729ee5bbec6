"""Tokenised splits of sentences whose words have tags."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from hfdl.data.collate import pad_rows
from hfdl.data.encode import Template
from hfdl.data.entities.align import NO_WORD, Aligned
from hfdl.data.entities.sentence import Sentence
from hfdl.data.entities.windows import LOST, Row, owners
from hfdl.nn.losses import IGNORED
from hfdl.tasks.protocol import Batch
from hfdl.tasks.split import BaseSplit, Padding


@dataclass(frozen=True, slots=True)
class EncodedSentence:
    """A sentence's pieces, its rows, and the row that answers for each of its words."""

    aligned: Aligned
    rows: list[Row]
    owners: list[int]

    @classmethod
    def of(cls, aligned: Aligned, rows: list[Row]) -> EncodedSentence:
        """A sentence with each word given to one of its rows."""
        return cls(aligned, rows, owners(rows, len(aligned.ids), aligned.firsts))

    @property
    def lost(self) -> int:
        """Words that stand in no row."""
        return self.owners.count(LOST)


@dataclass(frozen=True)
class TaggedBatch(Batch):
    """A batch with the sentences of its examples, from which ``decode`` takes characters."""

    sentences: Sequence[Sentence] = ()

    def to(self, device: torch.device) -> TaggedBatch:
        """The same batch with its tensors on ``device``."""
        moved = super().to(device)
        return TaggedBatch(
            moved.inputs, moved.targets, moved.examples, moved.tokens, self.sentences
        )


class TaggedSplit(BaseSplit):
    """Encoded sentences with their tags.

    Args:
        name: ``train``, ``validation`` or ``test``.
        sentences: N sentences.
        encoded: what they became.
        template: what stands around the pieces of a row.
        padding: how rows are padded.
        ids: the number of each tag.
        all_pieces: label all pieces of a word, not only its first.
        where: the place of a sentence in words.
    """

    def __init__(
        self,
        name: str,
        sentences: Sequence[Sentence],
        encoded: Sequence[EncodedSentence],
        template: Template,
        padding: Padding,
        *,
        ids: Mapping[str, int],
        all_pieces: bool = False,
        where: Callable[[int], str] = lambda row: f"text {row + 1}",
    ) -> None:
        self.sentences, self.encoded = sentences, encoded
        self.template, self.padding = template, padding
        self.ids, self.all_pieces = ids, all_pieces
        sizes = [sum(self._size(row) for row in sentence.rows) for sentence in encoded]
        super().__init__(name, sizes, where)

    def references(self) -> Sequence[Any]:
        """The right answers of each sentence: its tags, one a word, and its entities."""
        return [_answers(sentence) for sentence in self.sentences]

    def describe(self, example: int) -> dict[str, Any]:
        """Place, text, words, right tags and right entities of a sentence."""
        sentence = self.sentences[example]
        return {
            "where": self.where(example),
            "text": sentence.text,
            "tokens": [sentence.text[start:end] for start, end in sentence.words],
            **_answers(sentence),
        }

    def batch(self, examples: Sequence[int], *, seed: int = 0, epoch: int = 0) -> TaggedBatch:
        """The given sentences, all rows of each, padded to the longest row.

        ``targets`` hold ``labels`` (R, T), -100 where there is none; and for each word that a row
        owns, sentence by sentence, ``row`` and ``position`` (W,): where its first piece stands
        in the padded rows. ``words`` (B,) is how many those are of each sentence. ``seed`` and
        ``epoch`` do not matter: nothing about the batch is random.
        """
        chosen = [self.encoded[i] for i in examples]
        pieces = [
            sentence.aligned.ids[r.start : r.end] for sentence in chosen for r in sentence.rows
        ]
        rows = [self.template.build(ids) or [self.padding.pad_id] for ids in pieces]
        lengths = [len(row) for row in rows]
        labels = [row for i in examples for row in self._labels(i)]
        types = [self.template.build_types(ids) or [0] for ids in pieces]
        inputs = self.padding(rows, types)
        targets = {
            "labels": pad_rows(labels, IGNORED, side=self.padding.side),  # (R, T)
            **self._positions(chosen, lengths, inputs["input_ids"].shape[1]),
        }
        sentences = [self.sentences[i] for i in examples]
        return TaggedBatch(inputs, targets, examples, sum(lengths), sentences)

    def labels_of(self, example: int) -> list[int]:
        """The labels that a sentence is trained on, those of all its rows together."""
        return [label for row in self._labels(example) for label in row if label != IGNORED]

    def _size(self, row: Row) -> int:
        return max(1, row.end - row.start + self.template.size)

    def _labels(self, example: int) -> list[list[int]]:
        """The label of each token of each row, special tokens included."""
        sentence, encoded = self.sentences[example], self.encoded[example]
        before = len(self.template.specials[0])
        labels = [[IGNORED] * self._size(row) for row in encoded.rows]
        if sentence.tags is None:
            return labels
        firsts = encoded.aligned.firsts
        for i, (row, into) in enumerate(zip(encoded.rows, labels, strict=True)):
            for piece in range(row.start, row.end):
                word = encoded.aligned.words[piece]
                if word == NO_WORD or encoded.owners[word] != i:
                    continue
                if piece == firsts[word]:
                    into[before + piece - row.start] = self.ids[sentence.tags[word]]
                elif self.all_pieces or piece in encoded.aligned.parts:
                    into[before + piece - row.start] = self.ids[_inside(sentence.tags[word])]
        return labels

    def _positions(
        self, chosen: Sequence[EncodedSentence], lengths: Sequence[int], width: int
    ) -> dict[str, torch.Tensor]:
        """Where the first piece of each word stands in the padded rows."""
        rows, positions, counts = [], [], []
        first_row = 0
        for sentence in chosen:
            for first, owner in zip(sentence.aligned.firsts, sentence.owners, strict=True):
                if owner == LOST:
                    continue
                row = first_row + owner
                padding = width - lengths[row] if self.padding.side == "left" else 0
                shift = padding + len(self.template.specials[0]) - sentence.rows[owner].start
                rows.append(row)
                positions.append(first + shift)
            counts.append(len(sentence.owners) - sentence.lost)
            first_row += len(sentence.rows)
        return {
            "row": torch.tensor(rows, dtype=torch.int64),
            "position": torch.tensor(positions, dtype=torch.int64),
            "words": torch.tensor(counts, dtype=torch.int64),
        }


def _answers(sentence: Sentence) -> dict[str, Any]:
    """The right tags and the right entities, these in characters of the text."""
    entities = [
        {"label": label, "start": start, "end": end, "text": sentence.text[start:end]}
        for start, end, label in sentence.spans or ()
    ]
    return {"label": list(sentence.tags or ()), "true_entities": entities}


def _inside(tag: str) -> str:
    """The tag of a word's further pieces: whatever the word begins or ends, they are inside."""
    prefix, dash, label = tag.partition("-")
    return f"I{dash}{label}" if dash and prefix in {"B", "E", "S", "L", "U"} else tag
