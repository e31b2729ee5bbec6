"""The likeliest allowed sequence, held against all sequences there are."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest

from hfdl.data.entities.viterbi import viterbi


def brute_force(
    scores: np.ndarray, start: np.ndarray, between: np.ndarray, end: np.ndarray
) -> float | None:
    """The largest sum over every allowed sequence; None where there is none."""
    words, classes = scores.shape
    sums = [
        float(scores[range(words), path].sum())
        for path in product(range(classes), repeat=words)
        if start[path[0]] and end[path[-1]] and all(between[a, b] for a, b in pairwise(path))
    ]
    return max(sums, default=None)


def test_it_finds_what_trying_every_sequence_finds() -> None:
    found = impossible = constrained = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        words, classes = int(rng.integers(1, 6)), int(rng.integers(1, 5))
        scores = rng.normal(size=(words, classes))
        start, end = rng.random(classes) < 0.6, rng.random(classes) < 0.6
        between = rng.random((classes, classes)) < 0.5
        best = brute_force(scores, start, between, end)
        if best is None:
            impossible += 1
            with pytest.raises(ValueError, match=f"no sequence of {words} tags is allowed"):
                viterbi(scores, start, between, end)
            continue
        path = viterbi(scores, start, between, end)
        assert path.shape == (words,)
        assert path.dtype == np.int64
        assert start[path[0]]
        assert end[path[-1]]
        assert all(between[a, b] for a, b in pairwise(path))
        assert scores[range(words), path].sum() == pytest.approx(best, abs=1e-12)
        found += 1
        constrained += path.tolist() != scores.argmax(1).tolist()
    assert found > 100
    assert impossible > 50
    assert constrained > 50


def test_without_constraints_each_word_gets_its_best_tag() -> None:
    scores = np.random.default_rng(0).normal(size=(2000, 9))
    everything = np.ones(9, dtype=bool)
    path = viterbi(scores, everything, np.ones((9, 9), dtype=bool), everything)
    assert (path == scores.argmax(1)).all()


def test_no_words_have_no_tags() -> None:
    nothing = np.zeros(3, dtype=bool)
    found = viterbi(np.zeros((0, 3)), nothing, np.zeros((3, 3), dtype=bool), nothing)
    assert found.shape == (0,)
