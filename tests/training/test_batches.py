"""Which examples meet in which update, and who computes what of it."""

import itertools
import math
import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers.trainer_pt_utils import get_length_grouped_indices

from hfdl.data import random_order
from hfdl.data.corpus.blocks import consecutive_blocks
from hfdl.training.batches import POOL, TrainingBatches, micro_batches

SIZE = 8


def skewed_lengths(n: int, seed: int = 0) -> np.ndarray:
    """Many short texts and a few long ones, as reviews are."""
    drawn = np.random.default_rng(seed).lognormal(mean=3.5, sigma=0.8, size=n)
    return np.clip(drawn, 3, 512).astype(np.int64)


def as_lists(batches) -> list[list[int]]:
    return [batch.tolist() for batch in batches]


def padding_share(lengths: np.ndarray, batches) -> float:
    padded = sum(len(batch) * int(lengths[batch].max()) for batch in batches)
    return 1.0 - int(lengths.sum()) / padded


@pytest.mark.parametrize("n", [1, SIZE - 1, SIZE, SIZE + 1, 2 * SIZE + 1, 1000])
@pytest.mark.parametrize("epoch", [0, 7])
def test_every_example_stands_in_exactly_one_batch(n, epoch):
    batches = TrainingBatches(skewed_lengths(n), SIZE, seed=3, epoch=epoch)
    assert len(batches) == math.ceil(n / SIZE)
    assert sorted(np.concatenate(batches)) == list(range(n))
    sizes = sorted(map(len, batches))
    assert sizes[0] == (n % SIZE or SIZE)
    assert sizes[1:] == [SIZE] * (len(batches) - 1)


def test_no_examples_are_no_batches():
    assert len(TrainingBatches(np.array([], dtype=np.int64), SIZE, seed=0, epoch=0)) == 0


@given(
    lengths=st.lists(st.integers(0, 30), min_size=1, max_size=70),
    size=st.integers(1, 80),
    seed=st.integers(0, 2**32 - 1),
    epoch=st.integers(0, 50),
)
def test_batches_of_any_lengths_cover_and_begin_with_the_longest(lengths, size, seed, epoch):
    lengths = np.array(lengths)
    batches = TrainingBatches(lengths, size, seed=seed, epoch=epoch)
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    assert len(batches) == math.ceil(len(lengths) / size)
    assert lengths[batches[0]].max() == lengths.max()


def test_more_examples_than_one_pool_are_covered():
    lengths = skewed_lengths(2 * POOL * 4 + 3)
    batches = TrainingBatches(lengths, 4, seed=1, epoch=2)
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    assert len(batches) == math.ceil(len(lengths) / 4)
    assert lengths[batches[0]].max() == lengths.max()


def test_the_order_is_a_function_of_seed_and_epoch_alone():
    lengths = skewed_lengths(200)
    expected = as_lists(TrainingBatches(lengths, SIZE, seed=5, epoch=1))
    for state in range(3):
        random.seed(state)
        np.random.seed(state)
        torch.manual_seed(state)
        before = (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state())
        assert as_lists(TrainingBatches(lengths, SIZE, seed=5, epoch=1)) == expected
        assert random.getstate() == before[0]
        assert np.random.get_state()[1].tolist() == before[1]
        assert torch.equal(torch.get_rng_state(), before[2])
    found = {
        str(as_lists(TrainingBatches(lengths, SIZE, seed=seed, epoch=epoch)))
        for seed in range(4)
        for epoch in range(4)
    }
    assert len(found) == 16


def test_neighbours_differ_from_epoch_to_epoch():
    lengths = skewed_lengths(1000)
    first, second = (
        {frozenset(batch) for batch in as_lists(TrainingBatches(lengths, SIZE, seed=0, epoch=e))}
        for e in (0, 1)
    )
    assert len(first) == 125
    assert len(first & second) <= 1


def test_batches_of_one_pool_come_in_another_order_each_epoch():
    # Sixty-four lengths, all different: one pool, so that the same examples always meet.
    lengths = np.arange(64)
    orders = {
        tuple(int(lengths[batch].max()) for batch in TrainingBatches(lengths, 8, seed=s, epoch=e))
        for s in range(3)
        for e in range(3)
    }
    assert len(orders) == 9
    assert {tuple(sorted(order)) for order in orders} == {tuple(range(7, 64, 8))}
    assert {order[0] for order in orders} == {63}


def test_order_golden_values():
    # Recorded here: a change would give resumed runs another order than they began with.
    lengths = np.array([5, 9, 2, 7, 7, 1, 8])
    expected = [[1, 6, 4], [5], [3, 0, 2]]
    assert as_lists(TrainingBatches(lengths, 3, seed=0, epoch=0)) == expected


def test_batches_hold_examples_of_similar_length():
    lengths = skewed_lengths(4000).clip(max=128)  # data.max_length, as it is without being set
    assert lengths.max() / np.median(lengths) > 3
    shuffled = np.random.default_rng(0).permutation(len(lengths))
    at_random = [shuffled[i : i + 32] for i in range(0, len(shuffled), 32)]
    assert padding_share(lengths, at_random) > 0.25
    ours = TrainingBatches(lengths, 32, seed=0, epoch=0)
    assert padding_share(lengths, ours) < 0.05


