"""Accuracy of word vectors on analogies: "man is to king as woman is to ...?"

    sections = score_analogies(vectors, read_analogies("questions-words.txt"))
    sections["family"].accuracy, total(sections).accuracy

The file (Mikolov et al. 2013, section 4.1, arXiv:1301.3781) has sections: a line ``: name``, then
lines of four words. An answer counts where the word nearest to b - a + c, other than these three,
is exactly the fourth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hfdl.errors import DataError
from hfdl.foundations.layer import Ints
from hfdl.foundations.words.similarity import numbered_lines
from hfdl.foundations.words.vectors import WordVectors

Question = tuple[str, str, str, str]
AT_ONCE = 256  # questions in one matrix product: 256 x 30,000 words in float32 are 31 MB


@dataclass(frozen=True)
class AnalogyScore:
    """How many questions were asked and answered right, and how many could not be asked."""

    right: int
    asked: int
    missing: int
    """Questions left out because a word has no vector."""

    @property
    def accuracy(self) -> float:
        """right / asked; NaN where nothing was asked."""
        return self.right / self.asked if self.asked else float("nan")


def read_analogies(path: str | Path) -> dict[str, list[Question]]:
    """The questions of each section, in the order of the file.

    Raises:
        DataError: the file is absent or not UTF-8, a line has not four words, or words come before
            the first section; the message names the line.
    """
    sections: dict[str, list[Question]] = {}
    questions: list[Question] | None = None
    for number, line in numbered_lines(path):
        where = f"{path}, line {number}"
        if line.startswith(":"):
            questions = sections.setdefault(line[1:].strip(), [])
        elif line and questions is None:
            raise DataError(f"{line[:60]!r}", where=where, rule="a file begins with ': section'")
        elif line and questions is not None:
            match line.split():
                case [a, b, c, d]:
                    questions.append((a, b, c, d))
                case _:
                    raise DataError(f"{line[:60]!r}", where=where, rule="a question is four words")
    if not sections:
        raise DataError("there are no questions", where=str(path))
    return sections


def score_analogies(
    vectors: WordVectors, sections: Mapping[str, Sequence[Question]], *, lower: bool = True
) -> dict[str, AnalogyScore]:
    """The score of each section.

    Args:
        vectors: of any words; each of them is a possible answer.
        sections: as from ``read_analogies``.
        lower: look words up in lower case.
    """
    return {name: _score(vectors, questions, lower) for name, questions in sections.items()}


def total(scores: Mapping[str, AnalogyScore]) -> AnalogyScore:
    """All sections together: every question counts alike."""
    every = list(scores.values())
    return AnalogyScore(
        sum(score.right for score in every),
        sum(score.asked for score in every),
        sum(score.missing for score in every),
    )


def _score(vectors: WordVectors, questions: Sequence[Question], lower: bool) -> AnalogyScore:
    fold = str.lower if lower else str
    ids = [[vectors.ids.get(fold(word), -1) for word in question] for question in questions]
    table = np.array(ids, dtype=np.int64).reshape(-1, 4)  # (Q, 4), also where Q is 0
    complete = table[(table >= 0).all(axis=1)]
    right = sum(
        int(np.count_nonzero(_answers(vectors, part[:, :3]) == part[:, 3]))
        for part in (complete[i : i + AT_ONCE] for i in range(0, len(complete), AT_ONCE))
    )
    return AnalogyScore(right, len(complete), len(table) - len(complete))


def _answers(vectors: WordVectors, questions: Ints) -> Ints:
    """For each row a, b, c of word ids (Q, 3) the id of the word nearest to b - a + c, (Q,)."""
    a, b, c = vectors.unit[questions.T]  # each (Q, D)
    cosines = (b - a + c) @ vectors.unit.T  # (Q, V), but for the target's length: no order changes
    cosines[np.arange(len(questions))[:, None], questions] = -np.inf
    return cosines.argmax(axis=1)
