"""Which tokens are masked: exact counts, shares, and the same choice wherever it is made."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfdl.data.corpus.masking import Masking

MASK, PAD = 4, 0
PIECES = np.arange(5, 1005)
RULE = Masking(0.15, MASK, PIECES)


def batch(lengths: list[int], width: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Rows of random ids between a special token on either side, and which may be chosen."""
    width = width or max(lengths, default=0) + 2
    ids = np.full((len(lengths), width), PAD)
    maskable = np.zeros(ids.shape, dtype=bool)
    for row, n in enumerate(lengths):
        ids[row, : n + 2] = np.random.default_rng(n).integers(5, 1005, n + 2)
        ids[row, [0, n + 1]] = 2, 3
        maskable[row, 1 : n + 1] = True
    return ids, maskable


@given(
    st.lists(st.integers(0, 70), min_size=1, max_size=5),
    st.floats(0.01, 0.99),
    st.integers(0, 2**32 - 1),
)
def test_exactly_the_share_is_chosen_and_never_a_special_token(
    lengths: list[int], share: float, seed: int
) -> None:
    ids, maskable = batch(lengths)
    examples = np.arange(len(lengths))
    given_ids, chosen = Masking(share, MASK, PIECES)(ids, maskable, examples, seed=seed, epoch=0)
    expected = [max(1, round(share * n)) if n else 0 for n in lengths]
    assert chosen.sum(1).tolist() == expected
    assert not (chosen & ~maskable).any()
    assert (given_ids == ids)[~chosen].all()


def test_four_fifths_are_masked_a_tenth_replaced_and_a_tenth_left() -> None:
    ids, maskable = batch([200] * 2000)
    given_ids, chosen = RULE(ids, maskable, np.arange(2000), seed=1, epoch=0)
    n = int(chosen.sum())
    assert n == 60_000
    masked = (given_ids == MASK)[chosen].mean()
    left = (given_ids == ids)[chosen].mean()
    five_sigma = 5 * np.sqrt(0.8 * 0.2 / n)
    assert masked == pytest.approx(0.8, abs=five_sigma)
    # A random piece is the very one that stood there once in a thousand.
    assert left == pytest.approx(0.1 + 0.1 / 1000, abs=five_sigma)
    replaced = given_ids[chosen & (given_ids != MASK) & (given_ids != ids)]
    assert np.isin(replaced, PIECES).all()
    counts = np.bincount(replaced - 5, minlength=1000)
    assert counts.std() == pytest.approx(np.sqrt(len(replaced) / 1000), rel=0.2)  # as Poisson's
    assert counts.max() < 30  # 6 are expected of each


def test_every_place_is_chosen_alike_and_the_fate_does_not_depend_on_the_place() -> None:
    ids, maskable = batch([40] * 20_000)
    given_ids, chosen = RULE(ids, maskable, np.arange(20_000), seed=2, epoch=0)
    by_place = chosen[:, 1:41].mean(0)
    assert by_place.mean() == pytest.approx(6 / 40)
    assert np.abs(by_place - 0.15).max() < 5 * np.sqrt(0.15 * 0.85 / 20_000)
    masked = [(given_ids == MASK)[:, i][chosen[:, i]].mean() for i in range(1, 41)]
    assert np.abs(np.array(masked) - 0.8).max() < 5 * np.sqrt(0.16 / 3000)


def test_an_example_is_masked_alike_in_any_batch_and_in_no_two_epochs() -> None:
    lengths = [5, 60, 31, 0, 17]
    ids, maskable = batch(lengths)
    whole, _ = RULE(ids, maskable, np.arange(5), seed=7, epoch=3)
    compared = 0
    for i, n in enumerate(lengths):
        alone, mask = batch([n], width=n + 2)
        found, _ = RULE(alone, mask, np.array([i]), seed=7, epoch=3)
        assert found[0].tolist() == whole[i, : n + 2].tolist()
        compared += 1
    assert compared == 5
    order = np.array([4, 1, 0])
    shuffled, _ = RULE(ids[order], maskable[order], order, seed=7, epoch=3)
    assert (shuffled == whole[order]).all()
    others = [
        RULE(ids, maskable, np.arange(5), seed=seed, epoch=epoch)[1][1].tolist()
        for seed, epoch in [(7, 3), (7, 4), (8, 3), (8, 4)]
    ]
    others.append(RULE(ids, maskable, np.arange(5) + 1, seed=7, epoch=3)[1][1].tolist())
    assert len({tuple(row) for row in others}) == 5


