"""The rules of a name table; ``{}`` stands for the number of a layer.

Names are those of modules: a line covers the weight and the bias, where the model has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Rename:
    """One tensor under two names."""

    ours: str
    theirs: str

    def under(self, ours: str, theirs: str) -> Rename:
        """The line within larger models."""
        return replace(self, ours=ours + self.ours, theirs=theirs + self.theirs)


@dataclass(frozen=True)
class Transposed(Rename):
    """theirs is GPT-2's ``Conv1D``, whose weight is [in, out]; ours is a Linear's, [out, in]."""


@dataclass(frozen=True)
class Split:
    """theirs is one Linear that does the work of several of ours, side by side."""

    ours: tuple[str, ...]
    theirs: str

    def under(self, ours: str, theirs: str) -> Split:
        """The line within larger models."""
        return replace(
            self, ours=tuple(ours + name for name in self.ours), theirs=theirs + self.theirs
        )


@dataclass(frozen=True)
class TransposedSplit(Split):
    """The same where theirs is a ``Conv1D``, whose weight is [in, out]."""


@dataclass(frozen=True)
class Dropped:
    """A tensor of older files that holds nothing learned: a mask, a range, a table of angles."""

    theirs: str

    def under(self, ours: str, theirs: str) -> Dropped:
        """The line within larger models."""
        return Dropped(theirs + self.theirs)


@dataclass(frozen=True)
class Tied:
    """Where the config ties embeddings, ``theirs`` is ``of``; files hold one of the two."""

    theirs: str
    of: str


@dataclass(frozen=True)
class Copied:
    """``theirs`` is a second name of ``of`` in every model; the two are given back equal."""

    theirs: str
    of: str


Line = Rename | Split | Dropped
Rule = Line | Tied | Copied


def under(lines: Sequence[Line], ours: str, theirs: str) -> tuple[Line, ...]:
    """Lines with a prefix before each of the two names."""
    return tuple(line.under(ours, theirs) for line in lines)