def test_no_more_padding_than_with_transformers_sampler():
    lengths = skewed_lengths(4000)
    order = get_length_grouped_indices(
        lengths.tolist(), 32, generator=torch.Generator().manual_seed(0)
    )
    theirs = padding_share(lengths, [np.array(order[i : i + 32]) for i in range(0, 4000, 32)])
    ours = padding_share(lengths, TrainingBatches(lengths, 32, seed=0, epoch=0))
    assert ours < theirs + 0.01


@pytest.mark.parametrize("world", [1, 2, 3])
@given(n=st.integers(1, 40), size=st.integers(1, 45))
def test_micro_batches_of_all_processes_are_the_update(world, n, size):
    update = np.random.default_rng(n).permutation(1000)[:n]
    parts = [micro_batches(update, size, rank=rank, world=world) for rank in range(world)]
    counts = {len(part) for part in parts}
    # All take part in each exchange of gradients, and no more often than is needed.
    assert counts == {math.ceil(math.ceil(n / world) / size)}
    cut = [micro for part in parts for micro in part]
    assert sorted(np.concatenate(cut)) == sorted(update)
    assert max(map(len, cut)) <= size
    shares = [sum(map(len, part)) for part in parts]
    assert max(shares) - min(shares) <= 1


def test_micro_batches_of_one_process_keep_the_order():
    update = np.array([4, 9, 1, 7, 3])
    assert as_lists(micro_batches(update, 2)) == [[4, 9], [1, 7], [3]]
    assert as_lists(micro_batches(update, 5)) == [[4, 9, 1, 7, 3]]
    assert as_lists(micro_batches(update, 2, rank=1, world=2)) == [[9, 7], []]
    assert as_lists(micro_batches(np.array([4]), 2, rank=2, world=3)) == [[]]


# ---- Micro-batches under a budget of tokens ------------------------------------------------------


@given(
    lengths=st.lists(st.integers(1, 300), min_size=1, max_size=40),
    size=st.integers(1, 50),
    tokens=st.integers(1, 1000),
    world=st.integers(1, 4),
)
def test_micro_batches_keep_within_a_budget_of_tokens(lengths, size, tokens, world):
    lengths = np.array([0, *lengths])  # example 0 is of no update
    update = np.arange(len(lengths) - 1, 0, -1)
    shares = [
        micro_batches(update, size, lengths, tokens, rank=r, world=world) for r in range(world)
    ]
    assert len({len(parts) for parts in shares}) == 1
    for rank, parts in enumerate(shares):
        assert np.concatenate(parts).tolist() == update[rank::world].tolist()
        full = [part for part in parts if len(part)]
        for part in full:
            assert len(part) <= size
            assert len(part) == 1 or len(part) * lengths[part].max() <= tokens
        for part, after in itertools.pairwise(full):  # none could have been larger
            more = [*part, after[0]]
            assert len(more) > size or len(more) * lengths[more].max() > tokens


def test_a_budget_that_holds_the_update_cuts_nothing():
    lengths = np.array([5, 5, 5])
    assert as_lists(micro_batches(np.arange(3), 3, lengths, 15)) == [[0, 1, 2]]
    assert as_lists(micro_batches(np.arange(3), 3, lengths, 14)) == [[0, 1], [2]]
    assert as_lists(micro_batches(np.arange(3), 3, lengths, 1)) == [[0], [1], [2]]


def test_the_order_of_more_examples_than_are_sorted_is_made_where_it_is_asked_for(monkeypatch):
    monkeypatch.setattr(random_order, "SORTED", 0)
    lengths = skewed_lengths(3 * POOL * SIZE + 5)
    batches = TrainingBatches(lengths, SIZE, seed=1, epoch=2)
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    assert len(batches) == math.ceil(len(lengths) / SIZE)
    assert lengths[batches[0]].max() == lengths.max()
    assert padding_share(lengths, batches) < 0.1
    again = TrainingBatches(lengths, SIZE, seed=1, epoch=2)
    assert batches[-1].tolist() == again[len(again) - 1].tolist()
    assert batches[7].tolist() == as_lists(again)[7]  # whatever was asked for before
    with pytest.raises(IndexError):
        batches[len(batches)]


def test_batches_of_computed_lengths_are_those_of_the_same_lengths_in_memory():
    blocks = consecutive_blocks(64 * 1_000 + 7, 64)
    computed = TrainingBatches(blocks.lengths, SIZE, seed=1, epoch=2)
    held = TrainingBatches(np.asarray(blocks.lengths), SIZE, seed=1, epoch=2)
    assert len(computed) == 126
    assert as_lists(computed) == as_lists(held)
    for tokens in (None, 200):
        parts = [micro_batches(computed[3], 4, all_, tokens) for all_ in (blocks.lengths, None)]
        assert len(parts[0]) == (2 if tokens is None else 3)
        if tokens is None:
            assert as_lists(parts[0]) == as_lists(parts[1])