@pytest.mark.parametrize("changed", ["seed", "epoch", "example", "nothing"])
def test_what_becomes_of_a_chosen_token_depends_on_seed_epoch_and_example(changed: str) -> None:
    ids = np.arange(5, 5 + 60_000)[None] % 1000 + 5
    everything = Masking(0.999999, MASK, PIECES)  # so that nearly the same tokens are chosen
    when = {"seed": 7, "epoch": 3, "example": 2}

    def masked(**at: int) -> tuple[np.ndarray, np.ndarray]:
        row = np.array([at.pop("example")])
        found, chosen = everything(ids, ids > 0, row, **at)  # type: ignore[arg-type]
        return found[0], chosen[0]

    other = when if changed == "nothing" else {**when, changed: 5}
    (a, first), (b, second) = masked(**when), masked(**other)
    both = first & second
    assert both.sum() > 59_990
    if changed == "nothing":
        assert (a == b).all()
        return
    # Two independent choices agree in 0.8 * 0.8 of the tokens on the mask, not in all 0.8.
    assert ((a == MASK) & (b == MASK))[both].mean() == pytest.approx(0.64, abs=0.01)
    # Where both are replaced or left: the same random piece once in a thousand.
    replaced = both & (a != MASK) & (b != MASK) & (a != ids[0]) & (b != ids[0])
    assert replaced.sum() > 400
    assert (a == b)[replaced].mean() < 0.02


def test_each_piece_of_a_replaced_word_is_drawn_by_itself() -> None:
    ids, maskable = batch([20] * 4000)
    words = words_of([4] * 5, 4000)
    given_ids, chosen = RULE(ids, maskable, np.arange(4000), seed=0, epoch=0, words=words)
    pieces = given_ids[:, 1:21].reshape(4000, 5, 4)[chosen[:, 1:21].reshape(4000, 5, 4).all(2)]
    before = ids[:, 1:21].reshape(4000, 5, 4)[chosen[:, 1:21].reshape(4000, 5, 4).all(2)]
    drawn = pieces[((pieces != MASK) & (pieces != before)).all(1)]  # (R, 4)
    assert len(drawn) > 300
    assert (drawn[:, 0] == drawn[:, 1]).mean() < 0.02


def test_another_process_chooses_the_same() -> None:
    code = (
        "import numpy as np; from hfdl.data.corpus.masking import Masking;"
        "ids = np.arange(5, 105)[None];"
        "print(Masking(0.15, 4, np.arange(5, 1005))"
        "(ids, ids > 0, np.array([9]), seed=3, epoch=2)[0].tolist())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ids = np.arange(5, 105)[None]
    here, chosen = RULE(ids, ids > 0, np.array([9]), seed=3, epoch=2)
    assert chosen.sum() == 15
    assert run.stdout.strip() == str(here.tolist())


def test_an_empty_batch_and_rows_without_a_token_are_left_alone() -> None:
    for lengths in ([], [0], [0, 0]):
        ids, maskable = batch(lengths)
        given_ids, chosen = RULE(ids, maskable, np.arange(len(lengths)), seed=0, epoch=0)
        assert not chosen.any()
        assert given_ids.tolist() == ids.tolist()


def words_of(sizes: list[int], rows: int) -> np.ndarray:
    """Word numbers between special tokens, words of the given sizes."""
    numbers = np.repeat(np.arange(len(sizes)), sizes)
    return np.tile(np.concatenate([[-1], numbers, [-1]]), (rows, 1))


def test_words_are_chosen_whole_until_the_share_is_reached() -> None:
    sizes = [1, 3, 2, 5, 1, 1, 4, 2, 1]  # 20 pieces, 3 to choose
    ids, maskable = batch([20] * 4000)
    words = words_of(sizes, 4000)
    given_ids, chosen = RULE(ids, maskable, np.arange(4000), seed=0, epoch=0, words=words)
    several = fates = 0
    for row in range(4000):
        numbers = words[row][chosen[row]]
        drawn = np.unique(numbers)
        assert len(numbers) == sum(sizes[w] for w in drawn)  # each with all of its pieces
        assert len(numbers) >= 3
        assert min(len(numbers) - sizes[w] for w in drawn) < 3  # without its last word, too few
        for word in drawn[np.array([sizes[w] > 1 for w in drawn])]:
            pieces = words[row] == word
            several += 1
            masked = (given_ids[row, pieces] == MASK).mean()
            assert masked in (0.0, 1.0)
            fates += masked == 1.0
    assert several > 3000
    assert fates / several == pytest.approx(0.8, abs=5 * np.sqrt(0.16 / several))
    by_word = np.array([[chosen[:, words[0] == w].all(1).mean()] for w in range(len(sizes))])
    assert by_word.min() > 0.1  # long words and short ones
    # The first word drawn is any of nine alike; so are all words of one size.
    ones = by_word[[i for i, size in enumerate(sizes) if size == 1]]
    assert np.ptp(ones) < 10 * np.sqrt(0.25 / 4000)


def test_single_piece_words_are_chosen_as_many_as_pieces() -> None:
    ids, maskable = batch([40] * 3)
    words = words_of([1] * 40, 3)
    _, chosen = RULE(ids, maskable, np.arange(3), seed=0, epoch=0, words=words)
    assert chosen.sum(1).tolist() == [6, 6, 6]
