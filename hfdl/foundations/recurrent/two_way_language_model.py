"""Vectors of words in context, from two language models that read in opposite directions.

    forwards     p(word_t | word_1 ... word_{t-1})        backwards    p(word_t | word_{t+1} ...)

Each reads a text with LSTMs and guesses the next word on its way. To guess well, its state has to
hold what kind of sentence this is, so the states of both at a word are a vector of the word *here*:
of "bass" in a lake and of "bass" in a band there are two (ELMo, Peters et al. 2018,
https://arxiv.org/abs/1802.05365). ELMo makes its words of characters; here they have a table.
"""

# pyright: reportConstantRedefinition=false

from __future__ import annotations

from typing import Any

import numpy as np

from hfdl.errors import ConfigError, ShapeError
from hfdl.foundations.activations import softmax
from hfdl.foundations.dense import Dense
from hfdl.foundations.initialization import Rng, generator, scaled_gaussian
from hfdl.foundations.layer import Backprop, Floats, Ints, Layer, Parameter, floats
from hfdl.foundations.recurrent.lstm import LSTM
from hfdl.foundations.words.embedding import Embedding


class TwoWayLanguageModel(Layer):
    """ids (B, T) -> scores (B, 2 (T - 1), V): of words 1 .. T - 1 forwards, 0 .. T - 2 backwards.

    Trained as any layer, and then used for its states:

        fit(model, softmax_cross_entropy, (ids, both_ways(ids)), ...)
        model.layers_of(ids)[-1]                # the highest states, (B, T, 2 H)

    The two directions share the table of words and the scores of words, as in the paper, and
    nothing else: their LSTMs see no state of the other direction, or a word could see itself.

    Args:
        words: V.
        width: H of each LSTM, and the width of the table.
        layers: LSTMs above each other, in each direction.
        rng: of the weights.

    Raises:
        ConfigError: there is no layer.
        ShapeError: in ``forward``, ids are not (B, T) with two steps or more.
    """

    def __init__(self, words: int, width: int, *, layers: int = 2, rng: Rng = None) -> None:
        if layers < 1:
            raise ConfigError(f"{layers} layers", rule="there is one at least")
        random = generator(rng)
        self.embed = Embedding(words, width, init=scaled_gaussian(0.1), rng=random)
        self.forwards = [LSTM(width, width, rng=random) for _ in range(layers)]
        self.backwards = [LSTM(width, width, rng=random) for _ in range(layers)]
        self.scores = Dense(width, words, rng=random)

    def forward(self, X: Any, *, train: bool = False) -> tuple[Floats, Backprop]:
        ids = np.asarray(X)
        if ids.ndim != 2 or ids.shape[1] < 2:
            raise ShapeError(
                f"ids {ids.shape}",
                where="TwoWayLanguageModel",
                rule="they are (B, T), with two steps at least: one word is guessed from another",
            )
        E, from_embed = self.embed.forward(ids, train=train)  # (B, T, H)
        ahead, through_ahead = _stack(self.forwards, E, train)
        # Read from the end, the last word first; turned round again afterwards.
        back, through_back = _stack(self.backwards, E[:, ::-1], train)
        S, from_scores = self.scores.forward(
            np.concatenate([ahead[-1][:, :-1], back[-1][:, ::-1][:, 1:]], axis=1), train=train
        )

        def backprop(dS: Floats) -> Floats:
            d_ahead, d_back = np.split(from_scores(dS), 2, axis=1)  # (B, T - 1, H) each
            none = np.zeros_like(d_ahead[:, :1])  # of the step that guesses nothing
            dE = through_ahead(np.concatenate([d_ahead, none], axis=1))
            dE = dE + through_back(np.concatenate([none, d_back], axis=1)[:, ::-1])[:, ::-1]
            return from_embed(dE)

        return S, backprop

    def layers_of(self, ids: Ints) -> Floats:
        """Every layer's vectors of every word: ids (B, T) -> (layers + 1, B, T, 2 H).

        Layer 0 is the word's row of the table, twice, which knows no context. The others are the
        forward state and the backward state at the word, side by side.
        """
        E = self.embed(ids)
        ahead, _ = _stack(self.forwards, E, False)
        back, _ = _stack(self.backwards, E[:, ::-1], False)
        both = [np.concatenate([a, b[:, ::-1]], axis=-1) for a, b in zip(ahead, back, strict=True)]
        return np.stack([np.concatenate([E, E], axis=-1), *both])


def both_ways(ids: Ints) -> Ints:
    """What the model is to guess: the words after each word, then those before. (B, 2 (T - 1))."""
    return np.concatenate([ids[:, 1:], ids[:, :-1]], axis=1)


class LayerMix(Layer):
    """(L, ..., D) -> (..., D): scale times the mean of the layers, weighted by softmax(w).

    By this a task chooses the layers that serve it (equation 1 of the paper): lower ones know
    grammar, higher ones meaning. With w at zero, as at first, all count alike.

    Args:
        layers: L.

    Raises:
        ShapeError: in ``forward``, the first axis is not L.
    """

    def __init__(self, layers: int) -> None:
        self.w = Parameter(np.zeros(layers))
        self.scale = Parameter(np.ones(1))

    def forward(self, X: Any, *, train: bool = False) -> tuple[Floats, Backprop]:
        w, scale = self.w, self.scale
        X = floats(X, w.value.dtype)
        if len(X) != len(w.value):
            raise ShapeError(
                f"X {X.shape}",
                where="LayerMix",
                rule=f"the first axis is the {len(w.value)} layers",
            )
        share = softmax(w.value)
        mixed = np.einsum("l,l...->...", share, X)  # (L,) (L, ..., D) -> (..., D)

        def backprop(dY: Floats) -> Floats:
            scale.grad += np.sum(dY * mixed)
            d_share: Floats = scale.value * np.tensordot(X, dY, axes=dY.ndim)  # (L,)
            w.grad += share * (d_share - d_share @ share)
            return np.multiply.outer(scale.value[0] * share, dY)

        return scale.value[0] * mixed, backprop


def _stack(layers: list[LSTM], X: Floats, train: bool) -> tuple[list[Floats], Backprop]:
    """The output of each layer, and the backward pass from that of the last."""
    outputs: list[Floats] = []
    backprops: list[Backprop] = []
    for layer in layers:
        X, backprop = layer.forward(X, train=train)
        outputs.append(X)
        backprops.append(backprop)

    def backprop_all(dY: Floats) -> Floats:
        for backprop in reversed(backprops):
            dY = backprop(dY)
        return dY

    return outputs, backprop_all
