"""Counting the texts that were too long for a model, and saying so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hfdl.data.encode import EncodedText
from hfdl.pipelines.inputs import warn


@dataclass
class LengthCounts:
    """How many texts were cut, and how much of them was lost.

    Args:
        texts: how many there are.
        cut: how many of them were cut.
        tokens: of all texts, without special ones.
        lost: tokens that were not read.
    """

    texts: int = 0
    cut: int = 0
    tokens: int = 0
    lost: int = 0

    @classmethod
    def of(cls, encoded: Iterable[EncodedText]) -> LengthCounts:
        """Those of some texts."""
        texts = list(encoded)
        return cls(
            len(texts), sum(t.lost > 0 for t in texts), sum(t.total for t in texts),
            sum(t.lost for t in texts),
        )  # fmt: skip

    def add(self, other: LengthCounts) -> None:
        """Count those of another call too."""
        for name, number in vars(other).items():
            setattr(self, name, getattr(self, name) + number)

    def line(self, max_length: int | None, reason: str) -> str:
        """Both for a person.

        Args:
            max_length: most tokens of a text.
            reason: what says so.
        """
        return (
            f"{self.cut:,} of {self.texts:,} texts are longer than {max_length} tokens ({reason}) "
            f"and were cut: {self.lost:,} of {self.tokens:,} tokens lost"
        )

    def warn(self, max_length: int | None, reason: str) -> None:
        """Say it as a Python warning, where a text was cut."""
        if self.cut:
            warn(self.line(max_length, reason))
