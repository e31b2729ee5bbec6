"""Data that tests make for themselves."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

_GOOD = ["good", "great", "lovely", "superb", "charming"]
_BAD = ["bad", "awful", "boring", "dreadful", "clumsy"]
_THINGS = ["film", "book", "meal", "hotel", "song", "phone", "train", "game"]
_ENDS = ["", " and long", ", they say", " from the first minute to the very last one", "!"]

ASSETS = Path(__file__).resolve().parents[1] / "assets"
"""Small files written for the tests."""
SHARED = Path(__file__).resolve().parents[3] / "shared"
"""Real data and models beside the repository; only tests marked ``needs_shared`` read them."""
WORDS = [
    *_GOOD, *_BAD, *_THINGS, "what", "a", "the", "was", "and", "long", "they", "say", "from",
    "first", "minute", "to", "very", "last", "one", "it", "is", ",", "!", ".", "not", "##s",
    "##ing", "x", "b",
]  # fmt: skip


def reviews(n: int) -> list[dict[str, str]]:
    """``n`` rows that a tiny model can learn: the adjective decides."""
    rows = []
    for i in range(n):
        positive = i % 2 == 0
        adjective = (_GOOD if positive else _BAD)[i // 2 % 5]
        text = f"what a {adjective} {_THINGS[i % 8]}{_ENDS[(i // 3) % 5]} {_THINGS[i * 5 % 7]}"
        rows.append({"text": text, "label": "positive" if positive else "negative"})
    return rows


def write_csv(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Rows as a csv file."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path
