"""Parts of data sets, and texts of many lengths: the same rows for each side of a program."""

from __future__ import annotations

import random
from pathlib import Path
from types import SimpleNamespace

LONG_SHARE = 0.3
"""Seven texts in ten are short."""
SHORTEST, SHORT, LONGEST = 4, 30, 300  # words


def path(settings: SimpleNamespace, name: str) -> Path:
    """A file below the data folder."""
    return Path(settings.data) / name


def part(source: Path, target: Path, rows: int | None, *, seed: int = 0) -> Path:
    """So many rows of a file, drawn with a seed, as a file.

    A row is a line of a ``.tsv`` (its header stays) or ``.txt`` file, a sentence of a ``.conll``
    file.

    Args:
        source: the file.
        target: a folder for the part, made where it is not there.
        rows: how many; None: all.
        seed: of the draw.
    """
    text = source.read_text(encoding="utf-8")
    between = "\n\n" if source.suffix == ".conll" else "\n"
    found = [row for row in text.split(between) if row.strip()]
    header = [found.pop(0)] if source.suffix == ".tsv" else []
    if rows is not None:
        random.Random(seed).shuffle(found)
        found = found[:rows]
    target.mkdir(parents=True, exist_ok=True)
    written = target / source.name
    written.write_text(between.join([*header, *found]) + "\n", encoding="utf-8")
    return written


def lines_of(file: Path) -> list[str]:
    """The lines of a text file that are not empty."""
    return [row for row in file.read_text(encoding="utf-8").splitlines() if row.strip()]


def mixed_texts(corpus: Path, count: int, seed: int = 0, longest: int = LONGEST) -> list[str]:
    """Texts of 4 to 300 words out of a corpus, seven in ten of them short (at most 30).

    Within either kind every number of words is equally likely.

    Args:
        corpus: running text, which is cut into pieces.
        count: how many texts.
        seed: of their lengths and order.
        longest: words of the longest text.
    """
    words = corpus.read_text(encoding="utf-8").split()
    draw = random.Random(seed)
    longs = round(LONG_SHARE * count)
    lengths = [draw.randint(SHORT + 1, longest) for _ in range(longs)]
    lengths += [draw.randint(SHORTEST, SHORT) for _ in range(count - longs)]
    draw.shuffle(lengths)
    texts, at = [], 0
    for length in lengths:
        if at + length > len(words):
            at = 0
        texts.append(" ".join(words[at : at + length]))
        at += length
    return texts
