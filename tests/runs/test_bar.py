"""The bar: one look, a width that never changes, words that fit."""

import time

import pytest

from hfdl.progress import Progress
from hfdl.runs.bar import Bar, bar_of, fit
from hfdl.runs.texts import cells, cut, fold


@pytest.mark.parametrize(("width", "size"), [(160, 20), (80, 20), (60, 15), (20, 5), (9, 5)])
def test_the_bar_is_as_wide_whatever_it_says(width: int, size: int) -> None:
    bars = [
        Bar("opening runs/" + "x" * 200),
        Bar("tokenising", 500, 67349, "texts"),
        Bar("training", 9, 10, parts=["loss 0.5", "9 examples/s", "ETA 3 min 05 s", "lr 5e-05"]),
        Bar("training", 10, 10, parts=["loss 0.5"]),
    ]
    for bar in bars:
        full, rest, words = bar.line(width)
        assert len(full + rest) == size
        assert cells(full + rest + words) < max(width, size + 3)
    full, rest, _ = bars[2].line(width)
    assert len(full) == round(0.9 * size)


def test_parts_are_whole_or_absent() -> None:
    parts = ["training", "217/434", "loss 0.5000", "152 examples/s", "ETA 1 min 05 s"]
    for width in range(8, 90):
        shown = fit(parts, width)
        assert cells(shown) <= width
        assert shown == "  ".join(parts[: len(shown.split("  "))])


def test_speed_and_time_left() -> None:
    bar = bar_of(Progress("tokenising", 0, 1000, "texts"), None)
    bar.started = time.perf_counter() - 2
    later = bar_of(Progress("tokenising", 500, 1000, "texts"), bar)
    assert later.text() == "tokenising  500/1,000 texts  250/s  ETA 2.0 s"
    assert "ETA" not in bar_of(Progress("tokenising", 1000, 1000, "texts"), later).text()
    again = bar_of(Progress("tokenising", 0, 10, "texts"), later)  # the next split
    assert again.started > later.started


def test_ascii_terminals() -> None:
    assert Bar("x", 1, 2).line(80, ascii_only=True)[:2] == ("#" * 10, "-" * 10)


@pytest.mark.parametrize("width", [30, 60, 80, 160])
def test_fold_keeps_pairs_and_words(width: int) -> None:
    pairs = ["epoch 1.00", "step 217", "accuracy 0.8520", "matthews_correlation 0.7044", "*best"]
    lines = fold("  ".join(pairs), width)
    assert all(cells(line) <= width for line in lines)
    assert "  ".join(line.strip() for line in lines) == "  ".join(pairs)
    text = "90 of 900 rows held out from train.csv, because no validation split was given"
    folded = fold(text, width)
    assert all(cells(line) <= width for line in folded)
    assert " ".join(line.strip() for line in folded) == text


def test_fold_breaks_what_has_no_blank() -> None:
    lines = fold("x" * 50 + " 王" * 3, 20)
    assert all(cells(line) <= 20 for line in lines)
    assert "".join(line.strip() for line in lines).replace(" ", "") == "x" * 50 + "王" * 3


@pytest.mark.parametrize(("text", "width", "shown"), [
    ("abcdef", 6, "abcdef"), ("abcdefg", 6, "abc..."), ("王小明北京", 8, "王小..."),
    ("abc", 2, ".."), ("", 5, ""),
])  # fmt: skip
def test_cut(text: str, width: int, shown: str) -> None:
    assert cut(text, width) == shown
    assert cells(cut(text, width)) <= width
