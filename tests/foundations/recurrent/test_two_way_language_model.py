"""Words in context by two language models: torch's states, gradients, and two senses told apart."""

import numpy as np
import pytest
import torch
from helpers.foundation_checks import assert_passes_differences
from helpers.torch_recurrent import drawn

from hfdl.errors import ConfigError, ShapeError
from hfdl.foundations.fit import fit
from hfdl.foundations.losses import softmax_cross_entropy
from hfdl.foundations.optimizers import Adam
from hfdl.foundations.recurrent.lstm import LSTM
from hfdl.foundations.recurrent.two_way_language_model import (
    LayerMix,
    TwoWayLanguageModel,
    both_ways,
)


def small(layers: int = 2) -> TwoWayLanguageModel:
    model = TwoWayLanguageModel(7, 3, layers=layers, rng=0)
    for i, layer in enumerate([*model.forwards, *model.backwards]):
        drawn(layer, seed=i)
    return model


IDS = np.array([[0, 3, 6, 1, 3], [2, 2, 5, 0, 4]])


def torch_stack(layers: list[LSTM]) -> torch.nn.LSTM:
    """torch's LSTM of several layers in one direction, with our weights."""
    width = layers[0].state_widths[0]
    theirs = torch.nn.LSTM(width, width, len(layers), batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        for i, layer in enumerate(layers):
            getattr(theirs, f"weight_ih_l{i}").copy_(torch.from_numpy(layer.W_x.value.T))
            getattr(theirs, f"weight_hh_l{i}").copy_(torch.from_numpy(layer.W_h.value.T))
            getattr(theirs, f"bias_ih_l{i}").copy_(torch.from_numpy(layer.b.value))
            getattr(theirs, f"bias_hh_l{i}").zero_()
    return theirs


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_states_and_scores_are_torch_s(layers: int) -> None:
    model = small(layers)
    E = torch.from_numpy(model.embed.W.value[IDS])
    found = model.layers_of(IDS)
    assert found.shape == (layers + 1, 2, 5, 6)
    np.testing.assert_array_equal(found[0], np.concatenate([E.numpy()] * 2, axis=-1))
    for depth in range(1, layers + 1):
        ahead, _ = torch_stack(model.forwards[:depth])(E)
        back, _ = torch_stack(model.backwards[:depth])(E.flip(1))
        both = torch.cat([ahead, back.flip(1)], dim=-1).detach().numpy()
        np.testing.assert_allclose(found[depth], both, rtol=0, atol=1e-10)
    W, b = model.scores.W.value, model.scores.b
    assert b is not None
    scores, _ = model.forward(IDS)
    expected = np.concatenate([found[-1][:, :-1, :3], found[-1][:, 1:, 3:]], axis=1) @ W + b.value
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("layers", [1, 2])
def test_gradients(layers: int) -> None:
    assert_passes_differences(small(layers), IDS)


def test_no_direction_sees_the_word_that_it_guesses() -> None:
    """Another word at a place moves no guess of that place, in either direction."""
    model = small()
    scores, _ = model.forward(IDS)
    assert both_ways(IDS).shape == scores.shape[:2]
    for place in range(5):
        other = IDS.copy()
        other[:, place] = (other[:, place] + 1) % 7
        moved = np.abs(model.forward(other)[0] - scores).max(axis=(0, 2)) > 1e-12  # (8,)
        ahead, back = moved[:4], moved[4:]
        # Forward guess k is of word k + 1 from those before; backward guess k of word k.
        assert ahead.tolist() == [k >= place for k in range(4)]
        assert back.tolist() == [k < place for k in range(4)]


def test_the_mix_of_layers() -> None:
    X = np.random.default_rng(0).normal(size=(3, 2, 4, 5))
    mix = LayerMix(3)
    np.testing.assert_allclose(mix(X), X.mean(axis=0), atol=1e-12)
    mix.w.value[...] = [1.0, -2.0, 0.5]
    mix.scale.value[...] = 1.7
    share = np.exp(mix.w.value) / np.exp(mix.w.value).sum()
    expected = 1.7 * sum(s * x for s, x in zip(share, X, strict=True))
    np.testing.assert_allclose(mix(X), expected, atol=1e-12)
    assert_passes_differences(mix, X)
    with pytest.raises(ShapeError, match="the first axis is the 3 layers"):
        mix(X[:2])


FISHING = (["fisherman", "angler", "boy"], ["caught", "sold", "weighed"], ["lake", "river"])
MUSIC = (["singer", "drummer", "girl"], ["tuned", "played", "heard"], ["studio", "concert"])


def sentences(count: int, seed: int) -> tuple[list[list[str]], np.ndarray]:
    """the WHO DID the bass at the WHERE, of fishing (0) or music (1); others name another thing."""
    rng = np.random.default_rng(seed)
    text, sense = [], rng.integers(0, 2, count)
    for of in sense:
        who, did, where = (str(rng.choice(words)) for words in (FISHING, MUSIC)[of])
        thing = str(rng.choice(["bass", ("trout", "guitar")[of]]))
        text.append(["the", who, did, "the", thing, "at", "the", where])
    return text, sense


def test_one_word_has_different_vectors_in_two_senses() -> None:
    """Trained on guessing words alone; no sense was ever named."""
    text, _ = sentences(500, 0)
    words = sorted({word for sentence in text for word in sentence})
    ids = np.array([[words.index(word) for word in sentence] for sentence in text])
    model = TwoWayLanguageModel(len(words), 16, rng=0)
    history = fit(
        model, softmax_cross_entropy, (ids, both_ways(ids)), epochs=8, batch_size=32,
        optimizer=Adam(model.parameters(), 0.01), clip_norm=1.0,
    )  # fmt: skip
    assert history.loss[-1] < 0.4 * history.loss[0]
    new, sense = sentences(100, 1)
    rows = [i for i, sentence in enumerate(new) if sentence[4] == "bass"]
    senses = sense[rows]
    assert 10 < senses.sum() < len(senses) - 10
    layers = model.layers_of(np.array([[words.index(w) for w in new[i]] for i in rows]))[:, :, 4]
    static, *contextual = layers
    assert np.ptp(static, axis=0).max() == 0  # the table knows one bass
    for vectors in contextual:
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        cosines = unit @ unit.T
        same = senses[:, None] == senses
        assert cosines[same].min() > cosines[~same].max()


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ConfigError, match="0 layers; there is one at least"):
        TwoWayLanguageModel(5, 3, layers=0)
    for wrong in (IDS[0], IDS[:, :1]):
        with pytest.raises(ShapeError, match="two steps at least"):
            small().forward(wrong)
