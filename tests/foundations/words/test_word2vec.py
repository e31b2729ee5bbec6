"""word2vec: gradients against torch and central differences, and a planted structure."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hfdl.errors import ConfigError, DataError
from hfdl.foundations.gradcheck import central_differences
from hfdl.foundations.words.blocks import Block
from hfdl.foundations.words.negative_sampling import NoiseWords, block_loss, negative_sampling_loss
from hfdl.foundations.words.word2vec import Model, train_word2vec, update

GROUPS = {
    "royal": ["king", "queen", "prince", "crown"],
    "fruit": ["apple", "pear", "plum", "cherry"],
    "water": ["river", "lake", "pond", "stream"],
}


def planted(sentences: int = 600) -> list[list[str]]:
    """Sentences of words of one group, with words between that say nothing."""
    rng = np.random.default_rng(0)
    text = []
    for _ in range(sentences):
        group = list(GROUPS.values())[rng.integers(3)]
        words = [group[i] for i in rng.integers(0, 4, 6)]
        text.append([w for word in words for w in (word, "the")][: 11 - rng.integers(0, 3)])
    return text


def example(rows: int, inputs: int, outputs: int, mean: bool, seed: int) -> Block:
    rng = np.random.default_rng(seed)
    rows = rows if mean else inputs
    return Block(
        inputs=rng.permutation(20)[:inputs],
        outputs=rng.permutation(20)[:outputs],
        mean=rng.random((rows, inputs)) if mean else None,
        positive=rng.integers(0, 3, (rows, outputs)).astype(float),
        negative=rng.random((rows, outputs)) * 2,
    )


SIZES = st.integers(1, 5)


@given(SIZES, SIZES, SIZES, SIZES, st.booleans(), st.integers(0, 99))
def test_the_gradient_of_a_block(
    rows: int, inputs: int, outputs: int, size: int, mean: bool, seed: int
) -> None:
    block = example(rows, inputs, outputs, mean, seed)
    rng = np.random.default_rng(seed)
    u, o = rng.standard_normal((inputs, size)), rng.standard_normal((outputs, size))
    loss, backprop = block_loss(u, o, block)
    du, do = backprop()
    tu, to = torch.tensor(u, requires_grad=True), torch.tensor(o, requires_grad=True)
    h = tu if block.mean is None else torch.tensor(block.mean) @ tu
    scores = h @ to.T
    log_sigmoid = torch.nn.functional.logsigmoid
    expected = -(torch.tensor(block.positive) * log_sigmoid(scores)).sum()
    expected = expected - (torch.tensor(block.negative) * log_sigmoid(-scores)).sum()
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-12)
    assert tu.grad is not None
    assert to.grad is not None
    np.testing.assert_allclose(du, tu.grad.numpy(), rtol=0, atol=1e-10)
    np.testing.assert_allclose(do, to.grad.numpy(), rtol=0, atol=1e-10)
    for x, gradient in ((u, du), (o, do)):
        by_differences = central_differences(lambda _: block_loss(u, o, block)[0], x)
        np.testing.assert_allclose(gradient, by_differences, rtol=0, atol=1e-6)


@pytest.mark.parametrize("scale", [1e3, -1e3])
def test_large_scores_are_no_trouble(scale: float) -> None:
    ones = np.ones((1, 1))
    loss, backprop = negative_sampling_loss(ones * scale, ones, ones, ones)
    assert loss == pytest.approx(1e3)
    dh, _ = backprop()
    assert dh.tolist() == [[1.0 if scale > 0 else -1.0]]  # d/ds of |s| where s is far from 0


def test_float32_stays_float32() -> None:
    block = example(3, 3, 4, True, 0)
    parts = (block.mean, block.positive, block.negative)
    cast = Block(block.inputs, block.outputs, *(np.asarray(x, np.float32) for x in parts))
    _, backprop = block_loss(np.ones((3, 2), np.float32), np.ones((4, 2), np.float32), cast)
    assert [gradient.dtype for gradient in backprop()] == [np.float32, np.float32]


def test_an_update_goes_down_the_gradient_of_its_rows_alone() -> None:
    block = example(4, 3, 5, True, 1)
    rng = np.random.default_rng(1)
    inputs, outputs = rng.standard_normal((20, 4)), rng.standard_normal((20, 4))
    u, o = inputs[block.inputs].copy(), outputs[block.outputs].copy()
    others = np.setdiff1d(np.arange(20), block.inputs)
    untouched = inputs[others].copy()
    du, do = block_loss(u, o, block)[1]()
    update(inputs, outputs, block, 0.1)
    np.testing.assert_allclose(inputs[block.inputs], u - 0.1 * du, atol=1e-12)
    np.testing.assert_allclose(outputs[block.outputs], o - 0.1 * do, atol=1e-12)
    assert (inputs[others] == untouched).all()


def test_noise_words_come_as_their_counts_to_the_three_quarters() -> None:
    counts = np.array([1000, 300, 90, 30, 9, 3, 0])
    noise = NoiseWords(counts)
    expected = counts**0.75 / np.sum(counts**0.75)
    np.testing.assert_allclose(noise.probabilities, expected, rtol=1e-12)
    drawn = noise.draw((200, 500), np.random.default_rng(0))
    assert drawn.shape == (200, 500)
    found = np.bincount(drawn.ravel(), minlength=7)
    assert found[6] == 0
    chi = np.sum((found - 1e5 * expected)[:6] ** 2 / (1e5 * expected[:6]))
    assert chi < 20.5  # 5 degrees of freedom, p = 0.001
    with pytest.raises(ConfigError, match="noise needs a word that occurs"):
        NoiseWords(np.array([], dtype=int))


@pytest.mark.parametrize("model", ["skipgram", "cbow"])
def test_words_of_one_group_are_nearest(model: Model) -> None:
    vectors = train_word2vec(
        planted(), model=model, size=16, window=3, min_count=1, sample=1e-2, epochs=30, seed=0
    )
    assert set(vectors.words) == {"the", *(w for group in GROUPS.values() for w in group)}
    assert vectors.words[0] == "the"
    assert vectors.vectors.dtype == np.float32
    checked = 0
    for group in GROUPS.values():
        for word in group:
            nearest = [found for found, _ in vectors.nearest(word, 3)]
            assert set(nearest) == set(group) - {word}, (word, nearest)
            checked += 1
    assert checked == 12


def test_the_seed_decides() -> None:
    text = planted(60)
    settings = {"size": 5, "min_count": 1, "epochs": 2}
    first, again, other = (train_word2vec(text, seed=seed, **settings) for seed in (3, 3, 4))
    assert (first.vectors == again.vectors).all()
    assert not np.allclose(first.vectors, other.vectors)
    generator = train_word2vec((sentence for sentence in text), seed=3, **settings)
    assert (generator.vectors == first.vectors).all()


def test_the_loss_falls_by_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rate falls linearly from the given one, and the loss of a block falls."""
    import hfdl.foundations.words.word2vec as module

    steps, losses = [], []

    def watched(inputs: np.ndarray, outputs: np.ndarray, block: Block, step: float) -> None:
        pairs = block.positive.sum()
        loss = block_loss(inputs[block.inputs], outputs[block.outputs], block)[0]
        steps.append(float(step))
        losses.append(loss / max(pairs, 1))
        update(inputs, outputs, block, step)

    monkeypatch.setattr(module, "update", watched)
    monkeypatch.setattr("hfdl.foundations.words.passes.CHUNK", 500)
    train_word2vec(planted(), size=8, min_count=1, epochs=10, learning_rate=0.2, seed=0)
    assert steps[0] == pytest.approx(0.2)
    assert steps == sorted(steps, reverse=True)
    half = steps[len(steps) // 2]
    assert half == pytest.approx(0.1, rel=0.03)
    assert steps[-1] < 0.002
    assert losses[0] == pytest.approx(6 * np.log(2), rel=0.15)  # all scores 0: 1 + 5 pairs
    assert np.mean(losses[-50:]) < 0.8 * losses[0]


def test_texts_at_the_edge() -> None:
    one = train_word2vec([["a"]], min_count=1, size=3)  # one word, no pair: as it was drawn
    assert one.vectors.shape == (1, 3)
    assert np.abs(one.vectors).max() <= 0.5 / 3
    short = train_word2vec([["a", "b"], [], ["b"]], min_count=1, size=2, window=9, sample=0)
    assert np.isfinite(short.vectors).all()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"size": 0}, "size is 0; it is at least 1"),
        ({"negative": 0}, "negative is 0; it is at least 1"),
        ({"block": 0}, "block is 0; it is at least 1"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0; it is above 0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan; it is above 0"),
        ({"sample": -1.0}, "sample is -1.0"),
        ({"model": "skip-gram"}, "the model 'skip-gram'. Did you mean 'skipgram'?"),
    ],
)
def test_settings_out_of_range_are_refused(setting: dict, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        train_word2vec([["a", "b"]], **{"min_count": 1, **setting})
    assert message in str(error.value)


def test_text_without_frequent_words_is_refused() -> None:
    with pytest.raises(DataError, match="none of the 2 words occurs 5 times"):
        train_word2vec([["a", "b"]])
