"""GloVe: co-occurrences against a plain loop, gradients, AdaGrad and a planted structure."""

from collections import defaultdict
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import hfdl.foundations.words.cooccurrence as cooccurrence
from hfdl.errors import ConfigError, DataError
from hfdl.foundations.gradcheck import central_differences
from hfdl.foundations.words.adagrad_rows import AdaGradRows
from hfdl.foundations.words.cooccurrence import count_cooccurrences
from hfdl.foundations.words.corpus import read_corpus
from hfdl.foundations.words.glove import glove_loss, importance, train_glove

TEXTS = st.lists(st.lists(st.sampled_from("abcde"), max_size=9), min_size=1, max_size=6)


@given(TEXTS, st.integers(1, 6), st.sampled_from([1, 10, 65_536]))
def test_counts_are_those_of_a_plain_loop(text: list[list[str]], window: int, chunk: int) -> None:
    if not any(text):
        return
    expected: dict[tuple[str, str], float] = defaultdict(float)
    for sentence in text:
        for i, first in enumerate(sentence):
            for j, second in enumerate(sentence):
                if i != j and abs(i - j) <= window:
                    expected[first, second] += 1 / abs(i - j)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cooccurrence, "CHUNK", chunk)
        corpus = read_corpus(text, min_count=1)
        table = count_cooccurrences(corpus, window)
    keys = [(corpus.words[i], corpus.words[j]) for i, j in zip(table.rows, table.columns)]  # noqa: B905
    assert len(set(keys)) == len(keys)
    assert dict(zip(keys, table.values, strict=True)) == pytest.approx(dict(expected))


@given(st.integers(1, 6), st.integers(1, 5), st.integers(0, 99))
def test_the_gradient(n: int, size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    w, c = rng.standard_normal((2, n, size + 1))
    log_x, weight = rng.standard_normal(n), rng.random(n)
    loss, backprop = glove_loss(w, c, log_x, weight)
    tw, tc = torch.tensor(w, requires_grad=True), torch.tensor(c, requires_grad=True)
    fit = (tw[:, :-1] * tc[:, :-1]).sum(1) + tw[:, -1] + tc[:, -1]
    expected = (torch.tensor(weight) * (fit - torch.tensor(log_x)) ** 2).sum()
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-12)
    for x, t, gradient in zip((w, c), (tw, tc), backprop(), strict=True):
        assert t.grad is not None
        np.testing.assert_allclose(gradient, t.grad.numpy(), rtol=0, atol=1e-10)
        by_differences = central_differences(lambda _: glove_loss(w, c, log_x, weight)[0], x)
        np.testing.assert_allclose(gradient, by_differences, rtol=0, atol=1e-6)


def test_importance_grows_to_one() -> None:
    x = np.array([0.5, 1.0, 50.0, 100.0, 1e6])
    expected = [0.005**0.75, 0.01**0.75, 0.5**0.75, 1.0, 1.0]
    np.testing.assert_allclose(importance(x), expected, rtol=1e-12)


def test_adagrad_is_torch_s_with_repeated_rows_summed() -> None:
    rng = np.random.default_rng(0)
    start = rng.standard_normal((6, 3))
    table = AdaGradRows(start.copy(), 0.05)
    value = torch.tensor(start, requires_grad=True)
    optimiser = torch.optim.Adagrad([value], lr=0.05, initial_accumulator_value=1.0, eps=0.0)
    for _ in range(20):
        ids, gradients = rng.integers(0, 6, 9), rng.standard_normal((9, 3))
        table.step(ids, gradients)
        whole = np.zeros((6, 3))
        np.add.at(whole, ids, gradients)
        value.grad = torch.tensor(whole)
        optimiser.step()
    np.testing.assert_allclose(table.value, value.detach().numpy(), rtol=0, atol=1e-12)


def planted() -> list[list[str]]:
    rng = np.random.default_rng(0)
    groups = [["king", "queen", "crown"], ["apple", "pear", "plum"], ["lake", "pond", "river"]]
    return [[groups[g][i] for i in rng.integers(0, 3, 8)] for g in rng.integers(0, 3, 400)]


def test_words_of_one_group_are_nearest() -> None:
    # Words of two groups are never seen together, which GloVe leaves out; one word joins them.
    text = [[*sentence[:4], "the", *sentence[4:]] for sentence in planted()]
    vectors = train_glove(text, size=6, min_count=1, epochs=40, block=8, learning_rate=0.1, seed=0)
    checked = 0
    for group in (["king", "queen", "crown"], ["apple", "pear", "plum"], ["lake", "pond", "river"]):
        for word in group:
            alike = [vectors.similarity(word, other) for other in group if other != word]
            others = [vectors.similarity(word, w) for w in vectors.words[1:] if w not in group]
            assert min(alike) > max(others)
            checked += 1
    assert checked == 9


def test_products_approach_the_logarithms(monkeypatch: pytest.MonkeyPatch) -> None:
    """With as many numbers as words, the loss of the whole table goes far down."""
    import hfdl.foundations.words.glove as module

    tables: list[AdaGradRows] = []

    class Watched(AdaGradRows):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            tables.append(self)

    monkeypatch.setattr(module, "AdaGradRows", Watched)
    text = planted()
    train_glove(text, size=9, min_count=1, epochs=200, block=4, learning_rate=0.1)
    table = count_cooccurrences(read_corpus(text, min_count=1), 10)
    w, c = (t.value for t in tables)
    weight, log_x = importance(table.values), np.log(table.values)
    loss, _ = glove_loss(w[table.rows], c[table.columns], log_x, weight)
    assert loss < 1e-2 * float(weight @ log_x**2)


def test_the_seed_decides() -> None:
    first, again, other = (
        train_glove(planted()[:50], size=4, min_count=1, epochs=2, seed=seed) for seed in (1, 1, 2)
    )
    assert (first.vectors == again.vectors).all()
    assert not np.allclose(first.vectors, other.vectors)
    assert first.vectors.dtype == np.float32


def test_what_cannot_be_learned_is_refused() -> None:
    with pytest.raises(DataError, match="no two words are near each other; a sentence has two"):
        train_glove([["a"], ["b"]], min_count=1)
    with pytest.raises(ConfigError, match="epochs is 0; it is at least 1"):
        train_glove([["a", "b"]], epochs=0)
    with pytest.raises(ConfigError, match="x_max is 0; it is above 0"):
        train_glove([["a", "b"]], x_max=0)
    with pytest.raises(ConfigError, match="window is 0"):
        count_cooccurrences(read_corpus([["a"]], min_count=1), 0)
